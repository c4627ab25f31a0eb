//! `cargo lab bench`: the figures of BENCHMARKS.md.

use std::process::Command;

use anyhow::Result;

use crate::cargo::{cargo, run, run_shown};
use crate::paths::Paths;
use crate::steps::{Outcome, Steps};
use crate::{build, peers, release};

/// What is asked of a run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Of these figures alone: `echo`, `bulk`, `tap`, `start`, `size`, ...
    names: Vec<String>,
    /// How often everything is measured
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Installs what others are compared with: websocat and websockify, into `target/peers`
    #[arg(long)]
    install: bool,
    /// Puts the table into BENCHMARKS.md
    #[arg(long)]
    write: bool,
}

/// Builds everything, then measures. The table goes to standard output and to `target/bench.json`.
pub(crate) fn run_figures(paths: &Paths, arguments: &Arguments) -> Result<()> {
    let mut steps = Steps::new(build::STEPS + 2);
    let mut found = peers::Peers::default();
    steps.run("Looking for what to compare with", || {
        found = peers::find(paths, arguments.install)?;
        Ok(Outcome::Done)
    })?;
    let program = build::in_steps(paths, &mut steps)?;
    let bench = ["--release", "--package", "wirebook-tests", "--bin", "bench"];
    steps.run("Building the benchmark", || {
        run(flagged(paths, "build")?.args(bench))?;
        Ok(Outcome::Done)
    })?;

    let mut command = flagged(paths, "run")?;
    command
        .arg("--quiet")
        .args(bench)
        .arg("--")
        .args(&arguments.names)
        .arg("--json")
        .arg(paths.target.join("bench.json"))
        .env("WIREBOOK_BIN", &program)
        .env("WIREBOOK_SITE", &paths.site);
    if let Some(rounds) = arguments.rounds {
        command.arg("--rounds").arg(rounds.to_string());
    }
    if arguments.write {
        command.arg("--write").arg(paths.root.join("BENCHMARKS.md"));
    }
    if let Some(websocat) = &found.websocat {
        command.env("WIREBOOK_WEBSOCAT", websocat);
    }
    if let Some(websockify) = &found.websockify {
        command.env("WIREBOOK_WEBSOCKIFY", websockify);
    }
    run_shown(&mut command)
}

/// With the gateway's own flags, so that what both are made of is built once.
fn flagged(paths: &Paths, verb: &str) -> Result<Command> {
    let mut command = cargo(paths, &[verb]);
    release::add_flags(&mut command, "RUSTFLAGS", &release::flags(paths)?);
    Ok(command)
}
