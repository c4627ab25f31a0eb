//! Where things are.

use std::path::{Path, PathBuf};

/// The folders of this repository and of what is built from it.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    /// The top of the repository.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// The site that the gateway takes in: always at the same place, wherever cargo builds.
    pub(crate) site: PathBuf,
    /// What is kept between two runs.
    pub(crate) cache: PathBuf,
}

impl Paths {
    pub(crate) fn new() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = root.parent().unwrap_or(root).to_owned();
        let target = std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| root.join("target"), |target| root.join(target));
        Self {
            site: root.join("target/site"),
            cache: root.join("target/lab"),
            root,
            target,
        }
    }

    /// The book for a static host, as the tests read it.
    pub(crate) fn static_book(&self) -> PathBuf {
        self.root.join("target/static")
    }

    /// The gateway, as a profile's folder holds it.
    pub(crate) fn program(&self, folder: &str) -> PathBuf {
        let name = format!("wirebook{}", std::env::consts::EXE_SUFFIX);
        self.target.join(folder).join(name)
    }
}
