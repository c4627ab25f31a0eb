//! Ethernet II (IEEE 802.3): from one machine to the next on the same cable.

use super::{ipv4, ipv6};
use crate::dissect::reader::Reader;

pub(super) fn frame(reader: &mut Reader<'_>) -> Option<()> {
    let mut kind = 0;
    reader.group("Ethernet", None, &mut |reader| {
        address(reader, "Destination")?;
        address(reader, "Source")?;
        kind = reader.number("EtherType", 2)?;
        let word = match kind {
            0x0800 => "0x0800 IPv4",
            0x0806 => "0x0806 ARP",
            0x86dd => "0x86dd IPv6",
            _ => "another protocol",
        };
        reader.value(word);
        reader.note("what the frame carries (RFC 894; RFC 2464, 3)");
        Some(())
    })?;
    reader.value(match kind {
        0x0800 => "carries IPv4",
        0x86dd => "carries IPv6",
        _ => "",
    });
    match kind {
        0x0800 => ipv4::packet(reader, 0),
        0x86dd => ipv6::packet(reader, 0),
        _ => {
            reader.rest("Payload");
            Some(())
        }
    }
}

fn address(reader: &mut Reader<'_>, name: &str) -> Option<()> {
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
