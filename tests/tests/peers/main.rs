//! Programs that know nothing of Wirebook against its servers, and its Go servers against a client.
//!
//! Each outside client must work unmodified, and appear in a session that watches its lesson,
//! named by its address.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod client_side;
mod counters;
mod datagrams;
mod framing;
mod go_clients;
mod go_servers;
mod names;
mod observer;
mod program;
mod tools;
mod tutorials;
