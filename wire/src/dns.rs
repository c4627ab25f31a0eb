//! Asking a DNS server: a query for one name (RFC 1035, 4), and the words for what is asked.

use std::fmt;

/// The longest name in a message, length bytes included (RFC 1035, 2.3.4).
pub(crate) const MAX_NAME_BYTES: usize = 255;

/// The longest part of a name between two dots (RFC 1035, 2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// The class IN: the Internet (RFC 1035, 3.2.4).
pub(crate) const CLASS_IN: u16 = 1;

/// The types of records that can be asked for by a word, by their number.
pub const TYPES: [(u16, &str); 9] = [
    (1, "A"),
    (2, "NS"),
    (5, "CNAME"),
    (6, "SOA"),
    (12, "PTR"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (255, "ANY"),
];

/// Why there is no query for what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// A part of the name is empty, as in `a..b`.
    EmptyLabel,
    /// A part of the name has more than 63 bytes.
    LongLabel,
    /// The whole name has more than 255 bytes.
    LongName,
    /// No type of record is called so.
    UnknownType,
}

impl fmt::Display for QueryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::EmptyLabel => "between two dots of a name stands at least one character",
            Self::LongLabel => "between two dots of a name stand at most 63 bytes",
            Self::LongName => "a name has at most 255 bytes",
            Self::UnknownType => "a type of record is A, AAAA, CNAME, MX, NS, PTR, SOA, TXT or ANY",
        })
    }
}

impl std::error::Error for QueryError {}

/// The datagram that asks for the records of type `kind` (a word of [`TYPES`]) of `name`.
///
/// The name is sent as it is, without an IDNA encoding; a dot at its end changes nothing.
pub fn query(id: u16, name: &str, kind: &str) -> Result<Vec<u8>, QueryError> {
    let (kind, _) = TYPES
        .iter()
        .find(|(_, word)| word.eq_ignore_ascii_case(kind))
        .ok_or(QueryError::UnknownType)?;
    // A standard query, recursion desired, one question (RFC 1035, 4.1.1).
    let mut message = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    message[..2].copy_from_slice(&id.to_be_bytes());
    let start = message.len();
    let name = name.strip_suffix('.').unwrap_or(name);
    if !name.is_empty() {
        for label in name.split('.') {
            match label.len() {
                0 => return Err(QueryError::EmptyLabel),
                length @ 1..=MAX_LABEL_BYTES => message.push(length as u8),
                _ => return Err(QueryError::LongLabel),
            }
            message.extend_from_slice(label.as_bytes());
        }
    }
    message.push(0);
    if message.len() - start > MAX_NAME_BYTES {
        return Err(QueryError::LongName);
    }
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&CLASS_IN.to_be_bytes());
    Ok(message)
}
