//! An event handler that unhooks itself.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, EventTarget};

/// Hears one kind of event of one target for as long as it lives.
pub(crate) struct Listener {
    target: EventTarget,
    kind: &'static str,
    handler: Closure<dyn FnMut(Event)>,
}

impl Listener {
    /// Calls `handler` on every `kind` of event of `target`.
    pub(crate) fn new(
        target: impl Into<EventTarget>,
        kind: &'static str,
        handler: impl FnMut(Event) + 'static,
    ) -> Self {
        let target = target.into();
        let handler: Closure<dyn FnMut(Event)> = Closure::new(handler);
        // Adding fails only for a handler that is not callable.
        let _ = target.add_event_listener_with_callback(kind, handler.as_ref().unchecked_ref());
        Self {
            target,
            kind,
            handler,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let handler = self.handler.as_ref().unchecked_ref();
        let _ = self
            .target
            .remove_event_listener_with_callback(self.kind, handler);
    }
}
