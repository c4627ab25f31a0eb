//! What a chapter says about its lab.

use serde::{Deserialize, Serialize};

use crate::{Play, Seen};

/// One lab of a chapter, as the preprocessor hands it to the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lab {
    /// The lesson whose server this lab talks to.
    pub server: String,
    /// Changes when the steps change; progress is kept under lesson and hash.
    pub hash: String,
    /// In order.
    pub steps: Vec<Step>,
    /// The server first; then the same in Go.
    pub listings: Vec<Listing>,
}

/// One step of a lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// For the reader: a sentence or two.
    pub say: Vec<Run>,
    /// What the tests and the recorder do.
    pub play: Vec<Play>,
    /// What must be observed for the step to tick.
    pub seen: Seen,
    /// Help for a reader who is stuck.
    pub hint: Vec<Run>,
}

/// A run of text with one look: the inline Markdown that steps and hints may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// How it looks.
    pub style: Style,
    /// The characters.
    pub text: String,
}

/// The look of a [`Run`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Style {
    /// Nothing special.
    Plain,
    /// `**strong**`
    Strong,
    /// `*emphasis*`
    Emphasis,
    /// `` `code` ``
    Code,
}

/// A part of a compiled source file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// For the tab, e.g. `Server in Rust`.
    pub title: String,
    /// `rust` or `go`.
    pub language: String,
    /// Path from the top of the repository, as in [`crate::Source::file`].
    pub file: String,
    /// The number in `file` of the first line below, counted from 1.
    pub first_line: u32,
    /// Each line as runs of (highlight.js class without its prefix or "", text).
    pub lines: Vec<Vec<(String, String)>>,
}
