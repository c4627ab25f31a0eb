//! The one corner that knows the browser.
//!
//! What is registered here is unhooked when its owner is dropped, and a missing piece of the
//! browser (no storage, no clipboard) is an absence, not a panic.

pub(crate) mod depth;
mod file;
mod listener;
mod saved;
mod simulator;
mod socket;
mod timer;

use wasm_bindgen::JsCast;
use web_sys::{Document, Element, HtmlElement, Storage, Window};

pub(crate) use file::{Opening, save};
pub(crate) use listener::Listener;
pub(crate) use saved::{ELSEWHERE, Saved};
pub(crate) use simulator::{Simulator, Told};
pub(crate) use socket::{Socket, SocketEvent};
pub(crate) use timer::{Frame, Interval};

/// The window, if this runs in one.
pub(crate) fn window() -> Option<Window> {
    web_sys::window()
}

/// The page.
pub(crate) fn document() -> Option<Document> {
    window()?.document()
}

/// The elements that a selector matches, in the order of the page.
pub(crate) fn all(selector: &str) -> Vec<HtmlElement> {
    let Some(found) = document().and_then(|page| page.query_selector_all(selector).ok()) else {
        return Vec::new();
    };
    (0..found.length())
        .filter_map(|index| found.get(index)?.dyn_into().ok())
        .collect()
}

/// Milliseconds since the page was opened; never goes back.
pub(crate) fn now_ms() -> f64 {
    window()
        .and_then(|window| window.performance())
        .map_or(0.0, |performance| performance.now())
}

/// Whether nobody can see the page now; the browser then draws no frames.
pub(crate) fn is_hidden() -> bool {
    document().is_some_and(|page| page.hidden())
}

/// `(protocol, hostname, host)` of the page's address.
pub(crate) fn location() -> Option<(String, String, String)> {
    let location = window()?.location();
    Some((
        location.protocol().ok()?,
        location.hostname().ok()?,
        location.host().ok()?,
    ))
}

/// What stands behind the `#` of the page's address.
pub(crate) fn fragment() -> String {
    let hash = window().and_then(|window| window.location().hash().ok());
    let hash = hash.unwrap_or_default();
    hash.strip_prefix('#').unwrap_or_default().to_owned()
}

/// The page's address with this behind the `#`.
pub(crate) fn address_with(fragment: &str) -> String {
    let href = window().and_then(|window| window.location().href().ok());
    let href = href.unwrap_or_default();
    [href.split('#').next().unwrap_or_default(), "#", fragment].concat()
}

/// The date here, as in `2026-11-21`.
pub(crate) fn today() -> String {
    let now: String = js_sys::Date::new_0().to_iso_string().into();
    now.split('T').next().unwrap_or_default().to_owned()
}

/// Loads the page anew.
pub(crate) fn reload() {
    if let Some(window) = window() {
        // Where loading anew is forbidden, the reader still has the browser's own button.
        let _ = window.location().reload();
    }
}

fn storage() -> Option<Storage> {
    window()?.local_storage().ok()?
}

/// What is stored under a key.
pub(crate) fn stored(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

/// Stores a text under a key. Where nothing can be stored, it is forgotten with the page.
pub(crate) fn store(key: &str, value: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(key, value);
    }
}

/// Puts a text on the clipboard.
pub(crate) fn copy(text: &str) {
    if let Some(window) = window() {
        // The promise is not awaited: if the browser forbids it, the text can still be selected.
        let _ = window.navigator().clipboard().write_text(text);
    }
}

/// Gives the focus to the first match in `inside`, without scrolling the page.
pub(crate) fn focus(inside: &Element, selector: &str) {
    let found = inside.query_selector(selector).ok().flatten();
    if let Some(element) = found.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let options = web_sys::FocusOptions::new();
        options.set_prevent_scroll(true);
        let _ = element.focus_with_options(&options);
    }
}

/// A length in whole pixels that the style sheet gives an element.
pub(crate) fn length(element: &Element, property: &str) -> Option<f64> {
    let style = window()?.get_computed_style(element).ok()??;
    let value = style.get_property_value(property).ok()?;
    let pixels: u16 = value.trim().strip_suffix("px")?.parse().ok()?;
    Some(f64::from(pixels))
}
