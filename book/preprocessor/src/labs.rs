//! The preprocessor: every chapter of a book, its labs replaced.

use std::path::Path;

use anyhow::{Context, Result};
use mdbook_preprocessor::book::{Book, Chapter};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};
use sha2::{Digest, Sha256};
use wire::lab::{Lab, Step};

use crate::block::{self, Block};
use crate::html::{self, Page};
use crate::problem::{Finding, Problem, Problems};
use crate::{fence, listing};

/// The name in `[preprocessor.lab]`.
pub const NAME: &str = "lab";

/// The key of the page's script, from the top of the site, in mdBook's configuration.
pub const PAGE_KEY: &str = "preprocessor.lab.page";

/// The key of the name of this build in mdBook's configuration.
pub const BUILD_KEY: &str = "preprocessor.lab.build";

/// Replaces the lab blocks of every chapter.
///
/// The book's folder must stand at the top of the repository, beside `native`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Labs;

impl Preprocessor for Labs {
    fn name(&self) -> &str {
        NAME
    }

    fn run(&self, context: &PreprocessorContext, mut book: Book) -> Result<Book> {
        let page = Page {
            script: context.config.get(PAGE_KEY)?,
            build: context.config.get(BUILD_KEY)?,
        };
        let root = std::path::absolute(&context.root).context("finding the book")?;
        let repository = root.parent().context("the book has no parent folder")?;
        let source = root
            .strip_prefix(repository)
            .context("finding the chapters")?
            .join(&context.config.book.src);
        let mut problems = Vec::new();
        book.for_each_chapter_mut(|chapter| {
            let file = path_of(chapter, &source);
            let mut findings = Vec::new();
            chapter.content = replace(&chapter.content, repository, &page, &mut findings);
            problems.extend(findings.into_iter().map(|finding| Problem {
                file: finding.file.unwrap_or_else(|| file.clone()),
                line: finding.line,
                text: finding.text,
            }));
        });
        if problems.is_empty() {
            return Ok(book);
        }
        problems.sort();
        problems.dedup();
        Err(Problems(problems).into())
    }

    fn supports_renderer(&self, renderer: &str) -> Result<bool> {
        Ok(renderer == "html")
    }
}

/// The chapter's file from the top of the repository, with `/` on every system.
fn path_of(chapter: &Chapter, source: &Path) -> String {
    let path = match &chapter.source_path {
        Some(path) => source.join(path),
        None => source.to_owned(),
    };
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// The chapter with its labs as HTML; a lab that is wrong stays as it is.
fn replace(chapter: &str, repository: &Path, page: &Page, findings: &mut Vec<Finding>) -> String {
    let mut replaced = String::with_capacity(chapter.len());
    let mut end = 0;
    for fence in fence::find(chapter, findings) {
        let Some(block) = block::parse(&fence, findings) else {
            continue;
        };
        let Some(lab) = lab(block, repository, findings) else {
            continue;
        };
        match html::placeholder(&lab, page) {
            Ok(html) => {
                replaced.push_str(chapter.get(end..fence.range.start).unwrap_or(""));
                // The HTML begins a line and ends with a blank one, wherever the fence stood.
                replaced.push_str("\n\n");
                replaced.push_str(&html);
                replaced.push_str("\n\n");
                end = fence.range.end;
            }
            Err(error) => findings.push(Finding::here(
                fence.line,
                format!("expected a lab that can be encoded, found: {error}"),
            )),
        }
    }
    replaced.push_str(chapter.get(end..).unwrap_or(""));
    replaced
}

fn lab(block: Block, repository: &Path, findings: &mut Vec<Finding>) -> Option<Lab> {
    let listings = listing::of_lesson(repository, &block.server, block.server_line, findings)?;
    Some(Lab {
        hash: hash(&block.server, &block.steps),
        name: block.server.clone(),
        controls: Vec::new(),
        questions: Vec::new(),
        experiments: Vec::new(),
        recorded: None,
        server: block.server,
        steps: block.steps,
        listings,
    })
}

/// Names what the steps ask for. Their wording is not part of it: a corrected sentence must not
/// cost a reader their progress.
fn hash(server: &str, steps: &[Step]) -> String {
    let mut hash = Sha256::new();
    hash.update(server);
    for step in steps {
        hash.update([0]);
        hash.update(step.seen.to_string());
        for play in &step.play {
            hash.update([1]);
            hash.update(play.to_string());
        }
    }
    let hash = hash.finalize();
    hash.iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;
