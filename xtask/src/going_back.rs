//! Going back shows a page at once, as it was left: browsers keep pages for that, but not one that
//! wants to hear of its end (<https://web.dev/articles/bfcache>), and mdBook's script does.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use sha2::{Digest, Sha256};

/// An empty handler, from times when it cured old browsers.
const UNLOAD: &str = "\n// Fix back button cache problem\nwindow.onunload = function() { };\n";

/// Takes that line out of mdBook's script, and renames the script, since its name tells its content.
pub(crate) fn allow(site: &mut BTreeMap<PathBuf, Vec<u8>>) -> Result<()> {
    let scripts: Vec<(PathBuf, String)> = site
        .iter()
        .filter(|(name, _)| name.extension().is_some_and(|end| end == "js"))
        .filter_map(|(name, content)| Some((name.clone(), std::str::from_utf8(content).ok()?)))
        .filter(|(_, content)| content.contains(UNLOAD))
        .map(|(name, content)| (name, content.replace(UNLOAD, "\n")))
        .collect();
    ensure!(
        scripts.len() == 1,
        "expected one script of mdBook with an unload handler: mdBook is made differently now"
    );
    for (name, content) in scripts {
        let hash = Sha256::digest(&content);
        let hash: String = hash
            .iter()
            .take(4)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        site.remove(&name);
        let old = name.to_string_lossy().into_owned();
        let new = format!("book-{hash}.js");
        site.insert(PathBuf::from(&new), content.into_bytes());
        for (page, content) in site.iter_mut() {
            if page.extension().is_some_and(|end| end == "html")
                && let Ok(text) = std::str::from_utf8(content)
            {
                *content = text.replace(&old, &new).into_bytes();
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handler_goes_and_every_page_knows_the_new_name() {
        let script = format!("'use strict';\n{UNLOAD}\nlet a;");
        let mut site = BTreeMap::from([
            (PathBuf::from("book-609e4cb8.js"), script.into_bytes()),
            (
                PathBuf::from("a.html"),
                b"<script src=\"book-609e4cb8.js\">".to_vec(),
            ),
        ]);
        allow(&mut site).unwrap();
        let (name, script) = site
            .iter()
            .find(|(name, _)| name.extension().is_some_and(|end| end == "js"))
            .unwrap();
        assert_eq!(script, b"'use strict';\n\n\nlet a;");
        assert_ne!(name, &PathBuf::from("book-609e4cb8.js"));
        let page = format!("<script src=\"{}\">", name.display());
        assert_eq!(site[&PathBuf::from("a.html")], page.as_bytes());
        // A second time there is nothing to take out, and nobody would notice.
        allow(&mut site).unwrap_err();
    }
}
