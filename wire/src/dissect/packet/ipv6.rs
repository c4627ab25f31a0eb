//! IPv6 (RFC 8200): from one machine to any other, through routers.

use super::{Carrier, extensions, payload, protocol_word, service};
use crate::dissect::dns::address_v6;
use crate::dissect::reader::Reader;

pub(super) fn packet(reader: &mut Reader<'_>, depth: usize) -> Option<()> {
    let bytes = reader.ahead();
    let mut protocol = 0;
    let mut length = 0;
    reader.group("IPv6", None, &mut |reader| {
        let first = reader.hex("Version, class and flow", 4)?;
        reader.bits("Version", (first[0] >> 4).to_string(), "RFC 8200, 3");
        let class = first[0] << 4 | first[1] >> 4;
        reader.bits(
            "Traffic class",
            class.to_string(),
            "urgency and congestion, as in IPv4",
        );
        service(reader, class);
        let flow = u32::from_be_bytes([0, first[1] & 15, first[2], first[3]]);
        reader.bits(
            "Flow label",
            flow.to_string(),
            "the same for one conversation (RFC 6437)",
        );
        length = reader.number("Payload length", 2)? as usize;
        reader.note("what follows this header, in bytes (RFC 8200, 3)");
        protocol = reader.number("Next header", 1)? as u8;
        reader.value(protocol_word(protocol));
        reader.note("what the packet carries, or the next of its headers (RFC 8200, 3)");
        reader.number("Hop Limit", 1)?;
        reader.note("how many routers may still pass it on; each takes one off (RFC 8200, 3)");
        address_v6(reader, "Source")?;
        address_v6(reader, "Destination")?;
        Some(())
    })?;
    reader.value(["carries ", protocol_word(protocol)].concat());
    let mut carrier = Carrier {
        addresses: bytes.get(8..40)?.to_vec(),
        depth,
        is_whole: length <= reader.left(),
    };
    let length = length.min(reader.left());
    reader.within(length, &mut |reader| {
        let behind = extensions::read(reader, protocol)?;
        match behind.fragment {
            Some(1..) => {
                reader.rest("Fragment");
                return Some(());
            }
            Some(0) => carrier.is_whole = false,
            None => {}
        }
        payload(reader, behind.protocol, &carrier)
    })?;
    reader.rest("Padding");
    Some(())
}
