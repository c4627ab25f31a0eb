//! A message of the domain name system (RFC 1035, 4).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::Field;
use super::reader::{Reader, shown};
use crate::dns::{CLASS_IN, MAX_NAME_BYTES, TYPES};
use crate::text;

/// The longest name with dots: less the first length byte and the last.
const MAX_DOTTED_BYTES: usize = MAX_NAME_BYTES - 2;

/// What is wrong with a longer one.
const TOO_LONG: &str = "longer than 255 bytes (RFC 1035, 2.3.4)";

/// OPT: not a record of the zone but a note between the two programs (RFC 6891, 6.1).
const OPT: u32 = 41;

/// The words for response codes (RFC 1035, 4.1.1), and what they mean.
const RESPONSE_CODES: [(&str, &str); 6] = [
    ("0 NOERROR", "the query was understood and answered"),
    ("1 FORMERR", "the server could not read the query"),
    ("2 SERVFAIL", "the server failed"),
    ("3 NXDOMAIN", "this name does not exist, for no type"),
    ("4 NOTIMP", "the server does not do that kind of query"),
    ("5 REFUSED", "the server does not answer this, by policy"),
];

/// One DNS message.
pub fn dns(bytes: &[u8]) -> Vec<Field> {
    let mut reader = Reader::new(bytes);
    // Cut off or not, the fields are what there is to show.
    let _ = message(&mut reader);
    reader.finish()
}

pub(super) fn message(reader: &mut Reader<'_>) -> Option<()> {
    let mut counts = [0; 4];
    reader.group("Header", None, &mut |reader| header(reader, &mut counts))?;
    let sections = ["Question", "Answer", "Authority", "Additional"];
    for (section, count) in sections.into_iter().zip(counts) {
        for index in 1..=count {
            let name = [section, " ", &index.to_string()].concat();
            let mut said = String::new();
            let read = reader.group(&name, None, &mut |reader| {
                said = if section == "Question" {
                    question(reader)?
                } else {
                    record(reader)?
                };
                Some(())
            });
            reader.value(said);
            read?;
        }
    }
    Some(())
}

fn header(reader: &mut Reader<'_>, counts: &mut [u32; 4]) -> Option<()> {
    let id = reader.number("Id", 2)?;
    reader.value(id.to_string());
    reader.note("the answer repeats it: that is how the asker knows its answer (RFC 1035, 4.1.1)");
    let flags = reader.hex("Flags", 2)?;
    let bit = |index: usize| flags[index / 8] >> (7 - index % 8) & 1 == 1;
    let yes = |index| if bit(index) { "yes" } else { "no" };
    let kind = if bit(0) { "answer" } else { "query" };
    reader.note("8 fields of 1 to 4 bits (RFC 1035, 4.1.1)");
    reader.bits("QR", kind, "query or response");
    let opcode = flags[0] >> 3 & 15;
    let meaning = if opcode == 0 { "a standard query" } else { "" };
    reader.bits("Opcode", opcode.to_string(), meaning);
    reader.bits(
        "AA",
        yes(5),
        "authoritative: the server knows, it did not ask others",
    );
    reader.bits(
        "TC",
        yes(6),
        "truncated: the rest did not fit, ask again over TCP",
    );
    reader.bits("RD", yes(7), "recursion desired: ask others for me");
    reader.bits("RA", yes(8), "recursion available: the server would do so");
    reader.bits("AD", yes(10), "authentic data (RFC 4035, 3.2.3)");
    reader.bits("CD", yes(11), "checking disabled (RFC 4035, 3.2.2)");
    let code = flags[1] & 15;
    match RESPONSE_CODES.get(usize::from(code)) {
        Some((word, meaning)) => reader.bits("RCODE", *word, if bit(0) { meaning } else { "" }),
        None => reader.bits("RCODE", code.to_string(), ""),
    }
    let names = [
        "Questions",
        "Answers",
        "Authority records",
        "Additional records",
    ];
    for (name, count) in names.into_iter().zip(counts) {
        *count = reader.number(name, 2)?;
    }
    Some(())
}

fn question(reader: &mut Reader<'_>) -> Option<String> {
    let name = name(reader, "Name")?;
    let kind = kind(reader)?;
    class(reader)?;
    Some([&name, " ", &kind_word(kind)].concat())
}

fn record(reader: &mut Reader<'_>) -> Option<String> {
    let name = name(reader, "Name")?;
    let kind = kind(reader)?;
    if kind == OPT {
        reader.note("not a record: what the program that sent this can do (RFC 6891, 6.1)");
        reader.number("UDP payload size", 2)?;
        reader.note("the longest answer it takes in one datagram");
        reader.hex("Flags", 4)?;
    } else {
        class(reader)?;
        reader.number("TTL", 4)?;
        reader.note("for so many seconds the answer may be kept (RFC 1035, 3.2.1)");
    }
    let length = reader.number("Data length", 2)? as usize;
    let mut said = String::new();
    reader.group("Data", Some(length), &mut |reader| {
        said = data(reader, kind)?;
        Some(())
    })?;
    reader.value(said.clone());
    Some([&name, " ", &kind_word(kind), " ", &said].concat())
}

