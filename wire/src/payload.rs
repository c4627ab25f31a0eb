//! How bytes travel: as they are between programs, as text with escapes in files for people.

use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

use crate::text;

pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.serialize_str(&text::to_escaped(bytes))
    } else {
        serializer.serialize_bytes(bytes)
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    if deserializer.is_human_readable() {
        let escaped = String::deserialize(deserializer)?;
        text::from_escaped(&escaped).map_err(D::Error::custom)
    } else {
        serde_bytes::deserialize(deserializer)
    }
}
