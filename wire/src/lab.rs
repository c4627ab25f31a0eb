//! What a chapter says about its lab.

use serde::{Deserialize, Serialize};

use crate::{NetworkSettings, Play, Seen, Trace};

/// One lab of a chapter, as the preprocessor hands it to the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lab {
    /// Unlike that of any other lab of the book; names its recorded trace and its progress.
    pub name: String,
    /// The lesson whose server this lab talks to.
    pub server: String,
    /// The link of a lab whose server is simulated ([`crate::session::is_simulated`]).
    pub network: Option<NetworkSettings>,
    /// Changes when the steps change; progress is kept under name and hash.
    pub hash: String,
    /// What the composer offers beyond connecting and sending.
    pub controls: Vec<Control>,
    /// In order.
    pub steps: Vec<Step>,
    /// To answer before it is run.
    pub questions: Vec<Question>,
    /// To try when the steps are done.
    pub experiments: Vec<Experiment>,
    /// The server first; then the same in Go.
    pub listings: Vec<Listing>,
    /// The exchange that happened when the lab was last recorded.
    pub recorded: Option<Trace>,
}

/// What a lab's composer can offer beyond connecting and sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Control {
    /// Several clients, each with a connection of its own.
    Clients,
    /// Socket options.
    Options,
    /// Cutting and joining what is sent.
    Slicer,
    /// Reading no more, and again.
    Reading,
    /// A time limit for answers.
    Deadline,
    /// The lossy relay on the way.
    Relay,
    /// A form for DNS queries.
    Dns,
    /// What serving costs the server.
    Stats,
    /// The packets, from the start.
    Packets,
    /// What the system says of the sockets, from the start.
    Kernel,
    /// What the simulated link does.
    Network,
}

impl Control {
    /// Every control, with the word for it.
    pub const ALL: [(Self, &'static str); 11] = [
        (Self::Clients, "clients"),
        (Self::Options, "options"),
        (Self::Slicer, "slicer"),
        (Self::Reading, "reading"),
        (Self::Deadline, "deadline"),
        (Self::Relay, "relay"),
        (Self::Dns, "dns"),
        (Self::Stats, "stats"),
        (Self::Packets, "packets"),
        (Self::Kernel, "kernel"),
        (Self::Network, "network"),
    ];
}

/// A question whose answer is what then happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// For the reader.
    pub ask: Vec<Run>,
    /// What is done to find out, on connections of its own.
    pub play: Vec<Play>,
    /// What might happen.
    pub choices: Vec<Choice>,
}

/// One possible answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// For the reader.
    pub say: Vec<Run>,
    /// The choice whose pattern is observed first is the right one.
    pub seen: Seen,
    /// Why it is right, or is not.
    pub why: Vec<Run>,
}

/// Something to try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    /// What it is good for.
    pub kind: ExperimentKind,
    /// For the reader.
    pub say: Vec<Run>,
    /// What one click puts into the composer; empty if there is nothing to put there.
    pub play: Vec<Play>,
}

/// What an experiment is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExperimentKind {
    /// It will be needed.
    Useful,
    /// It surprises.
    Weird,
    /// It does not work, on purpose.
    Broken,
}

impl ExperimentKind {
    /// Every kind, with the word for it.
    pub const ALL: [(Self, &'static str); 3] = [
        (Self::Useful, "useful"),
        (Self::Weird, "weird"),
        (Self::Broken, "broken"),
    ];
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
    /// Help for a reader who is stuck, each tier telling more than the one before.
    pub hints: Vec<Vec<Run>>,
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
