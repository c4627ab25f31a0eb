//! What is wrong in a chapter, and where.

use std::fmt;

/// One thing to put right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Path from the top of the repository.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// What was expected, and what was found.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.file, self.line, self.text)
    }
}

/// Everything that is wrong in a book, in the order of its files and lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let plural = if count == 1 { "" } else { "s" };
        write!(formatter, "{count} problem{plural} in the book's labs")?;
        for problem in &self.0 {
            write!(formatter, "\n{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A problem whose file is not known at this depth, or is another file than the chapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// `None` for the chapter itself.
    pub(crate) file: Option<String>,
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Finding {
    pub(crate) fn here(line: usize, text: impl Into<String>) -> Self {
        Self {
            file: None,
            line,
            text: text.into(),
        }
    }
}
