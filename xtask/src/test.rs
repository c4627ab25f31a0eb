//! `cargo lab test`: everything that CI does.

use anyhow::{Context, Result};

use crate::cargo::{cargo, run as run_command, run_shown};
use crate::page::TARGET;
use crate::paths::Paths;
use crate::steps::{Outcome, Steps};
use crate::{build, links, requirements};

/// Runs every check in order and stops at the first that fails. `arguments` go to `cargo test`.
fn run_all(paths: &Paths, arguments: &[String], steps: &mut Steps) -> Result<()> {
    let mut met = None;
    steps.run("Looking for what the tests need", || {
        met = Some(requirements::meet(paths)?);
        Ok(Outcome::Done)
    })?;
    let met = met.context("what the tests need is not known")?;

    steps.run("Checking the formatting", || {
        checked(paths, &["fmt", "--all", "--check"])
    })?;
    steps.run("Checking for lints", || {
        checked(
            paths,
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ],
        )
    })?;
    steps.run("Checking the page for lints (wasm)", || {
        checked(
            paths,
            &[
                "clippy",
                "--package",
                "wirebook-web",
                "--target",
                TARGET,
                "--",
                "-D",
                "warnings",
            ],
        )
    })?;
    steps.run("Checking the documentation", || {
        let mut command = cargo(paths, &["doc", "--no-deps", "--workspace"]);
        run_command(command.env("RUSTDOCFLAGS", "-D warnings"))?;
        Ok(Outcome::Done)
    })?;

    let program = build::in_steps(paths, steps)?;

    steps.run("Checking the book's links", || {
        links::check(&paths.site)?;
        Ok(Outcome::Done)
    })?;
    steps.run("Testing", || {
        let mut command = cargo(paths, &["test", "--workspace", "--no-fail-fast"]);
        command
            .args(arguments)
            .env("WIREBOOK_BIN", &program)
            .env("WIREBOOK_SITE", &paths.site)
            .env("WIREBOOK_SKIP", met.skip.join(","));
        if let Some(axe) = &met.axe {
            command.env("WIREBOOK_AXE", axe);
        }
        eprintln!();
        run_shown(&mut command)?;
        Ok(Outcome::Done)
    })?;
    if !met.skip.is_empty() {
        eprintln!(
            "\nSkipped, because it is missing here: {}",
            met.skip.join(", ")
        );
    }
    Ok(())
}

/// `cargo lab test`.
pub(crate) fn run(paths: &Paths, arguments: &[String]) -> Result<()> {
    let mut steps = Steps::new(7 + build::STEPS);
    let result = run_all(paths, arguments, &mut steps);
    steps.tell_times();
    result
}

fn checked(paths: &Paths, arguments: &[&str]) -> Result<Outcome> {
    run_command(&mut cargo(paths, arguments))?;
    Ok(Outcome::Done)
}
