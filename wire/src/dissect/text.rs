//! Lines of text, and datagrams that hold them. Bytes that are not text become a field that says so.

use super::reader::Reader;
use super::{Field, count};
use crate::text;

/// The most fields on one level; the rest is one field that says how much is left.
const MAX_FIELDS: usize = 128;

/// The most bytes of a value that are shown.
const MAX_VALUE_BYTES: usize = 256;

/// The lines that a transfer of a byte stream holds; the last one may be unfinished.
pub fn stream(bytes: &[u8]) -> Vec<Field> {
    lines(bytes, 0)
}

/// One datagram and the lines in it.
pub fn datagram(bytes: &[u8]) -> Vec<Field> {
    let mut field = Field::new("Datagram", 0..bytes.len(), count(bytes.len()));
    field.parts = lines(bytes, 0);
    vec![field]
}

fn lines(bytes: &[u8], offset: usize) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        if fields.len() == MAX_FIELDS {
            let left = bytes.len() - start;
            fields.push(Field::new(
                "More",
                offset + start..offset + bytes.len(),
                count(left),
            ));
            break;
        }
        let end = bytes[start..]
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(bytes.len(), |newline| start + newline + 1);
        let name = format!("Line {}", fields.len() + 1);
        fields.push(line(&bytes[start..end], offset + start, name));
        start = end;
    }
    fields
}

fn line(bytes: &[u8], offset: usize, name: String) -> Field {
    let (content, ending) = if bytes.ends_with(b"\r\n") {
        (bytes.len() - 2, "\\r\\n (CR LF)")
    } else if bytes.ends_with(b"\n") {
        (bytes.len() - 1, "\\n (LF)")
    } else {
        (bytes.len(), "")
    };
    let end = offset + bytes.len();
    let mut field = Field::new(name, offset..end, shown(&bytes[..content]));
    field.parts = runs(&bytes[..content], offset);
    field.parts.push(if ending.is_empty() {
        Field::new("Ending", end..end, "none in these bytes")
    } else {
        Field::new("Ending", offset + content..end, ending)
    });
    field
}

/// Text and what is not text, in turn (RFC 3629).
fn runs(bytes: &[u8], offset: usize) -> Vec<Field> {
    let mut fields = Vec::new();
    let mut start = offset;
    for chunk in bytes.utf8_chunks() {
        if fields.len() >= MAX_FIELDS {
            let end = offset + bytes.len();
            fields.push(Field::new("More", start..end, count(end - start)));
            break;
        }
        let (valid, invalid) = (chunk.valid(), chunk.invalid());
        if !valid.is_empty() {
            let name = if valid.is_ascii() {
                "Text (ASCII)"
            } else {
                "Text (UTF-8)"
            };
            let end = start + valid.len();
            fields.push(Field::new(name, start..end, shown(valid.as_bytes())));
            start = end;
        }
        if !invalid.is_empty() {
            let end = start + invalid.len();
            fields.push(Field::new("Not UTF-8", start..end, text::to_hex(invalid)));
            start = end;
        }
    }
    fields
}

/// All that is left as the data of a packet, if there is any.
pub(super) fn data(reader: &mut Reader<'_>) {
    let bytes = reader.ahead();
    if !bytes.is_empty() {
        reader.rest("Data");
        reader.value(shown(bytes));
    }
}

pub(super) fn shown(bytes: &[u8]) -> String {
    let (bytes, is_cut) = cut(bytes, MAX_VALUE_BYTES);
    let mut value = text::to_escaped(bytes);
    if is_cut {
        value.push('…');
    }
    value
}

/// At most `limit` bytes from the front, not ending inside a character, and whether any are left out.
pub fn cut(bytes: &[u8], limit: usize) -> (&[u8], bool) {
    if bytes.len() <= limit {
        return (bytes, false);
    }
    // A character of UTF-8 has at most 3 bytes behind its first (RFC 3629, 3).
    let is_inside = |end: usize| bytes[end] & 0b1100_0000 == 0b1000_0000;
    let end = (limit.saturating_sub(3)..=limit)
        .rev()
        .find(|end| !is_inside(*end))
        .unwrap_or(limit);
    (&bytes[..end], true)
}
