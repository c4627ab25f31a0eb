//! The page's side of a lab.
//!
//! - `state`: what is true and what changes it: plain Rust, tested on the host;
//! - `browser`: the one corner that knows the browser;
//! - `page`: the session with the gateway, between the two;
//! - `view`: how it looks, drawn with Leptos.
//!
//! What must not happen here: bytes that a peer sent become HTML, a handler outlives its owner, a
//! borrow is held while calling into the browser.

#![forbid(unsafe_code)]

mod browser;
mod page;
mod state;
mod view;

use wasm_bindgen::prelude::wasm_bindgen;

/// Mounts a lab in every placeholder of the page and looks for the gateway.
#[wasm_bindgen(start)]
pub fn start() {
    view::mount();
}
