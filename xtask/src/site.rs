//! The folder that the gateway takes in: the rendered book, the page, and a note about both.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::anywhere::readable_anywhere;
use crate::going_back;
use crate::html;
use crate::inputs::files;
use crate::page::Page;
use crate::paths::Paths;

/// The note for the gateway, not for readers.
const NOTE: &str = "site.json";

/// The page for addresses that lead nowhere.
pub(crate) const NOT_FOUND: &str = "404.html";

/// Whether the site is that of `build` already.
pub(crate) fn is_built(paths: &Paths, build: &str) -> bool {
    fs::read_to_string(paths.site.join(NOTE))
        .ok()
        .and_then(|note| serde_json::from_str::<serde_json::Value>(&note).ok())
        .is_some_and(|note| note["build"] == build)
}

/// Makes the site from the rendered book and the page.
///
/// Only what changed is written, so that nothing is built again for a file that stayed the same;
/// the note comes last, so that a half-made site is never taken for a whole one.
pub(crate) fn assemble(paths: &Paths, book: &Path, page: &Page, build: &str) -> Result<()> {
    let mut wanted = gather(book, page)?;
    if let Some(content) = wanted.get_mut(Path::new(NOT_FOUND)) {
        let page = std::str::from_utf8(content).context("404.html is not UTF-8")?;
        *content = readable_anywhere(page)?.into_bytes();
    }
    let note = serde_json::json!({
        "build": build,
        "script_hashes": script_hashes(&wanted)?,
    });

    let note_path = paths.site.join(NOTE);
    if note_path.exists() {
        fs::remove_file(&note_path).context("taking the old site back")?;
    }
    for old in files(&paths.site)? {
        if !wanted.contains_key(old.strip_prefix(&paths.site)?) {
            fs::remove_file(&old).with_context(|| format!("removing {}", old.display()))?;
        }
    }
    for (name, content) in &wanted {
        write_if_changed(&paths.site.join(name), content)?;
    }
    fs::write(&note_path, serde_json::to_string_pretty(&note)?).context("writing the site's note")
}

/// Every file of the rendered book and of the page, by its name in the site.
pub(crate) fn gather(book: &Path, page: &Page) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut wanted = BTreeMap::new();
    for file in files(book)? {
        wanted.insert(file.strip_prefix(book)?.to_owned(), fs::read(&file)?);
    }
    going_back::allow(&mut wanted)?;
    for file in files(&page.folder)? {
        let name = Path::new("lab").join(file.strip_prefix(&page.folder)?);
        wanted.insert(name, fs::read(&file)?);
    }
    Ok(wanted)
}

pub(crate) fn write_if_changed(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    }
    fs::write(path, content).with_context(|| format!("writing {}", path.display()))
}

/// The hashes of all inline scripts, as a Content-Security-Policy names them (CSP 3, 2.3.1).
fn script_hashes(site: &BTreeMap<PathBuf, Vec<u8>>) -> Result<BTreeSet<String>> {
    let mut hashes = BTreeSet::new();
    for (name, content) in site {
        if name.extension().is_none_or(|extension| extension != "html") {
            continue;
        }
        let page = std::str::from_utf8(content)
            .with_context(|| format!("{} is not UTF-8", name.display()))?;
        let scan = html::scan(page).with_context(|| format!("reading {}", name.display()))?;
        if let Some(handler) = scan.handlers.first() {
            bail!(
                "{} has {handler}, which the Content-Security-Policy forbids",
                name.display()
            );
        }
        for script in &scan.scripts {
            let hash = STANDARD.encode(Sha256::digest(script));
            hashes.insert(format!("sha256-{hash}"));
        }
    }
    Ok(hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(page: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        [(PathBuf::from("a.html"), page.as_bytes().to_vec())].into()
    }

    #[test]
    fn a_script_is_hashed_as_browsers_do() {
        // The example of CSP 3, 8.3.
        let hashes = script_hashes(&site("<script>doSubmit()</script>")).unwrap();
        let expected = "sha256-jzgBGA4UWFFmpOBq0JpdsySukE1FrEN5bUpoK8Z29fY=";
        assert_eq!(hashes.into_iter().collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn a_handler_in_a_page_is_an_error() {
        let error = script_hashes(&site("<p onclick=x>")).unwrap_err();
        assert!(error.to_string().contains("<p onclick>"));
    }
}
