//! ICMP (RFC 792) and ICMPv6 (RFC 4443): how machines and routers report what went wrong.

use super::{Carrier, MAX_DEPTH, checksum, ipv4, ipv6, neighbours, sum};
use crate::dissect::dns::address_v4;
use crate::dissect::reader::Reader;

pub(super) fn message(reader: &mut Reader<'_>, carrier: &Carrier, is_v6: bool) -> Option<()> {
    let whole = reader.ahead();
    let (name, source) = match is_v6 {
        false => ("ICMP", "what kind of message this is (RFC 792)"),
        true => ("ICMPv6", "what kind of message this is (RFC 4443, 2.1)"),
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
        match is_v6 {
            false => rest_v4(reader, kind, code),
            true => rest_v6(reader, kind),
        }
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
    reader.note("the packet that this is about, or its beginning (RFC 792; RFC 4443, 2.4)");
    read
}

/// The second half of the header, which each type uses in its own way.
fn rest_v4(reader: &mut Reader<'_>, kind: u32, code: u32) -> Option<()> {
    match (kind, code) {
        (0 | 8, _) => echo(reader),
        (3, 4) => {
            unused(reader, 2)?;
            reader.number("MTU of the next link", 2)?;
            reader.note("the longest packet that it takes, in bytes (RFC 1191, 4)");
            Some(())
        }
        (5, _) => {
            address_v4(reader, "Better router")?;
            reader.note("send there what goes to that destination (RFC 792)");
            Some(())
        }
        (12, _) => {
            reader.number("Pointer", 1)?;
            reader.note("the byte that cannot be understood (RFC 792)");
            unused(reader, 3)
        }
        _ => unused(reader, 4),
    }
}

fn rest_v6(reader: &mut Reader<'_>, kind: u32) -> Option<()> {
    match kind {
        2 => {
            reader.number("MTU of the next link", 4)?;
            reader.note("the longest packet that it takes, in bytes (RFC 4443, 3.2)");
            Some(())
        }
        4 => {
            reader.number("Pointer", 4)?;
            reader.note("the byte that cannot be understood (RFC 4443, 3.4)");
            Some(())
        }
        128 | 129 => echo(reader),
        133..=136 | 143 => neighbours::message(reader, kind),
        _ => unused(reader, 4),
    }
}

fn echo(reader: &mut Reader<'_>) -> Option<()> {
    reader.number("Identifier", 2)?;
    reader.note("which program asks; the reply repeats it (RFC 792; RFC 4443, 4)");
    reader.number("Sequence number", 2)?;
    reader.note("which request this is; the reply repeats it");
    Some(())
}

pub(super) fn unused(reader: &mut Reader<'_>, length: usize) -> Option<()> {
    reader.hex("Unused", length)?;
    reader.note("zero; to be ignored");
    Some(())
}

/// What type and code say, and whether a packet is enclosed.
fn meaning(is_v6: bool, kind: u32, code: u32) -> (&'static str, bool) {
    match (is_v6, kind, code) {
        (false, 3, 3) | (true, 1, 4) => ("port unreachable: no socket has this port", true),
        (false, 3, 0) | (true, 1, 0) => ("network unreachable: no route leads there", true),
        (false, 3, 1) => ("host unreachable", true),
        (true, 1, 3) => ("address unreachable", true),
        (false, 3, 2) => ("protocol unreachable: the machine does not speak it", true),
        (false, 3, 4) | (true, 2, _) => ("too big for a link on the way", true),
        (false, 3, 9 | 10 | 13) | (true, 1, 1) => ("forbidden by an administrator", true),
        (false, 3, _) | (true, 1, _) => ("destination unreachable", true),
        (false, 5, _) => ("redirect: another router is nearer", true),
        (false, 11, 1) | (true, 3, 1) => ("time exceeded: not all fragments came in time", true),
        (false, 11, _) | (true, 3, _) => ("time exceeded: no router may pass it on", true),
        (false, 12, _) | (true, 4, _) => ("a header that cannot be understood", true),
        (false, 8, _) | (true, 128, _) => ("echo request: are you there?", false),
        (false, 0, _) | (true, 129, _) => ("echo reply: I am", false),
        (true, 133, _) => ("router solicitation: is there a router?", false),
        (true, 134, _) => ("router advertisement: I am a router", false),
        (true, 135, _) => ("neighbour solicitation: who has this address?", false),
        (true, 136, _) => ("neighbour advertisement: I have it", false),
        (true, 137, _) => ("redirect: another router is nearer", false),
        (true, 143, _) => ("multicast listener report: I listen to these groups", false),
        _ => ("", false),
    }
}
