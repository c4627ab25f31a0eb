//! What the tests share.
//!
//! - [`book`]: the labs of the book, played against the real servers.
//! - [`browser`]: a reader with a real browser on the real program.
//! - [`corpus`]: hostile inputs, one file each, and what must come of them.
//! - [`foreign`]: names that look like the gateway's and are not.
//! - [`gateway`]: a gateway in this process, and what is asked of it in raw bytes.
//! - [`requirements`]: what a machine may lack.
//! - [`serving`]: the program, watched from outside while it is put to the test;
//! - [`session`]: what a page does, over a real WebSocket, in a few verbs;
//! - [`simulated`]: what it does in a simulated network.

#![forbid(unsafe_code)]

pub mod book;
pub mod browser;
pub mod corpus;
pub mod foreign;
pub mod gateway;
pub mod requirements;
pub mod serving;
pub mod session;
pub mod simulated;