fn data(reader: &mut Reader<'_>, kind: u32) -> Option<String> {
    Some(match kind {
        1 => {
            let address = address_v4(reader, "Address")?;
            reader.note("IPv4 (RFC 1035, 3.4.1)");
            address
        }
        28 => {
            let address = address_v6(reader, "Address")?;
            reader.note("IPv6 (RFC 3596, 2.2)");
            address
        }
        2 | 5 | 12 => name(reader, "Name")?,
        15 => {
            let preference = reader.number("Preference", 2)?;
            reader.note("the lowest is tried first (RFC 1035, 3.3.9)");
            let name = name(reader, "Name")?;
            [&preference.to_string(), " ", &name].concat()
        }
        6 => {
            let server = name(reader, "Primary server")?;
            name(reader, "Mailbox of who is responsible")?;
            for (field, note) in [
                ("Serial", "grows with each change of the zone"),
                ("Refresh", "seconds"),
                ("Retry", "seconds"),
                ("Expire", "seconds"),
                (
                    "Minimum",
                    "how long *no such name* may be kept, in seconds (RFC 2308, 4)",
                ),
            ] {
                reader.number(field, 4)?;
                reader.note(note);
            }
            server
        }
        16 => {
            let mut said = String::new();
            while reader.left() > 0 {
                let length = reader.number("Length", 1)? as usize;
                let piece = text::to_escaped(reader.take("Text", length)?);
                said.push_str(&piece);
                reader.value(piece);
            }
            said
        }
        _ => {
            let bytes = reader.ahead();
            reader.rest("Bytes");
            shown(bytes)
        }
    })
}

fn kind(reader: &mut Reader<'_>) -> Option<u32> {
    let kind = reader.number("Type", 2)?;
    reader.value([&kind.to_string(), " ", &kind_word(kind)].concat());
    Some(kind)
}

fn kind_word(kind: u32) -> String {
    let known = TYPES.iter().find(|(number, _)| u32::from(*number) == kind);
    match known {
        Some((_, word)) => (*word).to_owned(),
        None if kind == OPT => "OPT".to_owned(),
        // RFC 3597, 5
        None => ["TYPE", &kind.to_string()].concat(),
    }
}

fn class(reader: &mut Reader<'_>) -> Option<()> {
    if reader.number("Class", 2)? == u32::from(CLASS_IN) {
        reader.value("1 IN");
        reader.note("the Internet");
    }
    Some(())
}

/// A name as labels, each with its length before it, up to an empty one or a pointer to where the
/// rest of the name stands in the message (RFC 1035, 4.1.4).
fn name(reader: &mut Reader<'_>, field: &str) -> Option<String> {
    let mut said = Vec::new();
    let start = reader.at;
    let mut problem = None;
    let read = reader.group(field, None, &mut |reader| {
        loop {
            let length = reader.ahead().first().copied().unwrap_or(0);
            match length >> 6 {
                0 if length == 0 => {
                    reader.hex("End", 1)?;
                    reader.note("a label of length 0: the root");
                    return Some(());
                }
                0 => {
                    let label = reader.take("Label", 1 + usize::from(length))?;
                    reader.value(text::to_escaped(&label[1..]));
                    reader.note("its length, then its characters");
                    push_label(&mut said, &label[1..]);
                }
                3 => {
                    let pointer = reader.number("Pointer", 2)? as usize & 0x3fff;
                    reader.value(["byte ", &pointer.to_string()].concat());
                    reader.note("the rest of the name stands there (RFC 1035, 4.1.4)");
                    let message = reader.whole.get(reader.base..).unwrap_or_default();
                    let before = start.saturating_sub(reader.base);
                    problem = follow(message, pointer, before, &mut said).err();
                    return Some(());
                }
                _ => {
                    problem = Some("a length of a kind that nothing defines");
                    return None;
                }
            }
            if said.len() > MAX_DOTTED_BYTES {
                problem = Some(TOO_LONG);
                return None;
            }
        }
    });
    let mut said = text::to_escaped(&said);
    if said.is_empty() {
        said.push('.');
    }
    reader.value(said.as_str());
    if let Some(problem) = problem {
        reader.note(problem);
    }
    read.map(|()| said)
}

/// Reads on at a pointer. Each must lead to before the part it continues, so none can go in circles.
fn follow(
    whole: &[u8],
    mut at: usize,
    mut before: usize,
    said: &mut Vec<u8>,
) -> Result<(), &'static str> {
    if at >= before {
        return Err("a pointer that does not lead back");
    }
    before = at;
    while said.len() <= MAX_DOTTED_BYTES {
        let length = *whole.get(at).ok_or("a pointer to a name that is cut off")?;
        match length >> 6 {
            0 if length == 0 => return Ok(()),
            0 => {
                let end = at + 1 + usize::from(length);
                let label = whole.get(at + 1..end);
                push_label(said, label.ok_or("a pointer to a name that is cut off")?);
                at = end;
            }
            3 => {
                let low = *whole.get(at + 1).ok_or("a pointer that is cut off")?;
                at = usize::from(length & 63) << 8 | usize::from(low);
                if at >= before {
                    return Err("a pointer that does not lead back");
                }
                before = at;
            }
            _ => return Err("a pointer to what is no name"),
        }
    }
    Err(TOO_LONG)
}

fn push_label(said: &mut Vec<u8>, label: &[u8]) {
    if !said.is_empty() {
        said.push(b'.');
    }
    said.extend_from_slice(label);
}

/// The next 4 bytes as an address.
pub(super) fn address_v4(reader: &mut Reader<'_>, name: &str) -> Option<String> {
    let bytes: [u8; 4] = reader.take(name, 4)?.try_into().ok()?;
    let address = Ipv4Addr::from(bytes).to_string();
    reader.value(address.as_str());
    Some(address)
}

/// The next 16 bytes as an address.
pub(super) fn address_v6(reader: &mut Reader<'_>, name: &str) -> Option<String> {
    let bytes: [u8; 16] = reader.take(name, 16)?.try_into().ok()?;
    let address = Ipv6Addr::from(bytes).to_string();
    reader.value(address.as_str());
    Some(address)
}
