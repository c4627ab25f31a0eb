//! Turns the lab blocks of a chapter into HTML, with the listings cut from compiled source.
//!
//! A lab is a fenced block of TOML in a chapter. Each goes through these steps:
//!
//! 1. `fence` finds the blocks of a chapter and their lines;
//! 2. `block` reads the TOML and checks every phrase with the same code that will use it;
//! 3. `listing` cuts the server's source, and `highlight` colours it;
//! 4. `recorded` finds the exchange that was recorded of it, and `narrate` tells it in sentences;
//! 5. `html` writes the element that the page takes over, readable without it;
//! 6. `course` lists the labs of the whole book, for every page.
//!
//! Every problem of a book is collected and told at once: a [`Problem`] names file and line.

#![forbid(unsafe_code)]

mod block;
mod course;
mod fence;
mod highlight;
mod html;
mod inline;
mod labs;
mod listing;
mod narrate;
mod problem;
pub mod recorded;

pub use labs::{BUILD_KEY, DEPTH_KEY, Found, Labs, NAME, PAGE_KEY, UNRECORDED_KEY, labs_of};
pub use problem::{Problem, Problems};
