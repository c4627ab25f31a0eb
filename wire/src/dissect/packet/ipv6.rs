//! IPv6 (RFC 8200): from one machine to any other, through routers.

use super::{Carrier, payload, protocol_word};
use crate::dissect::dns::address_v6;
use crate::dissect::reader::Reader;

/// How many extension headers are followed.
const MAX_EXTENSIONS: usize = 8;

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
        let flow = u32::from_be_bytes([0, first[1] & 15, first[2], first[3]]);
        reader.bits(
            "Flow label",
            flow.to_string(),
            "the same for one conversation (RFC 6437)",
        );
        length = reader.number("Payload length", 2)? as usize;
        reader.note("what follows this header, in bytes");
        protocol = reader.number("Next header", 1)? as u8;
        reader.value(protocol_word(protocol));
        reader.note("what the packet carries");
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
        for _ in 0..MAX_EXTENSIONS {
            if !matches!(protocol, 0 | 43 | 44 | 60) {
                break;
            }
            let is_fragment = protocol == 44;
            reader.group("Extension header", None, &mut |reader| {
                protocol = reader.number("Next header", 1)? as u8;
                reader.value(protocol_word(protocol));
                let more = reader.number("Length", 1)? as usize;
                let more = if is_fragment { 0 } else { more };
                reader.hex("Data", 6 + more * 8).map(|_| ())
            })?;
            if is_fragment {
                carrier.is_whole = false;
            }
        }
        payload(reader, protocol, &carrier)
    })?;
    reader.rest("Padding");
    Some(())
}
