//! What `wire` promises to both sides, in one test binary.

mod phrases;
mod progress;
mod session;
mod text;
