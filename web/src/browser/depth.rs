//! The page's second module, which is loaded when it is first asked something. The book's script
//! `depth.js` loads it; here are the questions.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wire::dissect::Field;
use wire::packet::{Link, Packet};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = wirebookDepth, js_name = ask, catch)]
    fn call(name: &str, values: &Array, then: &JsValue) -> Result<(), JsValue>;
}

/// What comes of a question, or a sentence that tells why there is no answer.
pub(crate) type Answer = Result<Vec<u8>, String>;

/// Asks the function `name` of the second module; the answer comes later, and comes always.
pub(crate) fn ask(name: &str, values: &Array, then: Box<dyn FnOnce(Answer)>) {
    let then = Closure::once_into_js(move |answer: JsValue, why: JsValue| {
        then(match answer.dyn_into::<Uint8Array>() {
            Ok(bytes) => Ok(bytes.to_vec()),
            Err(_) => Err(why.as_string().unwrap_or_default()),
        });
    });
    if call(name, values, &then).is_err()
        && let Some(then) = then.dyn_ref::<js_sys::Function>()
    {
        // The book's script is not there: nothing of it can be asked.
        let why = JsValue::from_str("The script depth.js of this book did not start.");
        let _ = then.call2(&JsValue::NULL, &JsValue::UNDEFINED, &why);
    }
}

/// What a packet of a lesson means, layer by layer.
pub(crate) fn dissect(
    lesson: &str,
    packet: &Packet,
    then: impl FnOnce(Result<Vec<Field>, String>) + 'static,
) {
    let values = Array::of3(
        &lesson.into(),
        &(packet.link == Link::Ip).into(),
        &Uint8Array::from(&packet.bytes[..]).into(),
    );
    let decode = |answer: Vec<u8>| postcard::from_bytes(&answer).map_err(|error| error.to_string());
    ask(
        "dissect",
        &values,
        Box::new(move |answer| then(answer.and_then(decode))),
    );
}
