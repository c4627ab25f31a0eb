//! `cargo lab build`: everything, in order.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::book::Recorded;
use crate::page::Profile;
use crate::paths::Paths;
use crate::steps::{Outcome, Steps};
use crate::{book, gateway, page};

/// How many steps [`in_steps`] takes.
pub(crate) const STEPS: usize = 3;

/// Builds everything; returns the gateway's program.
pub(crate) fn everything(paths: &Paths) -> Result<PathBuf> {
    in_steps(paths, &mut Steps::new(STEPS))
}

/// Builds everything as a part of something longer.
pub(crate) fn in_steps(paths: &Paths, steps: &mut Steps) -> Result<PathBuf> {
    let mut built = None;
    steps.run("Building the page (wasm)", || {
        let (page, outcome) = page::build(paths, Profile::Page)?;
        built = Some(page);
        Ok(outcome)
    })?;
    steps.run("Rendering the book", || match &built {
        Some(page) => book::build(paths, page, Recorded::Required),
        None => anyhow::bail!("there is no page to render the book around"),
    })?;
    steps.run("Building the gateway", || {
        gateway::build(paths, gateway::Profile::Release)
    })?;
    Ok(paths.program(gateway::Profile::Release.folder()))
}

/// Builds the page and the book for a static host.
pub(crate) fn static_book(paths: &Paths, target: &Path) -> Result<()> {
    let mut steps = Steps::new(1);
    steps.run("Writing the book for a static host", || {
        write_static(paths, target)
    })?;
    eprintln!("The whole book is in {}", target.display());
    Ok(())
}

/// Builds the page if it must be, and writes the book around it.
pub(crate) fn write_static(paths: &Paths, target: &Path) -> Result<Outcome> {
    let (page, _) = page::build(paths, Profile::Page)?;
    book::build_static(paths, &page, target)
}
