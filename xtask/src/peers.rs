//! The programs that the gateway is measured beside.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::cargo::{cargo, is_installed, run};
use crate::paths::Paths;

/// The last 1.x: a pipe that is as well known as it is quick.
const WEBSOCAT: &str = "websocat@1.14.0";

/// What there is.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    pub(crate) websocat: Option<PathBuf>,
    pub(crate) websockify: Option<PathBuf>,
}

/// Looks in `target/peers` and on the path; installs what is missing if it may.
pub(crate) fn find(paths: &Paths, install: bool) -> Result<Peers> {
    let folder = paths.root.join("target/peers");
    // The same wherever cargo builds: nobody compiles it twice.
    let websocat = folder.join("bin/websocat");
    let websockify = folder.join("websockify/bin/websockify");
    if install {
        if found(&websocat).is_none() {
            install_websocat(paths, &folder)?;
        }
        if found(&websockify).is_none() {
            install_websockify(&folder)?;
        }
    }
    let peers = Peers {
        websocat: found(&websocat),
        websockify: found(&websockify),
    };
    for (name, found) in [
        ("websocat", &peers.websocat),
        ("websockify", &peers.websockify),
    ] {
        if found.is_none() {
            eprintln!("      Missing: {name}: nothing is compared with it (`--install` brings it)");
        }
    }
    Ok(peers)
}

/// This file, or the program of its name on the path.
fn found(file: &Path) -> Option<PathBuf> {
    let name = file.file_name()?;
    if file.is_file() {
        return Some(file.to_owned());
    }
    is_installed(&name.to_string_lossy()).then(|| PathBuf::from(name))
}

fn install_websocat(paths: &Paths, folder: &Path) -> Result<()> {
    say(WEBSOCAT);
    // Not with its own lock file, which names a crate that compilers of today refuse. Without TLS,
    // which nothing here needs.
    let mut command = cargo(paths, &["install", WEBSOCAT, "--no-default-features"]);
    run(command.arg("--root").arg(folder))
}

fn install_websockify(folder: &Path) -> Result<()> {
    say("websockify");
    let environment = folder.join("websockify");
    run(Command::new("python3")
        .args(["-m", "venv"])
        .arg(&environment))?;
    run(Command::new(environment.join("bin/pip")).args(["install", "--quiet", "websockify"]))
}

fn say(what: &str) {
    eprintln!("\n      Installing what to compare with: {what}");
}
