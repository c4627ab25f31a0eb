//! The gateway: the program with the site inside.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::build;
use crate::cargo::{cargo, run};
use crate::paths::Paths;
use crate::release::{self, Commit};
use crate::steps::Outcome;

/// How the gateway is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Fast, for readers.
    Release,
    /// Quickly built, for authors.
    Dev,
}

impl Profile {
    /// Where cargo puts what it builds with this profile.
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Dev => "debug",
        }
    }
}

/// Builds the gateway; cargo knows best whether it must.
pub(crate) fn build(paths: &Paths, profile: Profile) -> Result<Outcome> {
    let mut command = cargo(paths, &["build", "--package", "wirebook"]);
    if profile == Profile::Release {
        command.arg("--release");
        release::add_flags(&mut command, "RUSTFLAGS", &release::flags(paths)?);
        if let Some(commit) = Commit::current(paths) {
            command.env("WIREBOOK_VERSION", commit.version());
        }
    }
    run(&mut command)?;
    Ok(Outcome::Done)
}

/// Builds everything and becomes the gateway.
pub(crate) fn serve(paths: &Paths, arguments: &[String]) -> Result<()> {
    let program = build::everything(paths)?;
    let mut command = Command::new(&program);
    command.arg("serve").args(arguments);
    become_it(&mut command).with_context(|| format!("starting {}", short(paths, &program)))
}

fn short(paths: &Paths, program: &Path) -> String {
    let short = program.strip_prefix(&paths.root).unwrap_or(program);
    short.display().to_string()
}

/// Signals must reach the gateway, so that it can drain: it takes this process's place.
#[cfg(unix)]
fn become_it(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    Err(command.exec().into())
}

#[cfg(not(unix))]
fn become_it(command: &mut Command) -> Result<()> {
    crate::cargo::run_shown(command)
}
