//! Messages inside a stream of bytes: after their length, or of a fixed size.
//!
//! One transfer may hold a part of a message: a read ends anywhere.

use super::Field;
use super::reader::Reader;
use super::text::shown;

/// The size of each message of the lesson `frame_fixed`, in bytes.
const FIXED_BYTES: usize = 8;

/// Messages, each after its length in two bytes, in network byte order.
pub(super) fn with_length(bytes: &[u8]) -> Vec<Field> {
    let mut reader = Reader::new(bytes);
    while reader.left() > 0 {
        let read = reader.group("Message", None, &mut |reader| {
            let length = reader.number("Length", 2)? as usize;
            let text = shown(reader.take("Text", length)?);
            reader.value(text);
            Some(())
        });
        if read.is_none() {
            break;
        }
    }
    reader.finish()
}

/// Messages that all have the same size.
pub(super) fn of_size(bytes: &[u8]) -> Vec<Field> {
    let mut reader = Reader::new(bytes);
    while reader.left() > 0 {
        let Some(message) = reader.take("Message", FIXED_BYTES) else {
            break;
        };
        reader.value(shown(message));
    }
    reader.finish()
}
