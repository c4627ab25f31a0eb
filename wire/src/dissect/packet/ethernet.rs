//! Ethernet II (IEEE 802.3): from one machine to the next on the same cable.

use super::{arp, ipv4, ipv6};
use crate::dissect::reader::Reader;

/// How many tags of VLANs are read: a provider may put its own around the customer's.
const MAX_TAGS: usize = 2;

pub(super) fn frame(reader: &mut Reader<'_>) -> Option<()> {
    let mut kind = 0;
    reader.group("Ethernet", None, &mut |reader| {
        address(reader, "Destination")?;
        address(reader, "Source")?;
        kind = ether_type(reader)?;
        Some(())
    })?;
    reader.value(carries(kind));
    for _ in 0..MAX_TAGS {
        if !matches!(kind, 0x8100 | 0x88a8) {
            break;
        }
        reader.group("VLAN", None, &mut |reader| {
            let tag = reader.number("Tag", 2)?;
            reader.note("which of the networks that share this cable (IEEE 802.1Q, 9.6)");
            reader.bits(
                "Priority",
                (tag >> 13).to_string(),
                "7 is the most urgent (IEEE 802.1Q, 9.6)",
            );
            let may_drop = if tag >> 12 & 1 == 1 { "yes" } else { "no" };
            reader.bits(
                "Drop eligible",
                may_drop,
                "a switch that is full may drop it first",
            );
            let number = (tag & 0xfff).to_string();
            reader.bits("VLAN number", number, "0 is none, 4095 is reserved");
            kind = ether_type(reader)?;
            Some(())
        })?;
        reader.value(carries(kind));
    }
    match kind {
        0x0800 => ipv4::packet(reader, 0),
        0x0806 => arp::message(reader),
        0x86dd => ipv6::packet(reader, 0),
        _ => {
            reader.rest("Payload");
            Some(())
        }
    }
}

fn ether_type(reader: &mut Reader<'_>) -> Option<u32> {
    let kind = reader.number("EtherType", 2)?;
    reader.value(match kind {
        0x0800 => "0x0800 IPv4",
        0x0806 => "0x0806 ARP",
        0x8100 => "0x8100 VLAN",
        0x86dd => "0x86dd IPv6",
        0x88a8 => "0x88a8 VLAN of a provider",
        _ => "another protocol",
    });
    reader.note("what the frame carries (RFC 894; RFC 2464, 3)");
    Some(kind)
}

fn carries(kind: u32) -> &'static str {
    match kind {
        0x0800 => "carries IPv4",
        0x0806 => "carries ARP",
        0x86dd => "carries IPv6",
        _ => "",
    }
}

pub(super) fn address(reader: &mut Reader<'_>, name: &str) -> Option<()> {
    let bytes = reader.hex(name, 6)?;
    reader.value(crate::text::to_hex(bytes).replace(' ', ":"));
    reader.note(match bytes {
        [0, 0, 0, 0, 0, 0] => "none: the loopback interface has no cable and no cards",
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => "broadcast: every machine on this cable",
        _ if bytes[0] & 1 == 1 => "a group of machines (multicast)",
        _ if bytes[0] & 2 == 2 => "one network card; given locally, not by its maker",
        _ => "one network card; its maker has given it",
    });
    Some(())
}
