//! A simulated network: two hosts with TCP/IP stacks, a link between them that takes its time and
//! loses packets, servers on one host and a reader's clients on the other.
//!
//! [`Simulator`] speaks the messages of a session, as a gateway does, so that a page shows both
//! alike. It has no clock of its own, no thread and no DOM: whoever drives it says how much time
//! passes. What happens follows from the seed and from what is said, to the bit, on every machine.
//!
//! The stacks are smoltcp's, with Reno's congestion control (RFC 5681). What an operating system
//! adds to a stack is in `host`, the servers that the book prints are in `apps`.
//!
//! - `simulator`: messages, time, going back;
//! - `world`: what happens when;
//! - `link`, `dice`: what becomes of a packet;
//! - `host`, `device`: a stack and its sockets;
//! - `net`, `tasks`, `apps`: programs on the server's host;
//! - `client`: the reader's.

mod apps;
mod client;
mod device;
mod dice;
mod host;
mod link;
mod net;
mod simulator;
mod tasks;
mod world;

pub use simulator::{Simulator, events};
