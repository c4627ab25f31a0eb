//! The preprocessor: every chapter of a book, its labs replaced; and the labs of a book alone.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use mdbook_preprocessor::book::{Book, Chapter};
use mdbook_preprocessor::{Preprocessor, PreprocessorContext};
use sha2::{Digest, Sha256};
use wire::exhibit::Exhibit;
use wire::lab::Lab;

use crate::block::{self, Block};
use crate::course::{Course, Entry};
use crate::fence::Fence;
use crate::html::{self, Page};
use crate::problem::{Finding, Problem, Problems};
use crate::{fence, listing, recorded};

/// The name in `[preprocessor.lab]`.
pub const NAME: &str = "lab";

/// The key of the page's script, from the top of the site, in mdBook's configuration.
pub const PAGE_KEY: &str = "preprocessor.lab.page";

/// The key of the script that a page loads when it first needs it, from the top of the site.
pub const DEPTH_KEY: &str = "preprocessor.lab.depth";

/// The key of the name of this build in mdBook's configuration.
pub const BUILD_KEY: &str = "preprocessor.lab.build";

/// The key that allows labs without a recorded exchange, for an author at work.
pub const UNRECORDED_KEY: &str = "preprocessor.lab.unrecorded";

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
            depth: context.config.get(DEPTH_KEY)?,
            build: context.config.get(BUILD_KEY)?,
        };
        let root = std::path::absolute(&context.root).context("finding the book")?;
        let unrecorded: Option<bool> = context.config.get(UNRECORDED_KEY)?;
        let wants_recorded = !unrecorded.unwrap_or(false);
        let mut reader = Reader::new(&root, wants_recorded)?;
        let source = source(&root, &context.config.book.src)?;
        let mut course = Course::default();
        book.for_each_chapter_mut(|chapter| {
            let file = path_of(chapter, &source);
            let (content, labs) = reader.replace(&file, &chapter.content, &page);
            course.add(chapter.path.as_deref(), labs);
            chapter.content = content;
        });
        reader.finish()?;
        if let Some(list) = course.html() {
            book.for_each_chapter_mut(|chapter| chapter.content.push_str(&list));
        }
        Ok(book)
    }

    fn supports_renderer(&self, renderer: &str) -> Result<bool> {
        Ok(renderer == "html")
    }
}

/// A lab and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The chapter, from the top of the repository.
    pub file: String,
    /// The line of the opening fence.
    pub line: usize,
    /// What the block says.
    pub lab: Lab,
}

/// Every lab of the chapters in `book`/src, without building the book, in the order of the
/// chapters' files. What was recorded of a lab is in it if it fits the lab as it is now.
pub fn labs_of(book: &Path) -> Result<Vec<Found>> {
    let root = std::path::absolute(book).context("finding the book")?;
    let mut reader = Reader::new(&root, false)?;
    let source_name = Path::new("src");
    let source = source(&root, source_name)?;
    let mut found = Vec::new();
    for path in chapters(&root.join(source_name))? {
        let name = path.strip_prefix(root.join(source_name))?;
        let file = slashes(&source.join(name));
        let chapter = std::fs::read_to_string(&path).with_context(|| format!("reading {file}"))?;
        for (fence, lab) in reader.labs(&file, &chapter) {
            let (file, line) = (file.clone(), fence.line);
            found.push(Found { file, line, lab });
        }
    }
    reader.finish()?;
    Ok(found)
}

/// Every Markdown file below a folder, sorted.
fn chapters(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut chapters = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        let entries = std::fs::read_dir(&folder)
            .with_context(|| format!("reading the folder {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                chapters.push(path);
            }
        }
    }
    chapters.sort();
    Ok(chapters)
}

/// The folder of the chapters, from the top of the repository.
fn source(root: &Path, source: &Path) -> Result<PathBuf> {
    let name = root.file_name().context("the book has no folder")?;
    Ok(Path::new(name).join(source))
}

/// The chapter's file from the top of the repository, with `/` on every system.
fn path_of(chapter: &Chapter, source: &Path) -> String {
    let path = match &chapter.source_path {
        Some(path) => source.join(path),
        None => source.to_owned(),
    };
    slashes(&path)
}

