//! What makes a build say where it comes from, and come out the same wherever it is made.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo::{cargo, output};
use crate::paths::Paths;

/// The commit that is built.
pub(crate) struct Commit {
    /// Twelve digits; with `+changes` if files differ from it.
    pub(crate) name: String,
    /// In seconds since 1970.
    pub(crate) time_s: u64,
    date: String,
}

impl Commit {
    /// Of this repository; `None` where there is no git or no repository.
    pub(crate) fn current(paths: &Paths) -> Option<Self> {
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command.current_dir(&paths.root).args(arguments);
            let output = command.output().ok()?;
            let is_good = output.status.success();
            is_good.then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        let head = git(&["log", "-1", "--format=%H %ct %cs"])?;
        let mut words = head.split(' ');
        let (hash, time, date) = (words.next()?, words.next()?, words.next()?);
        let changes = match git(&["status", "--porcelain"])?.is_empty() {
            true => "",
            false => "+changes",
        };
        Some(Self {
            name: format!("{}{changes}", hash.get(..12)?),
            time_s: time.parse().ok()?,
            date: date.to_owned(),
        })
    }

    /// What `wirebook --version` says after the name.
    pub(crate) fn version(&self) -> String {
        let Self { name, date, .. } = self;
        format!("{} ({name} {date})", env!("CARGO_PKG_VERSION"))
    }
}

/// Flags for rustc in place of the folders of whoever builds: with them no path of this machine is
/// in what is built, and it is the same on another machine.
pub(crate) fn flags(paths: &Paths) -> Result<String> {
    let mut flags = format!("--remap-path-prefix={}=.", paths.root.display());
    for folder in sources(paths)? {
        flags += &format!(" --remap-path-prefix={}=crates", folder.display());
    }
    Ok(flags)
}

/// Where cargo keeps the sources of crates.
fn sources(paths: &Paths) -> Result<Vec<PathBuf>> {
    let mut command = cargo(paths, &["metadata", "--format-version", "1", "--locked"]);
    let metadata: serde_json::Value =
        serde_json::from_str(&output(&mut command)?).context("reading cargo's metadata")?;
    let mut folders: Vec<PathBuf> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|package| !package["source"].is_null())
        .filter_map(|package| package["manifest_path"].as_str())
        // SOURCES/NAME-VERSION/Cargo.toml
        .filter_map(|manifest| {
            PathBuf::from(manifest)
                .ancestors()
                .nth(2)
                .map(PathBuf::from)
        })
        .collect();
    folders.sort_unstable();
    folders.dedup();
    Ok(folders)
}

/// Adds flags to those that a variable has already.
pub(crate) fn add_flags(command: &mut Command, variable: &str, flags: &str) {
    let before = std::env::var(variable).unwrap_or_default();
    command.env(variable, format!("{before} {flags}").trim());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_of_this_machine_is_named_anew() {
        let flags = flags(&Paths::new()).unwrap();
        assert!(flags.ends_with("=crates"), "{flags}");
        let mut prefixes = flags.split(" --remap-path-prefix=").skip(1);
        let sources = prefixes.next().unwrap().split('=').next().unwrap();
        assert!(PathBuf::from(sources).is_dir(), "{sources}");
    }
}
