//! The gateway: serves the book, runs the lesson servers and streams what they do to the page.
//!
//! - [`tap`]: tokio's sockets, watched;
//! - [`lessons`]: the servers of the book, each what a textbook would print;
//! - [`network`]: what may become of a datagram between a lesson's server and its clients;
//! - [`capture`]: the packets of the lessons, where the system shows them;
//! - [`kernel`]: what the system says of TCP connections;
//! - [`descriptors`]: how many files and sockets may be open, and what to do without;
//! - [`gateway`]: HTTP, sessions, and who sees what;
//! - [`mod@print`]: what is printed, by lessons and as a log.

// First: its `println!` is the lessons'.
#[macro_use]
pub mod print;

pub mod capture;
pub mod descriptors;
pub mod gateway;
pub mod kernel;
pub mod lessons;
pub mod network;
pub mod tap;
