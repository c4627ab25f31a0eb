//! An exchange that can be kept: recorded with the book, shared by a reader, opened again.

mod drift;
mod json;
mod normal;
mod ports;

use serde::{Deserialize, Serialize};

use crate::event::{ConnectionId, Event};
use crate::session::Server;

pub use drift::Drift;

/// The version of this form; raised when an older file can no longer be read.
pub const TRACE_VERSION: u16 = 1;

/// One exchange.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    /// [`TRACE_VERSION`]
    pub version: u16,
    /// The lab's name.
    pub lab: String,
    /// When and by what it was recorded.
    pub recorded: Recorded,
    /// The server of the exchange, at the address it had.
    pub server: Server,
    /// What the lab's steps do.
    pub steps: Part,
    /// The lab's questions, in order.
    pub questions: Vec<Answered>,
}

/// When and by what an exchange was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recorded {
    /// As in `2026-11-21`.
    pub date: String,
    /// Of Wirebook.
    pub version: String,
}

/// Events in the order of their sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which connection is which client of the lab.
    pub clients: Vec<Client>,
    /// How many events had been observed when each step ticked.
    pub ticks: Vec<u32>,
    /// What was observed. Times are relative to the first.
    pub events: Vec<Event>,
}

/// A client's connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// As in [`crate::Play::client`].
    pub name: Option<String>,
    /// In the events.
    pub connection: ConnectionId,
}

/// What happened when a question was played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The choice that it came to, counted from 0.
    pub outcome: u16,
    /// What was observed.
    pub part: Part,
}
