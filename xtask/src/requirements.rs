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

/// A tool that no system brings: it is fetched into a folder of our own.
struct Tool {
    /// What the tests call it in `WIREBOOK_SKIP`.
    name: &'static str,
    /// What is asked of its package manager.
    package: &'static str,
    /// The file that is there when it is, below the folder.
    file: &'static str,
    /// What is not tested without it.
    tests: &'static str,
}

/// They come through npm.
const AXE: Tool = Tool {
    name: "axe",
    package: "axe-core@4",
    file: "node_modules/axe-core/axe.min.js",
    tests: "accessibility",
};
const LIGHTHOUSE: Tool = Tool {
    name: "lighthouse",
    // The last that runs on the Node.js of Debian 12.
    package: "lighthouse@12",
    file: "node_modules/lighthouse/cli/index.js",
    tests: "how quickly pages load, and what browsers advise against",
};

/// It comes through cargo.
const DENY: Tool = Tool {
    name: "cargo-deny",
    package: "cargo-deny@0.20.2",
    file: "bin/cargo-deny",
    tests: "the licences and sources of dependencies",
};

/// What is there now.
pub(crate) struct Met {
    /// Names for `WIREBOOK_SKIP`.
    pub(crate) skip: Vec<&'static str>,
    /// The script of the accessibility checker.
    pub(crate) axe: Option<PathBuf>,
    /// The script of the checker of whole pages.
    pub(crate) lighthouse: Option<PathBuf>,
    /// The checker of dependencies.
    pub(crate) deny: Option<PathBuf>,
}

/// Installs what is missing where it can; with `CI` set nothing may be missing.
pub(crate) fn meet(paths: &Paths) -> Result<Met> {
    components(paths)?;
    page::ensure_target(paths)?;

    let missing: Vec<&Requirement> = REQUIREMENTS
        .iter()
        .filter(|needed| !needed.is_met())
        .collect();
    let tools = paths.root.join("target/peers");
    let through_npm: Vec<&Tool> = [&AXE, &LIGHTHOUSE]
        .into_iter()
        .filter(|tool| tool.at(&tools).is_none())
        .collect();
    let lacks_npm = !through_npm.is_empty() && !is_installed("npm");
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
    if !through_npm.is_empty() && is_installed("npm") {
        without_it(fetch_through_npm(&through_npm, &tools));
    }
    if DENY.at(&tools).is_none() {
        without_it(fetch_deny(paths, &tools));
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
    for tool in [&AXE, &LIGHTHOUSE, &DENY] {
        if tool.at(&tools).is_none() {
            let Tool {
                name,
                package,
                tests,
                ..
            } = tool;
            eprintln!("      Missing: {name} ({package}): without it, not tested: {tests}");
            skip.push(name);
        }
    }
    if !skip.is_empty() && std::env::var_os("CI").is_some() {
        bail!(
            "under CI nothing may be skipped; missing: {}",
            skip.join(", ")
        );
    }
    Ok(Met {
        skip,
        axe: AXE.at(&tools),
        lighthouse: LIGHTHOUSE.at(&tools),
        deny: DENY.at(&tools),
    })
}

impl Tool {
    /// Where it is, if it is there.
    fn at(&self, tools: &Path) -> Option<PathBuf> {
        let mut file = tools.join(self.file);
        if self.file.starts_with("bin/") {
            file.set_extension(std::env::consts::EXE_EXTENSION);
        }
        file.is_file().then_some(file)
    }
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

fn fetch_through_npm(wanted: &[&Tool], tools: &Path) -> Result<()> {
    let packages: Vec<_> = wanted.iter().map(|tool| tool.package).collect();
    say(&format!("npm install {}", packages.join(" ")));
    std::fs::create_dir_all(tools).context("making the folder for tools")?;
    let mut command = Command::new("npm");
    command
        // A package's own script could fetch whatever it likes.
        .args([
            "install",
            "--no-audit",
            "--no-fund",
            "--silent",
            "--ignore-scripts",
        ])
        .arg("--prefix")
        .arg(tools)
        .args(packages);
    run(&mut command)
}

/// A tool that cannot be had is told as missing, with what that leaves untested.
fn without_it(fetched: Result<()>) {
    if let Err(error) = fetched {
        eprintln!("      {error:#}");
    }
}

/// Without its default features it asks no certificate store, and builds in half the time.
fn fetch_deny(paths: &Paths, tools: &Path) -> Result<()> {
    say(&format!("cargo install {}", DENY.package));
    let mut command = cargo(paths, &["install", DENY.package]);
    command
        .args(["--locked", "--no-default-features", "--quiet", "--root"])
        .arg(tools)
        .arg("--target-dir")
        .arg(tools.join("target"));
    run(&mut command)?;
    // Some hundred megabytes that nobody needs again.
    std::fs::remove_dir_all(tools.join("target")).context("clearing what building a tool left")
}

fn say(what: &str) {
    eprintln!("\n      Installing what the tests need: {what}");
}
