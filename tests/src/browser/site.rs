//! A copy of the built book, so that a test can publish a new build of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A book in a folder of its own.
#[derive(Debug)]
pub struct Site {
    folder: tempfile::TempDir,
    build: String,
}

impl Site {
    /// A copy of what `cargo lab build` left.
    pub fn copy() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let built = std::env::var_os("WIREBOOK_SITE").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/site"),
            PathBuf::from,
        );
        for file in files(&built)? {
            let copy = folder.path().join(file.strip_prefix(&built)?);
            fs::create_dir_all(copy.parent().context("a file has a folder")?)?;
            fs::copy(&file, copy)?;
        }
        let description: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(folder.path().join("site.json"))?)?;
        let build = description["build"].as_str().context("a build's name")?;
        let build = build.to_owned();
        Ok(Self { folder, build })
    }

    /// For `wirebook serve --site`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Gives the book another build's name, on every page and in its description.
    pub fn publish(&mut self, build: &str) -> Result<()> {
        for file in files(self.folder.path())? {
            if matches!(
                file.extension().and_then(|end| end.to_str()),
                Some("html" | "json")
            ) {
                let text = fs::read_to_string(&file)?;
                fs::write(&file, text.replace(&self.build, build))?;
            }
        }
        self.build = build.to_owned();
        Ok(())
    }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        match path.is_dir() {
            true => found.extend(files(&path)?),
            false => found.push(path),
        }
    }
    Ok(found)
}
