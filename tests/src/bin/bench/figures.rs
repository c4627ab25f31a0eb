//! The figures, in the order of the table.
//!
//! To add one: a module with `async fn measure(bench: &Bench) -> Result<Vec<Row>>`, and its entry
//! in [`FIGURES`]. What it is compared with is measured in the same rounds, in turns, so that the
//! ratio holds on a machine that does other things too. With `--smoke` it must be done in a few
//! seconds: ask [`Bench::many`] how much to do.

mod bulk;
mod crowd;
mod echo;
mod page;
mod size;
mod slow_pages;
mod start;
mod tap;
pub(crate) mod tapped;

use std::pin::Pin;

use anyhow::Result;

use crate::Bench;
use crate::report::Row;

/// One figure.
pub(crate) struct Figure {
    /// As it is asked for.
    pub(crate) name: &'static str,
    /// What is measured, in a few words.
    pub(crate) what: &'static str,
    /// Measures it.
    pub(crate) measure: for<'a> fn(&'a Bench) -> Measuring<'a>,
}

type Measuring<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>>> + 'a>>;

/// All of them.
pub(crate) const FIGURES: &[Figure] = &[
    Figure {
        name: "echo",
        what: "round trips from the page to a server and back",
        measure: |bench| Box::pin(echo::measure(bench)),
    },
    Figure {
        name: "bulk",
        what: "bytes that a server pours into the page",
        measure: |bench| Box::pin(bulk::measure(bench)),
    },
    Figure {
        name: "tap",
        what: "a watched server beside the same on bare tokio",
        measure: |bench| Box::pin(tap::measure(bench)),
    },
    Figure {
        name: "crowd",
        what: "thousands of pages that rest, a thousand that are busy",
        measure: |bench| Box::pin(crowd::measure(bench)),
    },
    Figure {
        name: "slow_pages",
        what: "pages that never read, and what others feel of them",
        measure: |bench| Box::pin(slow_pages::measure(bench)),
    },
    Figure {
        name: "start",
        what: "from the start of the program to its first page",
        measure: |bench| Box::pin(start::measure(bench)),
    },
    Figure {
        name: "page",
        what: "the page in a browser",
        measure: |bench| Box::pin(page::measure(bench)),
    },
    Figure {
        name: "size",
        what: "what travels to the reader",
        measure: |bench| Box::pin(size::measure(bench)),
    },
];
