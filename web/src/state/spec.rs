//! What the preprocessor wrote into the placeholder: a [`wire::Lab`], postcard, standard base64.

use wire::Lab;

use super::base64;

/// The lab that a placeholder's `data-spec` stands for; `None` if it is damaged.
pub(crate) fn decode(spec: &str) -> Option<Lab> {
    postcard::from_bytes(&base64::decode(spec)?).ok()
}
