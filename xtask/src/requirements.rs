//! What the tests need beyond Rust: installed where that can be done, named where it cannot.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo::{cargo, is_installed, run, run_shown};
use crate::page;
use crate::paths::Paths;

/// Something that some tests need.
struct Requirement {
    /// What the tests call it in `WIREBOOK_SKIP`.
    name: &'static str,
    /// For each program, the names under which it may be found.
    programs: &'static [&'static [&'static str]],
    /// The Debian packages that bring it.
    packages: &'static [&'static str],
    /// What is not tested without it.
    tests: &'static str,
}

const REQUIREMENTS: [Requirement; 7] = [
    Requirement {
        name: "browser",
        programs: &[
            &["chromium", "chromium-browser", "google-chrome"],
            &["chromedriver"],
        ],
        packages: &["chromium", "chromium-driver"],
        tests: "every journey in a real browser",
    },
    Requirement {
        name: "go",
        programs: &[&["go"]],
        packages: &["golang-go"],
        tests: "the Go programs of the book",
    },
    Requirement {
        name: "nc",
        programs: &[&["nc"]],
        packages: &["netcat-openbsd"],
        tests: "nc as a client",
    },
    Requirement {
        name: "dig",
        programs: &[&["dig"]],
        packages: &["bind9-dnsutils"],
        tests: "dig as a client of the DNS server",
    },
    Requirement {
        name: "python",
        programs: &[&["python3"]],
        packages: &["python3"],
        tests: "Python sockets as clients",
    },
    Requirement {
        name: "ip",
        programs: &[&["ip"]],
        packages: &["iproute2"],
        tests: "what the local network can reach (as root)",
    },
    Requirement {
        name: "tshark",
        programs: &[&["tshark"]],
        packages: &["tshark"],
        tests: "exchanges exported for Wireshark, and that it reads packets as we do",
    },
];

/// The accessibility checker, which comes through npm.
const AXE: &str = "axe-core@4";

/// What is there now.
pub(crate) struct Met {
    /// Names for `WIREBOOK_SKIP`.
    pub(crate) skip: Vec<&'static str>,
    /// The script of the accessibility checker.
    pub(crate) axe: Option<PathBuf>,
}

/// Installs what is missing where it can; with `CI` set nothing may be missing.
pub(crate) fn meet(paths: &Paths) -> Result<Met> {
    components(paths)?;
    page::ensure_target(paths)?;

    let missing: Vec<&Requirement> = REQUIREMENTS
        .iter()
        .filter(|needed| !needed.is_met())
        .collect();
    let axe = paths
        .root
        .join("target/peers/node_modules/axe-core/axe.min.js");
    let lacks_npm = !axe.is_file() && !is_installed("npm");
    let mut packages: Vec<&str> = missing
        .iter()
        .flat_map(|needed| needed.packages)
        .copied()
        .collect();
    if lacks_npm {
        packages.push("npm");
    }
    if !packages.is_empty() && can_install() {
        install(&packages)?;
    }
    if !axe.is_file() && is_installed("npm") {
        fetch_axe(paths)?;
    }

    let mut skip = Vec::new();
    for needed in REQUIREMENTS.iter().filter(|needed| !needed.is_met()) {
        eprintln!(
            "      Missing: {} ({}): without it, not tested: {}",
            needed.name,
            needed.packages.join(", "),
            needed.tests
        );
        skip.push(needed.name);
    }
    let axe = axe.is_file().then_some(axe);
    if axe.is_none() {
        eprintln!("      Missing: axe ({AXE} through npm): without it, not tested: accessibility");
        skip.push("axe");
    }
    if !skip.is_empty() && std::env::var_os("CI").is_some() {
        bail!(
            "under CI nothing may be skipped; missing: {}",
            skip.join(", ")
        );
    }
    Ok(Met { skip, axe })
}

impl Requirement {
    fn is_met(&self) -> bool {
        self.programs
            .iter()
            .all(|names| names.iter().any(|name| is_installed(name)))
    }
}

/// Clippy and rustfmt, which a minimal toolchain may lack.
fn components(paths: &Paths) -> Result<()> {
    for (tool, component) in [("clippy", "clippy"), ("fmt", "rustfmt")] {
        let is_there = cargo(paths, &[tool, "--version"])
            .output()
            .is_ok_and(|output| output.status.success());
        if !is_there {
            say(&format!("rustup component add {component}"));
            let mut rustup = Command::new("rustup");
            rustup
                .current_dir(&paths.root)
                .args(["component", "add", component]);
            run_shown(&mut rustup).with_context(|| format!("the checks need {component}"))?;
        }
    }
    Ok(())
}

/// Debian or a relative of it, as root.
fn can_install() -> bool {
    let user = Command::new("id").arg("-u").output();
    Path::new("/etc/debian_version").is_file()
        && is_installed("apt-get")
        && user.is_ok_and(|user| user.stdout.trim_ascii() == b"0")
}

fn install(packages: &[&str]) -> Result<()> {
    say("apt-get update");
    run(Command::new("apt-get").args(["update", "--quiet"]))?;
    say(&format!("apt-get install {}", packages.join(" ")));
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(packages);
    run(&mut command)
}

fn fetch_axe(paths: &Paths) -> Result<()> {
    say(&format!("npm install {AXE}"));
    let folder = paths.root.join("target/peers");
    std::fs::create_dir_all(&folder).context("making the folder for axe-core")?;
    let mut command = Command::new("npm");
    command
        .args(["install", "--no-audit", "--no-fund", "--silent", "--prefix"])
        .arg(&folder)
        .arg(AXE);
    run(&mut command)
}

fn say(what: &str) {
    eprintln!("\n      Installing what the tests need: {what}");
}
