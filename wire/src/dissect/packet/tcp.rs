//! TCP (RFC 9293): a stream of bytes between two programs.

use super::{Carrier, checksum};
use crate::dissect::reader::Reader;
use crate::dissect::text;

const FLAGS: [(&str, &str); 8] = [
    ("CWR", "the sender has slowed down (RFC 3168)"),
    ("ECE", "a router was congested (RFC 3168)"),
    ("URG", "the urgent pointer counts (RFC 9293, 3.8.5)"),
    ("ACK", "the acknowledgement number counts (RFC 9293, 3.1)"),
    ("PSH", "hand the data to the program now (RFC 9293, 3.9.1)"),
    ("RST", "reset: this connection is no more (RFC 9293, 3.5.2)"),
    ("SYN", "synchronise: numbering begins here (RFC 9293, 3.5)"),
    ("FIN", "the sender will send no more data (RFC 9293, 3.6)"),
];

pub(super) fn segment(reader: &mut Reader<'_>, carrier: &Carrier) -> Option<()> {
    let whole = reader.ahead();
    let mut names = String::new();
    reader.group("TCP", None, &mut |reader| {
        reader.number("Source port", 2)?;
        reader.note("the program that sent it (RFC 9293, 3.1)");
        reader.number("Destination port", 2)?;
        reader.note("the program it is for (RFC 9293, 3.1)");
        reader.number("Sequence number", 4)?;
        reader.note("the place in the stream of its first byte (RFC 9293, 3.4)");
        reader.number("Acknowledgement number", 4)?;
        reader.note("the next byte that the sender expects; counts if ACK is set (RFC 9293, 3.1)");
        let bits = reader.hex("Data offset and flags", 2)?;
        let offset = usize::from(bits[0] >> 4);
        let words = [&offset.to_string(), " words of 4 bytes"].concat();
        reader.bits(
            "Data offset",
            words,
            match offset {
                0..5 => "too few: the header alone has 5 (RFC 9293, 3.1)",
                _ => "the length of this header, options included (RFC 9293, 3.1)",
            },
        );
        reader.bits(
            "Reserved",
            (bits[0] & 15).to_string(),
            "for the future; the last bit is AE, of accurate ECN (RFC 9768)",
        );
        for (index, (name, meaning)) in FLAGS.into_iter().enumerate() {
            let is_set = bits[1] >> (7 - index) & 1 == 1;
            reader.bits(name, if is_set { "set" } else { "not set" }, meaning);
            if is_set {
                names.push_str(if names.is_empty() { "" } else { ", " });
                names.push_str(name);
            }
        }
        reader.number("Window", 2)?;
        reader.note("how many bytes the sender can take in now, before scaling (RFC 7323, 2)");
        checksum(reader, carrier, 6, whole)?;
        reader.number("Urgent pointer", 2)?;
        reader.note("counts if URG is set; not to be used by new programs (RFC 9293, 3.8.5)");
        if offset > 5 {
            reader.group("Options", Some((offset - 5) * 4), &mut options)?;
        }
        Some(())
    })?;
    reader.value(names);
    text::data(reader);
    Some(())
}

fn options(reader: &mut Reader<'_>) -> Option<()> {
    while let Some(kind) = reader.ahead().first() {
        match kind {
            0 => {
                reader.hex("End of options", 1)?;
                reader.rest("Padding");
            }
            1 => {
                reader.hex("No operation", 1)?;
                reader.note("fills up, so that what follows is aligned (RFC 9293, 3.2)");
            }
            _ => option(reader)?,
        }
    }
    Some(())
}

fn option(reader: &mut Reader<'_>) -> Option<()> {
    let kind = reader.ahead().first().copied()?;
    let length = usize::from(reader.ahead().get(1).copied().unwrap_or(2)).max(2);
    let (name, note) = match kind {
        2 => (
            "Maximum segment size",
            "the most data that its sender takes in one segment (RFC 9293, 3.7.1)",
        ),
        3 => (
            "Window scale",
            "windows are to be doubled so many times (RFC 7323, 2)",
        ),
        4 => (
            "SACK permitted",
            "it may be said which segments came (RFC 2018, 2)",
        ),
        5 => ("SACK", "these bytes came, out of order (RFC 2018, 3)"),
        8 => ("Timestamps", "to measure the round trip (RFC 7323, 3)"),
        _ => ("Option", ""),
    };
    let mut said = String::new();
    let mut factor = 0_u32;
    reader.group(name, Some(length), &mut |reader| {
        reader.number("Kind", 1)?;
        reader.number("Length", 1)?;
        match (kind, length) {
            (2, 4) => said = reader.number("Bytes", 2)?.to_string(),
            (3, 3) => {
                let shift = reader.number("Shift", 1)?;
                // More is taken for 14 (RFC 7323, 2.3).
                factor = 1 << shift.min(14);
                said = shift.to_string();
            }
            (5, 10 | 18 | 26 | 34) => {
                while reader.left() > 0 {
                    let left = reader.number("Left edge", 4)?;
                    reader.note("the first byte of a block that came (RFC 2018, 3)");
                    let right = reader.number("Right edge", 4)?;
                    reader.note("the byte behind its last");
                    said.push_str(if said.is_empty() { "" } else { ", " });
                    said.push_str(&[&left.to_string(), "-", &right.to_string()].concat());
                }
            }
            (8, 10) => {
                said = reader.number("Sender's clock", 4)?.to_string();
                reader.note("in units of its own (RFC 7323, 3.2)");
                reader.number("Echo of the peer's clock", 4)?;
                reader.note("what the peer's clock said in the segment that this answers");
            }
            _ => reader.rest("Data"),
        }
        Some(())
    })?;
    reader.value(said);
    match factor {
        0 => reader.note(note),
        _ => reader.note(
            &[
                "windows that its sender tells from now on count ",
                &factor.to_string(),
                " times (RFC 7323, 2)",
            ]
            .concat(),
        ),
    }
    Some(())
}