fn slashes(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// Reads the labs of one chapter after another, and gathers what is wrong.
struct Reader {
    repository: PathBuf,
    /// Where each name was given first.
    names: HashMap<String, String>,
    wants_recorded: bool,
    problems: Vec<Problem>,
}

impl Reader {
    fn new(book: &Path, wants_recorded: bool) -> Result<Self> {
        let repository = book.parent().context("the book has no parent folder")?;
        Ok(Self {
            repository: repository.to_owned(),
            names: HashMap::new(),
            wants_recorded,
            problems: Vec::new(),
        })
    }

    /// The labs of a chapter that are right.
    fn labs(&mut self, file: &str, chapter: &str) -> Vec<(Fence, Lab)> {
        let mut findings = Vec::new();
        let mut labs = Vec::new();
        for fence in fence::find(chapter, &mut findings) {
            let lab = block::parse(&fence, &mut findings)
                .and_then(|block| self.lab(file, block, &mut findings));
            labs.extend(lab.map(|lab| (fence, lab)));
        }
        self.tell(file, findings);
        labs
    }

    fn lab(&mut self, file: &str, block: Block, findings: &mut Vec<Finding>) -> Option<Lab> {
        if !self.is_new(file, &block.name, block.name_line, findings) {
            return None;
        }
        let repository = &self.repository;
        let listings = listing::of_lesson(repository, &block.server, block.server_line, findings)?;
        let mut lab = Lab {
            hash: hash(&block),
            name: block.name,
            server: block.server,
            network: block.network,
            controls: block.controls,
            steps: block.steps,
            questions: block.questions,
            experiments: block.experiments,
            listings,
            recorded: None,
        };
        match recorded::of(repository, &lab) {
            Ok(recorded) => lab.recorded = Some(recorded),
            Err(finding) if self.wants_recorded => findings.push(finding),
            Err(_) => {}
        }
        Some(lab)
    }

    /// The exhibits of a chapter that are right.
    fn exhibits(&mut self, file: &str, chapter: &str) -> Vec<(Fence, Exhibit)> {
        let mut findings = Vec::new();
        let mut exhibits = Vec::new();
        for fence in fence::find_exhibits(chapter, &mut findings) {
            let read = block::exhibit::parse(&fence, &self.repository, &mut findings);
            let Some((exhibit, line)) = read else {
                continue;
            };
            if self.is_new(file, &exhibit.name, line, &mut findings) {
                exhibits.push((fence, exhibit));
            }
        }
        self.tell(file, findings);
        exhibits
    }

    /// Takes note of a name; a second one is told.
    fn is_new(&mut self, file: &str, name: &str, line: usize, findings: &mut Vec<Finding>) -> bool {
        if let Some(first) = self.names.get(name) {
            findings.push(Finding::here(
                line,
                format!(
                    "expected a name that no other lab has (`name = \"...\"`), found `{name}`, \
                     which {first} has"
                ),
            ));
            return false;
        }
        self.names.insert(name.to_owned(), format!("{file}:{line}"));
        true
    }

    /// The chapter with its labs and exhibits as HTML, and a list of them; what is wrong stays as it
    /// is.
    fn replace(&mut self, file: &str, chapter: &str, page: &Page) -> (String, Vec<Entry>) {
        let mut blocks = Vec::new();
        for (fence, lab) in self.labs(file, chapter) {
            let html = html::placeholder(&lab, page);
            blocks.push((fence, html, (lab.name, lab.hash, lab.steps.len())));
        }
        for (fence, exhibit) in self.exhibits(file, chapter) {
            let html = html::exhibit::placeholder(&exhibit, page);
            blocks.push((
                fence,
                html,
                (exhibit.name, exhibit.hash, exhibit.finds.len()),
            ));
        }
        blocks.sort_by_key(|(fence, _, _)| fence.range.start);
        let mut entries = Vec::new();
        let mut replaced = String::with_capacity(chapter.len());
        let mut end = 0;
        for (fence, html, entry) in blocks {
            match html {
                Ok(html) => {
                    replaced.push_str(chapter.get(end..fence.range.start).unwrap_or(""));
                    // The HTML begins a line and ends with a blank one, wherever the fence stood.
                    replaced.push_str("\n\n");
                    replaced.push_str(&html);
                    replaced.push_str("\n\n");
                    end = fence.range.end;
                    entries.push(entry);
                }
                Err(error) => self.tell(
                    file,
                    vec![Finding::here(
                        fence.line,
                        format!("expected a block that can be encoded, found: {error}"),
                    )],
                ),
            }
        }
        replaced.push_str(chapter.get(end..).unwrap_or(""));
        (replaced, entries)
    }

    fn tell(&mut self, file: &str, findings: Vec<Finding>) {
        let problems = findings.into_iter().map(|finding| Problem {
            file: finding.file.unwrap_or_else(|| file.to_owned()),
            line: finding.line,
            text: finding.text,
        });
        self.problems.extend(problems);
    }

    /// An error if anything was wrong.
    fn finish(mut self) -> Result<()> {
        if self.problems.is_empty() {
            return Ok(());
        }
        self.problems.sort();
        self.problems.dedup();
        Err(Problems(self.problems).into())
    }
}

/// Names what the steps ask for. Their wording is not part of it: a corrected sentence must not
/// cost a reader their progress.
fn hash(block: &Block) -> String {
    let mut hash = Sha256::new();
    hash.update(&block.server);
    if let Some(network) = &block.network {
        hash.update([2]);
        hash.update(network.to_string());
    }
    for step in &block.steps {
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
