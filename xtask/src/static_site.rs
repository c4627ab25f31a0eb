//! The book as files for any static host, under whatever path.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::links;
use crate::page::Page;
use crate::site::{NOT_FOUND, gather, write_if_changed};

/// Lists what was written, so that the next build can take it back and nothing else.
const NOTE: &str = ".wirebook";

/// Writes the rendered book and the page into `target`, which must be empty, or hold a book that
/// was written so.
pub(crate) fn write(book: &Path, page: &Page, target: &Path) -> Result<()> {
    let mut wanted = gather(book, page)?;
    // A page that is shown at any depth would have to know the path of the book on its host.
    wanted.remove(Path::new(NOT_FOUND));
    take_back(target, &wanted.keys().collect())?;
    for (name, content) in &wanted {
        write_if_changed(&target.join(name), content)?;
    }
    let names: Vec<String> = wanted
        .keys()
        .map(|name| name.to_string_lossy().replace('\\', "/"))
        .collect();
    write_if_changed(&target.join(NOTE), (names.join("\n") + "\n").as_bytes())?;
    links::check(target)
}

/// Removes what an earlier build wrote and this one does not.
fn take_back(target: &Path, wanted: &BTreeSet<&PathBuf>) -> Result<()> {
    let note = match fs::read_to_string(target.join(NOTE)) {
        Ok(note) => note,
        Err(_) if is_empty(target) => return Ok(()),
        Err(_) => bail!(
            "{} has files that no build of the book has written: name an empty folder",
            target.display()
        ),
    };
    for name in note.lines().map(Path::new) {
        let is_inside = name
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        let path = target.join(name);
        if is_inside && !wanted.contains(&name.to_owned()) && path.exists() {
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}

/// Whether a folder has no files, or is not there yet.
fn is_empty(folder: &Path) -> bool {
    match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_an_earlier_build_wrote_is_taken_back() {
        let folder = std::env::temp_dir().join(format!("wirebook-static-{}", std::process::id()));
        let (kept, stale, own) = (
            folder.join("index.html"),
            folder.join("old.html"),
            folder.join("CNAME"),
        );
        let wanted = PathBuf::from("index.html");
        let wanted = BTreeSet::from([&wanted]);
        assert!(take_back(&folder, &wanted).is_ok());
        fs::create_dir_all(&folder).unwrap();
        for file in [&kept, &stale, &own] {
            fs::write(file, "x").unwrap();
        }
        let error = take_back(&folder, &wanted).unwrap_err();
        assert!(error.to_string().contains("name an empty folder"));
        fs::write(folder.join(NOTE), "index.html\nold.html\n../up.html\n").unwrap();
        let result = take_back(&folder, &wanted);
        let left = [kept.exists(), stale.exists(), own.exists()];
        fs::remove_dir_all(&folder).unwrap();
        assert!(result.is_ok());
        assert_eq!(left, [true, false, true]);
    }
}
