//! Bytes as a tree of named fields, each with the range of bytes it stands for.
//!
//! Whatever arrives can be shown: what is cut off or makes no sense becomes a field that says so.
//! Depth and number of fields are bounded.
//!
//! - `text`: lines and datagrams of text;
//! - `frames`: messages inside a stream;
//! - `dns`: messages of the domain name system;
//! - `packet`: what a network card sends and receives, layer by layer.

mod dns;
mod frames;
mod packet;
mod reader;
mod text;

use std::ops::Range;

use serde::{Deserialize, Serialize};

pub use dns::dns;
pub(crate) use packet::sum;
pub use packet::{packet, packet_of};
pub use text::{cut, datagram, stream};

/// A named part of some bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// What it is, e.g. `Line 1`.
    pub name: String,
    /// Which bytes it stands for. A field of a few bits stands for the bytes they are in.
    pub range: Range<usize>,
    /// What it says, in the notation of [`crate::text`].
    pub value: String,
    /// What that means, and where it is written; may be empty.
    pub note: String,
    /// What it consists of.
    pub parts: Vec<Field>,
}

impl Field {
    fn new(name: impl Into<String>, range: Range<usize>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            range,
            value: value.into(),
            note: String::new(),
            parts: Vec::new(),
        }
    }
}

/// What the bytes of one transfer mean in the protocol of `lesson`; text if it has none.
pub fn by(lesson: &str, bytes: &[u8], is_datagram: bool) -> Vec<Field> {
    match lesson {
        "udp_dns" => dns(bytes),
        "frame_length" => frames::with_length(bytes),
        "frame_fixed" => frames::of_size(bytes),
        _ if is_datagram => datagram(bytes),
        _ => stream(bytes),
    }
}

/// The field at `path`, e.g. `IPv4 / Time to Live`, by its place in the order in which fields are
/// read: a field before its parts.
pub fn place(fields: &[Field], path: &str) -> Option<usize> {
    fn find(fields: &[Field], names: &[&str], at: &mut usize) -> Option<usize> {
        for field in fields {
            let own = *at;
            *at += 1;
            match names {
                [name] if field.name == *name => return Some(own),
                [name, rest @ ..] if field.name == *name => {
                    return find(&field.parts, rest, at);
                }
                _ => *at += size(&field.parts),
            }
        }
        None
    }
    let names: Vec<&str> = path.split('/').map(str::trim).collect();
    find(fields, &names, &mut 0)
}

/// How many fields there are, parts included.
fn size(fields: &[Field]) -> usize {
    let parts = fields.iter().map(|field| size(&field.parts));
    fields.len() + parts.sum::<usize>()
}

fn count(bytes: usize) -> String {
    match bytes {
        1 => "1 byte".to_owned(),
        _ => [&bytes.to_string(), " bytes"].concat(),
    }
}
