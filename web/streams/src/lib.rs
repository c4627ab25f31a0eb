//! Stands in for the crate `wasm-streams`.
//!
//! Leptos brings it for server functions, and the page has none. Its exports stay in a module all the
//! same, with whatever they use: about 5 KB for every reader to load. Here are the names that are
//! needed to compile; the streams are empty.

#![forbid(unsafe_code)]

use futures_util::stream::{self, Empty, Stream};
use wasm_bindgen::JsValue;

/// A stream of the browser, which is never read here.
#[derive(Debug)]
pub struct ReadableStream(web_sys::ReadableStream);

impl ReadableStream {
    /// Takes a stream of the browser.
    pub fn from_raw(raw: web_sys::ReadableStream) -> Self {
        Self(raw)
    }

    /// An empty stream in place of this one.
    pub fn from_stream(_: impl Stream<Item = Result<JsValue, JsValue>> + 'static) -> Self {
        // An object that is no stream: nothing of the page asks it for anything.
        Self(JsValue::UNDEFINED.into())
    }

    /// The stream of the browser.
    pub fn into_raw(self) -> web_sys::ReadableStream {
        self.0
    }

    /// An empty stream in place of this one.
    pub fn into_stream(self) -> Empty<Result<JsValue, JsValue>> {
        stream::empty()
    }
}
