//! How bytes travel: between programs as they are, one byte many times as that byte and a count;
//! in files for people as text with escapes.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_bytes::{ByteBuf, Bytes};

use crate::session::MAX_SEND_BYTES;
use crate::text;

/// How often a byte must stand there to be counted.
const MIN_RUN: usize = 32;

/// What is written.
#[derive(Serialize)]
enum Packed<'a> {
    Plain(&'a Bytes),
    Run(u8, u32),
}

/// What is read.
#[derive(Deserialize)]
enum Unpacked {
    Plain(ByteBuf),
    Run(u8, u32),
}

pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        return serializer.serialize_str(&text::to_escaped(bytes));
    }
    match run(bytes) {
        Some((byte, count)) => Packed::Run(byte, count),
        None => Packed::Plain(Bytes::new(bytes)),
    }
    .serialize(serializer)
}

/// The byte of which `bytes` are many, and how many.
fn run(bytes: &[u8]) -> Option<(u8, u32)> {
    let first = *bytes.first()?;
    let is_run = bytes.len() >= MIN_RUN && bytes.iter().all(|byte| *byte == first);
    let count = u32::try_from(bytes.len()).ok()?;
    is_run.then_some((first, count))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    if deserializer.is_human_readable() {
        let escaped = String::deserialize(deserializer)?;
        return text::from_escaped(&escaped).map_err(D::Error::custom);
    }
    match Unpacked::deserialize(deserializer)? {
        Unpacked::Plain(bytes) => Ok(bytes.into_vec()),
        // A few bytes must not become a great many.
        Unpacked::Run(_, count) if count as usize > MAX_SEND_BYTES => {
            Err(D::Error::custom("more bytes than one message carries"))
        }
        Unpacked::Run(byte, count) => Ok(vec![byte; count as usize]),
    }
}

/// Packets: between programs as they are, in files for people as hex digits.
pub(crate) mod hex {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::packet::MAX_PACKET_BYTES;
    use crate::text;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str(&text::to_hex(bytes));
        }
        serde_bytes::serialize(bytes, serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let bytes = if deserializer.is_human_readable() {
            let digits = String::deserialize(deserializer)?;
            text::from_hex(&digits).map_err(D::Error::custom)?
        } else {
            serde_bytes::deserialize(deserializer)?
        };
        match bytes.len() <= MAX_PACKET_BYTES {
            true => Ok(bytes),
            false => Err(D::Error::custom("more bytes than are kept of one packet")),
        }
    }
}
