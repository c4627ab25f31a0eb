//! `cargo lab record`: the labs of the book, played against the real servers.

use std::process::Stdio;

use anyhow::Result;

use crate::cargo::{cargo, run_shown};
use crate::paths::Paths;

/// Plays these labs, or all, and keeps what was observed where it is new.
pub(crate) fn run(paths: &Paths, labs: &[String]) -> Result<()> {
    let program = [
        "run",
        "--quiet",
        "--package",
        "wirebook-tests",
        "--bin",
        "record",
        "--",
    ];
    let mut command = cargo(paths, &program);
    // The lessons print what they read; what was recorded is told on standard error.
    command.args(labs).stdout(Stdio::null());
    run_shown(&mut command)
}
