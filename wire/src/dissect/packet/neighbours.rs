//! What ICMPv6 has beyond errors: neighbours on the same cable (RFC 4861), and who listens to which
//! group (RFC 9777).

use super::icmp::unused;
use crate::dissect::dns::address_v6;
use crate::dissect::reader::Reader;

/// What follows the checksum.
pub(super) fn message(reader: &mut Reader<'_>, kind: u32) -> Option<()> {
    match kind {
        134 => {
            reader.number("Hop Limit", 1)?;
            reader.note("to be used by everybody on this cable (RFC 4861, 4.2)");
            reader.hex("Flags", 1)?;
            reader.number("Lifetime", 2)?;
            reader.note("for so many seconds it will be a router");
            reader.number("Reachable time", 4)?;
            reader.number("Retransmission timer", 4)?;
        }
        135 => {
            unused(reader, 4)?;
            target(reader)?;
        }
        136 => {
            let flags = reader.hex("Flags", 4)?[0];
            let yes = |bit: u8| if flags & bit != 0 { "yes" } else { "no" };
            reader.bits("Router", yes(0x80), "RFC 4861, 4.4");
            reader.bits("Solicited", yes(0x40), "an answer to a solicitation");
            reader.bits("Override", yes(0x20), "to replace what was known before");
            target(reader)?;
        }
        143 => {
            unused(reader, 2)?;
            let count = reader.number("Number of records", 2)?;
            for _ in 0..count {
                reader.group("Record", None, &mut record)?;
            }
            return Some(());
        }
        _ => unused(reader, 4)?,
    }
    while reader.left() > 0 {
        reader.group("Option", None, &mut option)?;
    }
    Some(())
}

fn target(reader: &mut Reader<'_>) -> Option<()> {
    address_v6(reader, "Target")?;
    reader.note("the address in question (RFC 4861, 4.3)");
    Some(())
}

fn option(reader: &mut Reader<'_>) -> Option<()> {
    let kind = reader.number("Type", 1)?;
    reader.note(match kind {
        1 => "the sender's card (RFC 4861, 4.6.1)",
        2 => "the target's card (RFC 4861, 4.6.1)",
        3 => "a prefix of this cable (RFC 4861, 4.6.2)",
        5 => "the MTU of this cable (RFC 4861, 4.6.4)",
        14 => "a number that comes back only in a loop (RFC 3971, 5.3.2; RFC 7527)",
        _ => "",
    });
    let length = reader.number("Length", 1)? as usize;
    reader.note("in units of 8 bytes; 0 is an error (RFC 4861, 4.6)");
    reader.hex("Data", (length * 8).max(8) - 2)?;
    Some(())
}

fn record(reader: &mut Reader<'_>) -> Option<()> {
    let kind = reader.number("Record type", 1)?;
    reader.note(match kind {
        1..=2 => "what it listens to now (RFC 9777, 5.2.5)",
        3..=4 => "it begins, or ends, to listen (RFC 9777, 5.2.5)",
        _ => "it listens to more, or fewer, senders (RFC 9777, 5.2.5)",
    });
    let auxiliary = reader.number("Auxiliary data length", 1)? as usize;
    let sources = reader.number("Number of sources", 2)?;
    address_v6(reader, "Group")?;
    for _ in 0..sources {
        address_v6(reader, "Source")?;
    }
    if auxiliary > 0 {
        reader.hex("Auxiliary data", auxiliary * 4)?;
    }
    Some(())
}
