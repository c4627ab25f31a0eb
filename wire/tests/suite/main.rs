//! What `wire` promises to both sides, in one test binary.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blocks;
mod captures;
mod classify;
mod dissect;
mod dns;
mod flows;
mod made;
mod packets;
mod pcapng;
mod phrases;
mod ports;
mod progress;
mod session;
mod slicer;
mod text;
mod trace;
mod transfer;
