//! The book: chapters as HTML, by mdBook as a library and with our own preprocessor.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mdbook_driver::MDBook;
use wirebook_preprocessor::{BUILD_KEY, DEPTH_KEY, Labs, PAGE_KEY, UNRECORDED_KEY};

use crate::inputs::Inputs;
use crate::page::Page;
use crate::paths::Paths;
use crate::steps::Outcome;
use crate::{site, static_site};

/// Whether labs must have their recorded exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// A lab without one is an error.
    Required,
    /// A lab may be without one while its author works on it.
    Optional,
}

/// Renders the book around `page` into the site if anything has changed.
pub(crate) fn build(paths: &Paths, page: &Page, recorded: Recorded) -> Result<Outcome> {
    let build = Inputs::new(&paths.root)
        .word(&page.script())
        .word(&page.depth())
        .word(&format!("{recorded:?}"))
        .path("book")?
        .path("native/src/lessons")?
        .path("wire/src")?
        .path("xtask/src")?
        .path("Cargo.lock")?
        .finish();
    if site::is_built(paths, &build) {
        return Ok(Outcome::UpToDate);
    }
    let folder = paths.cache.join("book");
    render(paths, page, &folder, Some(&build), recorded)?;
    site::assemble(paths, &folder, page, &build)?;
    Ok(Outcome::Done)
}

/// Renders the book around `page` into a folder for any static host.
///
/// Its pages name no build: that is how they know that no gateway serves them.
pub(crate) fn build_static(paths: &Paths, page: &Page, target: &Path) -> Result<Outcome> {
    let folder = paths.cache.join("static");
    render(paths, page, &folder, None, Recorded::Required)?;
    static_site::write(&folder, page, target)?;
    Ok(Outcome::Done)
}

/// Renders into a folder of its own: a book that cannot be rendered leaves the site as it is.
fn render(
    paths: &Paths,
    page: &Page,
    folder: &PathBuf,
    build: Option<&str>,
    recorded: Recorded,
) -> Result<()> {
    fs::create_dir_all(folder).context("making the folder for the book")?;
    let mut book = MDBook::load(paths.root.join("book")).context("loading the book")?;
    book.config.build.build_dir = folder.clone();
    book.config.set(PAGE_KEY, page.script())?;
    book.config.set(DEPTH_KEY, page.depth())?;
    if let Some(build) = build {
        book.config.set(BUILD_KEY, build)?;
    }
    if recorded == Recorded::Optional {
        book.config.set(UNRECORDED_KEY, true)?;
    }
    // In place of the command of the same name in book.toml.
    book.with_preprocessor(Labs);
    book.build()
}
