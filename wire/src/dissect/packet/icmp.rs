//! ICMP (RFC 792) and ICMPv6 (RFC 4443): how machines and routers report what went wrong.

use super::{Carrier, MAX_DEPTH, checksum, ipv4, ipv6, sum};
use crate::dissect::reader::Reader;

pub(super) fn message(reader: &mut Reader<'_>, carrier: &Carrier, is_v6: bool) -> Option<()> {
    let whole = reader.ahead();
    let (name, source) = match is_v6 {
        false => ("ICMP", "RFC 792"),
        true => ("ICMPv6", "RFC 4443"),
    };
    let mut said = "";
    let mut is_error = false;
    reader.group(name, None, &mut |reader| {
        let kind = reader.number("Type", 1)?;
        reader.note(source);
        let code = reader.number("Code", 1)?;
        (said, is_error) = meaning(is_v6, kind, code);
        reader.note(said);
        if is_v6 {
            checksum(reader, carrier, 58, whole)?;
        } else {
            reader.hex("Checksum", 2)?;
            reader.note(match carrier.is_whole {
                false => "not checked: the packet is not whole",
                true if sum(&[whole]) == 0xffff => "right: it covers this message",
                true => "wrong: some bits have changed on the way",
            });
        }
        reader.hex("Rest of the header", 4)?;
        Some(())
    })?;
    reader.value(said);
    if !is_error || carrier.depth + 1 >= MAX_DEPTH {
        reader.rest("Data");
        return Some(());
    }
    // What it is about: the packet that could not be delivered, or as much of it as fits.
    let left = reader.left();
    let read = reader.group("About this packet", Some(left), &mut |reader| match is_v6 {
        false => ipv4::packet(reader, carrier.depth + 1),
        true => ipv6::packet(reader, carrier.depth + 1),
    });
    reader.note("the packet that this is about, or its beginning");
    read
}

/// What type and code say, and whether a packet is enclosed.
fn meaning(is_v6: bool, kind: u32, code: u32) -> (&'static str, bool) {
    match (is_v6, kind, code) {
        (false, 3, 3) | (true, 1, 4) => ("port unreachable: no socket has this port", true),
        (false, 3, 1) | (true, 1, 3) => ("host unreachable", true),
        (false, 3, 4) | (true, 2, _) => ("too big for a link on the way", true),
        (false, 3, _) | (true, 1, _) => ("destination unreachable", true),
        (false, 11, _) | (true, 3, _) => ("time exceeded: no router may pass it on", true),
        (false, 12, _) | (true, 4, _) => ("a header that cannot be understood", true),
        (false, 8, _) | (true, 128, _) => ("echo request: are you there?", false),
        (false, 0, _) | (true, 129, _) => ("echo reply: I am", false),
        _ => ("", false),
    }
}
