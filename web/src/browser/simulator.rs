//! A simulator in a worker of its own, which speaks as a gateway does. The book's script `depth.js`
//! starts it when its lab comes into view, or when it is first told something.

use js_sys::Uint8Array;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlElement;

#[wasm_bindgen]
extern "C" {
    type Worker;
    #[wasm_bindgen(js_namespace = wirebookDepth, catch)]
    fn simulate(
        host: &HtmlElement,
        network: &[u8],
        hello: &[u8],
        hear: &JsValue,
    ) -> Result<Worker, JsValue>;
    #[wasm_bindgen(method)]
    fn say(this: &Worker, frame: &[u8]);
    #[wasm_bindgen(method)]
    fn next(this: &Worker);
}

/// What comes from a simulator: a frame, or a sentence that tells why there will be none.
pub(crate) type Told = Result<Vec<u8>, String>;

/// A simulator; it ends with its page.
pub(crate) struct Simulator {
    worker: Worker,
    _hear: Closure<dyn FnMut(JsValue, JsValue)>,
}

impl Simulator {
    /// A simulator for the lab in `host`, with this link, which is told `hello` first.
    pub(crate) fn new(
        host: &HtmlElement,
        network: &[u8],
        hello: &[u8],
        hear: impl Fn(Told) + 'static,
    ) -> Option<Self> {
        let hear: Closure<dyn FnMut(JsValue, JsValue)> =
            Closure::new(move |frame: JsValue, why: JsValue| {
                hear(match frame.dyn_into::<Uint8Array>() {
                    Ok(frame) => Ok(frame.to_vec()),
                    Err(_) => Err(why.as_string().unwrap_or_default()),
                });
            });
        let worker = simulate(host, network, hello, hear.as_ref()).ok()?;
        Some(Self {
            worker,
            _hear: hear,
        })
    }

    /// Says something.
    pub(crate) fn say(&self, frame: &[u8]) {
        self.worker.say(frame);
    }

    /// What came was shown: more may come.
    pub(crate) fn next(&self) {
        self.worker.next();
    }
}
