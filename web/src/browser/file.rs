//! Files that the reader saves and opens.

use js_sys::{Array, Uint8Array};
use wasm_bindgen::JsCast;
use web_sys::{Blob, FileList, FileReader, HtmlElement, Url};

use super::{Listener, document};

/// Gives the reader a file; `None` if the browser does not.
pub(crate) fn save(name: &str, bytes: &[u8]) -> Option<()> {
    let bytes = Uint8Array::from(bytes);
    let blob = Blob::new_with_u8_array_sequence(&Array::of1(&bytes)).ok()?;
    let url = Url::create_object_url_with_blob(&blob).ok()?;
    let link = document()?.create_element("a").ok()?;
    link.set_attribute("href", &url).ok()?;
    link.set_attribute("download", name).ok()?;
    link.dyn_into::<HtmlElement>().ok()?.click();
    // The browser has begun to save: the name for it in this page is no longer needed.
    Url::revoke_object_url(&url).ok()
}

/// A file that is being read.
pub(crate) struct Opening {
    _reader: FileReader,
    _listener: Listener,
}

impl Opening {
    /// Reads the first of some files of at most `max_bytes`, and hands its text on; `None` if there
    /// is no such file.
    pub(crate) fn new(
        files: Option<FileList>,
        max_bytes: f64,
        then: impl Fn(String) + 'static,
    ) -> Option<Self> {
        let file = files?.get(0)?;
        if file.size() > max_bytes {
            return None;
        }
        let reader = FileReader::new().ok()?;
        let read = reader.clone();
        let listener = Listener::new(reader.clone(), "load", move |_| {
            if let Some(text) = read.result().ok().and_then(|result| result.as_string()) {
                then(text);
            }
        });
        reader.read_as_text(&file).ok()?;
        Some(Self {
            _reader: reader,
            _listener: listener,
        })
    }
}
