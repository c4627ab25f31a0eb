//! An exchange as a file, and back.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;
use wire::Trace;

/// The file of an exchange for Wireshark; a sentence where there can be none.
#[wasm_bindgen]
pub fn pcapng(trace: &[u8]) -> Result<Vec<u8>, JsError> {
    let trace: Trace = postcard::from_bytes(trace)?;
    Ok(wire::pcapng::pcapng(&trace, &trace.steps)?)
}

/// An exchange as JSON, in UTF-8.
#[wasm_bindgen]
pub fn to_json(trace: &[u8]) -> Result<Vec<u8>, JsError> {
    let trace: Trace = postcard::from_bytes(trace)?;
    Ok(trace.to_json()?.into_bytes())
}

/// The exchange in a file that somebody has saved. Whether it is within limits is not looked at.
#[wasm_bindgen]
pub fn from_json(text: &str) -> Result<Vec<u8>, JsError> {
    read(text).map_err(|why| JsError::new(&why))
}

/// The first files had sentences for people, and the exchange for the page alone.
#[derive(Deserialize)]
struct FirstForm {
    exchange: String,
}

fn read(text: &str) -> Result<Vec<u8>, String> {
    if let Ok(first) = serde_json::from_str::<FirstForm>(text) {
        let bytes = URL_SAFE_NO_PAD.decode(first.exchange);
        return bytes.map_err(|_| "The exchange is damaged: a part of it was changed.".to_owned());
    }
    let trace = Trace::from_json(text)
        .map_err(|error| format!("This is no file that a lab has saved: {error}."))?;
    postcard::to_allocvec(&trace).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::{Trace, pcapng, read, to_json};

    /// As the page takes it.
    fn decoded(bytes: &[u8]) -> Trace {
        postcard::from_bytes(bytes).unwrap()
    }

    fn recorded() -> Trace {
        Trace::from_json(include_str!("../../../book/traces/tcp_ok.json")).unwrap()
    }

    #[test]
    fn an_exchange_survives_its_file() {
        let bytes = postcard::to_allocvec(&recorded()).unwrap();
        let Ok(file) = to_json(&bytes) else {
            panic!("no file");
        };
        let text = String::from_utf8(file).unwrap();
        assert_eq!(text, include_str!("../../../book/traces/tcp_ok.json"));
        assert_eq!(decoded(&read(&text).unwrap()), recorded());
    }

    #[test]
    fn a_file_of_the_first_form_is_read() {
        use base64::Engine;
        let bytes = postcard::to_allocvec(&recorded()).unwrap();
        let exchange = super::URL_SAFE_NO_PAD.encode(&bytes);
        let file = format!(
            "{{\n  \"wirebook\": \"an exchange\",\n  \"happened\": [],\n  \"exchange\": \"{exchange}\"\n}}\n"
        );
        assert_eq!(decoded(&read(&file).unwrap()), recorded());
    }

    #[test]
    fn what_is_no_exchange_is_refused_in_words() {
        let nested = "[".repeat(100_000);
        for text in ["", "{}", "{\"exchange\": \"!\"}", "[1]", &nested] {
            let why = read(text).unwrap_err();
            assert!(why.starts_with("Th") && why.ends_with('.'), "{why}");
        }
    }

    #[test]
    fn an_exchange_becomes_a_file_for_wireshark() {
        let bytes = postcard::to_allocvec(&recorded()).unwrap();
        let file = pcapng(&bytes).unwrap_or_default();
        assert!(file.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]));
    }
}
