//! Whether a part must be built again: a hash over everything it is made of.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// A hash over files and words, in the order they were added.
pub(crate) struct Inputs {
    root: PathBuf,
    hash: Sha256,
}

impl Inputs {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            hash: Sha256::new(),
        }
    }

    /// Adds a word.
    pub(crate) fn word(mut self, word: &str) -> Self {
        self.add(word.as_bytes());
        self
    }

    /// Adds a file, or every file of a folder, by path from the top of the repository and content.
    /// What does not exist adds its absence.
    pub(crate) fn path(mut self, path: &str) -> Result<Self> {
        for file in files(&self.root.join(path))? {
            let name = file.strip_prefix(&self.root).unwrap_or(&file);
            let content = fs::read(&file).with_context(|| format!("reading {}", name.display()))?;
            self.add(name.to_string_lossy().as_bytes());
            self.add(&content);
        }
        Ok(self)
    }

    /// 16 hexadecimal digits.
    pub(crate) fn finish(self) -> String {
        short(&self.hash.finalize())
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hash.update((bytes.len() as u64).to_le_bytes());
        self.hash.update(bytes);
    }
}

/// 16 hexadecimal digits for some bytes.
pub(crate) fn hash_of(bytes: &[u8]) -> String {
    short(&Sha256::digest(bytes))
}

fn short(digest: &[u8]) -> String {
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Every file below a path, sorted; none if it does not exist. Hidden ones and editors' backups are
/// left out.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut waiting = vec![path.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_file() {
            found.push(path);
        } else if path.is_dir() {
            let entries =
                fs::read_dir(&path).with_context(|| format!("reading {}", path.display()))?;
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if !name.starts_with('.') && !name.ends_with('~') {
                    waiting.push(entry.path());
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_kept_apart() {
        let hash = |words: &[&str]| {
            let inputs = Inputs::new(Path::new("/"));
            words
                .iter()
                .fold(inputs, |inputs, word| inputs.word(word))
                .finish()
        };
        assert_eq!(hash(&["ab", "c"]), hash(&["ab", "c"]));
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_eq!(hash(&[]).len(), 16);
    }

    #[test]
    fn files_count_by_name_and_content() {
        let top = Path::new(env!("CARGO_MANIFEST_DIR"));
        let found = files(&top.join("src")).unwrap();
        assert!(found.contains(&top.join("src/main.rs")));
        let hash = |path: &str| Inputs::new(top).path(path).unwrap().finish();
        assert_eq!(hash("src/main.rs"), hash("src/main.rs"));
        assert_ne!(hash("src/main.rs"), hash("src/paths.rs"));
        assert_eq!(hash("no/such/folder"), Inputs::new(top).finish());
    }
}
