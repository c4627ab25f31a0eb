//! What the browser keeps of a lab between visits. The form is the business of the book's script
//! `progress.js`, which every page has and which also shows it; here are only its verbs.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

/// The document hears this when something has changed that no lab of this page did.
pub(crate) const ELSEWHERE: &str = "wirebook-progress-elsewhere";

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = wirebookProgress, catch)]
    fn done(lab: &str, hash: &str) -> Result<f64, JsValue>;
    #[wasm_bindgen(js_namespace = wirebookProgress, js_name = keepDone, catch)]
    fn keep_done(lab: &str, hash: &str, done: f64) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = wirebookProgress, catch)]
    fn text(lab: &str, hash: &str, name: &str) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(js_namespace = wirebookProgress, js_name = keepText, catch)]
    fn keep_text(lab: &str, hash: &str, name: &str, text: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = wirebookProgress, catch)]
    fn forget(lab: &str, hash: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(js_namespace = wirebookProgress, js_name = isDamaged, catch)]
    fn is_damaged(lab: &str, hash: &str) -> Result<bool, JsValue>;
    #[wasm_bindgen(js_namespace = wirebookProgress, catch)]
    fn elsewhere(lab: &str, hash: &str) -> Result<Option<f64>, JsValue>;
}

/// What is kept of one lab. Without the script, or without storage, that is nothing.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    lab: String,
    hash: String,
}

impl Saved {
    /// What is kept of this lab, as it is in this build.
    pub(crate) fn of(spec: &wire::Lab) -> Self {
        Self::named(&spec.name, &spec.hash)
    }

    /// What is kept of the lab or exhibit of this name and hash.
    pub(crate) fn named(name: &str, hash: &str) -> Self {
        Self {
            lab: name.to_owned(),
            hash: hash.to_owned(),
        }
    }

    /// How many steps were done.
    pub(crate) fn done(&self) -> usize {
        done(&self.lab, &self.hash).map_or(0, |done| done as usize)
    }

    /// Keeps how many steps are done. Less than is kept already changes nothing.
    pub(crate) fn keep_done(&self, done: usize) {
        // What cannot be kept is lost with the page; the progress page says so.
        let _ = keep_done(&self.lab, &self.hash, done as f64);
    }

    /// The text kept under a name.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        text(&self.lab, &self.hash, name).ok()?
    }

    /// Keeps a text under a name.
    pub(crate) fn keep_text(&self, name: &str, value: &str) {
        let _ = keep_text(&self.lab, &self.hash, name, value);
    }

    /// Forgets everything: the reader starts over.
    pub(crate) fn forget(&self) {
        let _ = forget(&self.lab, &self.hash);
    }

    /// Whether something was kept that could not be read.
    pub(crate) fn is_damaged(&self) -> bool {
        is_damaged(&self.lab, &self.hash).unwrap_or(false)
    }

    /// How many steps another tab has made of it since this was asked last.
    pub(crate) fn elsewhere(&self) -> Option<usize> {
        let done = elsewhere(&self.lab, &self.hash).ok()?;
        done.map(|done| done as usize)
    }
}
