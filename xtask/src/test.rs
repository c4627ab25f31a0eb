//! `cargo lab test`: everything that CI does.

use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo::{cargo, run as run_command, run_watched};
use crate::page::TARGET;
use crate::paths::Paths;
use crate::steps::{Outcome, Steps};
use crate::{build, links, requirements};

/// How the tests of all test programs ended.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
}

impl Count {
    /// Adds what a test program says at its end: `test result: ok. 3 passed; 0 failed; ...`.
    fn look(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else {
            return;
        };
        let words: Vec<_> = result.split([' ', ';']).collect();
        let before = |name| {
            let place = words.iter().position(|word| *word == name)?;
            words.get(place.checked_sub(1)?)?.parse::<u64>().ok()
        };
        self.passed += before("passed").unwrap_or(0);
        self.failed += before("failed").unwrap_or(0);
    }
}

/// Runs every check in order and stops at the first that fails. `arguments` go to `cargo test`.
fn run_all(
    paths: &Paths,
    arguments: &[String],
    steps: &mut Steps,
    count: &mut Count,
) -> Result<()> {
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
                "--package",
                "wirebook-depth",
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

    steps.run("Checking what is depended on", || match &met.deny {
        Some(deny) => {
            let mut command = Command::new(deny);
            command.current_dir(&paths.root);
            // Found in a folder of its own, it is started as cargo would.
            command.args(["--locked", "check", "licenses", "bans", "sources"]);
            run_command(&mut command)?;
            Ok(Outcome::Done)
        }
        // Said among what is missing.
        None => Ok(Outcome::Done),
    })?;

    let program = build::in_steps(paths, steps)?;

    let static_book = paths.static_book();
    steps.run("Writing the book for a static host", || {
        build::write_static(paths, &static_book)
    })?;
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
            .env("WIREBOOK_STATIC", &static_book)
            .env("WIREBOOK_SKIP", met.skip.join(","));
        if let Some(axe) = &met.axe {
            command.env("WIREBOOK_AXE", axe);
        }
        if let Some(lighthouse) = &met.lighthouse {
            command.env("WIREBOOK_LIGHTHOUSE", lighthouse);
        }
        eprintln!();
        run_watched(&mut command, |line| count.look(line))?;
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
    let mut steps = Steps::new(9 + build::STEPS);
    let mut count = Count::default();
    let result = run_all(paths, arguments, &mut steps, &mut count);
    steps.tell_times();
    if count != Count::default() {
        println!("{} passed, {} failed", count.passed, count.failed);
    }
    result
}

fn checked(paths: &Paths, arguments: &[&str]) -> Result<Outcome> {
    run_command(&mut cargo(paths, arguments))?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_of_all_test_programs_are_added_up() {
        let mut count = Count::default();
        for line in [
            "test result: ok. 41 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.09s",
            "test a_story ... ok",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 3s",
            "test result: ",
        ] {
            count.look(line);
        }
        assert_eq!(
            count,
            Count {
                passed: 43,
                failed: 1
            }
        );
    }
}
