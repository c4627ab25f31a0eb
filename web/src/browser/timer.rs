//! Calls that come later, and do not come once their owner is dropped.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use super::window;

/// Calls again and again.
pub(crate) struct Interval {
    id: Option<i32>,
    _handler: Closure<dyn FnMut()>,
}

impl Interval {
    /// Calls `handler` every `period_ms`.
    pub(crate) fn new(period_ms: i32, handler: impl FnMut() + 'static) -> Self {
        let handler: Closure<dyn FnMut()> = Closure::new(handler);
        let id = window().and_then(|window| {
            window
                .set_interval_with_callback_and_timeout_and_arguments_0(
                    handler.as_ref().unchecked_ref(),
                    period_ms,
                )
                .ok()
        });
        Self {
            id,
            _handler: handler,
        }
    }
}

impl Drop for Interval {
    fn drop(&mut self) {
        if let (Some(window), Some(id)) = (window(), self.id) {
            window.clear_interval_with_handle(id);
        }
    }
}

/// Calls once, before the next frame is drawn.
pub(crate) struct Frame {
    id: Option<i32>,
    _handler: Closure<dyn FnMut()>,
}

impl Frame {
    /// Calls `handler` before the next frame.
    pub(crate) fn new(handler: impl FnMut() + 'static) -> Self {
        let handler: Closure<dyn FnMut()> = Closure::new(handler);
        let id = window().and_then(|window| {
            window
                .request_animation_frame(handler.as_ref().unchecked_ref())
                .ok()
        });
        Self {
            id,
            _handler: handler,
        }
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        if let (Some(window), Some(id)) = (window(), self.id) {
            let _ = window.cancel_animation_frame(id);
        }
    }
}
