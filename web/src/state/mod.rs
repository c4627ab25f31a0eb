//! What is true, in plain Rust: no browser here, so all of it is tested on the host.
//!
//! A page has one [`Link`] to the gateway and one [`Lab`] per placeholder. Each takes inputs and
//! answers with what is to be done; the [page](crate::page) does it.

mod base64;
mod chart;
mod charts;
mod clients;
mod composer;
mod conversation;
mod exhibit;
mod hops;
pub(crate) mod keep;
mod kernel;
mod lab;
mod link;
mod packet_words;
mod packets;
mod question;
mod replay;
mod running;
mod share;
mod simulated;
mod spec;
mod trace;
mod window;
mod words;
mod workers;

pub(crate) use chart::{HEIGHT, Span, WIDTH};
pub(crate) use charts::{Chart, Moment};
pub(crate) use clients::{MAX_CLIENTS, Settings};
pub(crate) use composer::{Draft, Ending, Form, History};
pub(crate) use conversation::{Conversation, number};
pub(crate) use exhibit::{decode_exhibit, is_found};
pub(crate) use kernel::QUANTITIES;
pub(crate) use lab::{Command, Input, Lab, Looks, Own};
pub(crate) use link::{Do, Heard, Link, Phase};
pub(crate) use packet_words::{PacketWords, packet_words};
pub(crate) use question::Answer;
pub(crate) use replay::{Kept, Reel, Replay};
pub(crate) use share::{
    Fragment, MAX_FILE, exchange, fragment, from_bytes, number_in, to_bytes, to_link,
};
pub(crate) use simulated::{Chip, SPEEDS, Simulated};
pub(crate) use spec::decode;
pub(crate) use trace::Kind;
pub(crate) use window::{Window, scroll_to};
pub(crate) use words::{clock, elapsed, size, summary, who};
