//! The book: chapters as HTML, by mdBook as a library and with our own preprocessor.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use mdbook_driver::MDBook;
use wirebook_preprocessor::{BUILD_KEY, Labs, PAGE_KEY};

use crate::inputs::Inputs;
use crate::page::Page;
use crate::paths::Paths;
use crate::site;
use crate::steps::Outcome;

/// Renders the book around `page` into the site if anything has changed.
pub(crate) fn build(paths: &Paths, page: &Page) -> Result<Outcome> {
    let build = Inputs::new(&paths.root)
        .word(&page.name)
        .path("book")?
        .path("native/src/lessons")?
        .path("wire/src")?
        .path("xtask/src")?
        .path("Cargo.lock")?
        .finish();
    if site::is_built(paths, &build) {
        return Ok(Outcome::UpToDate);
    }
    let rendered = render(paths, page, &build)?;
    site::assemble(paths, &rendered, page, &build)?;
    Ok(Outcome::Done)
}

/// Renders into a folder of its own: a book that cannot be rendered leaves the site as it is.
fn render(paths: &Paths, page: &Page, build: &str) -> Result<PathBuf> {
    let rendered = paths.cache.join("book");
    fs::create_dir_all(&rendered).context("making the folder for the book")?;
    let mut book = MDBook::load(paths.root.join("book")).context("loading the book")?;
    book.config.build.build_dir = rendered.clone();
    book.config.set(PAGE_KEY, page.script())?;
    book.config.set(BUILD_KEY, build)?;
    // In place of the command of the same name in book.toml.
    book.with_preprocessor(Labs);
    book.build()?;
    Ok(rendered)
}
