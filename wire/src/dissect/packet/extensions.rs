//! The headers between that of IPv6 and what the packet carries (RFC 8200, 4), and options of IPv4.

use super::protocol_word;
use crate::dissect::reader::Reader;

/// How many extension headers are followed.
const MAX_EXTENSIONS: usize = 8;

/// What is behind the extension headers.
pub(super) struct Behind {
    /// As in the header of IP.
    pub(super) protocol: u8,
    /// Where a fragment belongs, in bytes; `None` for a packet in one piece.
    pub(super) fragment: Option<u32>,
}

/// Reads extension headers, from one of `protocol` on.
pub(super) fn read(reader: &mut Reader<'_>, protocol: u8) -> Option<Behind> {
    let mut behind = Behind {
        protocol,
        fragment: None,
    };
    for _ in 0..MAX_EXTENSIONS {
        let name = match behind.protocol {
            0 => "Hop-by-hop options",
            43 => "Routing header",
            44 => "Fragment header",
            60 => "Destination options",
            _ => break,
        };
        let kind = behind.protocol;
        reader.group(name, None, &mut |reader| {
            behind.protocol = reader.number("Next header", 1)? as u8;
            reader.value(protocol_word(behind.protocol));
            reader.note("what follows this header (RFC 8200, 4)");
            match kind {
                44 => behind.fragment = Some(fragment(reader)?),
                43 => {
                    let length = length(reader)?;
                    reader.number("Routing type", 1)?;
                    reader.number("Segments left", 1)?;
                    reader.note("how many stations are still to come (RFC 8200, 4.4)");
                    reader.hex("Data", length - 2)?;
                }
                _ => {
                    let length = length(reader)?;
                    reader.within(length, &mut options)?;
                }
            }
            Some(())
        })?;
        if behind.fragment.is_some_and(|offset| offset > 0) {
            break;
        }
    }
    Some(behind)
}

/// How many bytes of the header are still to come.
fn length(reader: &mut Reader<'_>) -> Option<usize> {
    let length = reader.number("Length", 1)? as usize;
    reader.note("of this header, in units of 8 bytes, the first not counted");
    Some(length * 8 + 6)
}

fn fragment(reader: &mut Reader<'_>) -> Option<u32> {
    reader.hex("Reserved", 1)?;
    let place = reader.number("Fragment offset and flags", 2)?;
    let offset = place & !7;
    reader.bits(
        "Fragment offset",
        offset.to_string(),
        "where this piece belongs, in bytes (RFC 8200, 4.5)",
    );
    let more = if place & 1 == 1 { "yes" } else { "no" };
    reader.bits("More fragments", more, "this is not the last piece");
    reader.number("Identification", 4)?;
    reader.note("the same in all fragments of one packet (RFC 8200, 4.5)");
    Some(offset)
}

/// Options of IPv6 (RFC 8200, 4.2).
fn options(reader: &mut Reader<'_>) -> Option<()> {
    while let Some(kind) = reader.ahead().first().copied() {
        let name = match kind {
            0 | 1 => "Padding",
            5 => "Router alert",
            194 => "Jumbo payload",
            _ => "Option",
        };
        let length = match kind {
            0 => 1,
            _ => 2 + usize::from(reader.ahead().get(1).copied().unwrap_or(0)),
        };
        reader.hex(name, length)?;
        reader.note(match kind {
            0 | 1 => "fills up, so that the header has a multiple of 8 bytes (RFC 8200, 4.2)",
            5 => "each router is to look at this packet (RFC 2711)",
            194 => "longer than 65,535 bytes (RFC 2675)",
            _ => "its type, its length, its data (RFC 8200, 4.2)",
        });
    }
    Some(())
}

/// Options of IPv4 (RFC 791, 3.1).
pub(super) fn options_v4(reader: &mut Reader<'_>) -> Option<()> {
    while let Some(kind) = reader.ahead().first().copied() {
        let (name, note) = match kind {
            0 => ("End of options", "RFC 791, 3.1"),
            1 => ("No operation", "fills up (RFC 791, 3.1)"),
            7 => (
                "Record route",
                "each router writes its address here (RFC 791, 3.1)",
            ),
            68 => (
                "Timestamp",
                "each router writes its time here (RFC 791, 3.1)",
            ),
            131 | 137 => (
                "Source route",
                "the stations on the way; mostly refused (RFC 7126, 4)",
            ),
            148 => (
                "Router alert",
                "each router is to look at this packet (RFC 2113)",
            ),
            _ => ("Option", "its type, its length, its data (RFC 791, 3.1)"),
        };
        let length = match kind {
            0 | 1 => 1,
            _ => usize::from(reader.ahead().get(1).copied().unwrap_or(2)).max(2),
        };
        reader.hex(name, length)?;
        reader.note(note);
        if kind == 0 {
            reader.rest("Padding");
        }
    }
    Some(())
}
