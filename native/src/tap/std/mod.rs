//! Blocking sockets as in `std`, watched: a call keeps its thread until it is done.
//!
//! The thread sleeps as it does in a system call, but it can be woken when its tap is cut.

pub mod io;
pub mod net;
