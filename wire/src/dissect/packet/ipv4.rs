//! IPv4 (RFC 791): from one machine to any other, through routers.

use super::{Carrier, extensions, payload, protocol_word, service, sum};
use crate::dissect::dns::address_v4;
use crate::dissect::reader::Reader;

pub(super) fn packet(reader: &mut Reader<'_>, depth: usize) -> Option<()> {
    let bytes = reader.ahead();
    let mut protocol = 0;
    let mut total = 0;
    let mut offset = 0;
    let mut is_fragment = false;
    reader.group("IPv4", None, &mut |reader| {
        let first = reader.hex("Version and header length", 1)?[0];
        let header = usize::from(first & 15) * 4;
        reader.bits("Version", (first >> 4).to_string(), "RFC 791, 3.1");
        let words = [&(first & 15).to_string(), " words of 4 bytes"].concat();
        reader.bits("Header length", words, "5 without options (RFC 791, 3.1)");
        let byte = reader.hex("Type of service", 1)?[0];
        reader.note("how urgent it is (RFC 2474), and whether a router was congested (RFC 3168)");
        service(reader, byte);
        total = reader.number("Total length", 2)? as usize;
        reader.note("header and data, in bytes: at most 65,535 (RFC 791, 3.1)");
        reader.number("Identification", 2)?;
        reader.note("the same in all fragments of one packet (RFC 6864)");
        let flags = reader.hex("Flags and fragment offset", 2)?;
        let flags = u16::from_be_bytes([flags[0], flags[1]]);
        is_fragment = flags & 0x3fff != 0;
        let yes = |bit: u16| if flags & bit != 0 { "yes" } else { "no" };
        reader.bits(
            "Don't fragment",
            yes(0x4000),
            "too big for a link: drop it and say so (RFC 791, 2.3)",
        );
        reader.bits("More fragments", yes(0x2000), "this is not the last piece");
        offset = flags & 0x1fff;
        let at = (u32::from(offset) * 8).to_string();
        reader.bits("Fragment offset", at, "where this piece belongs, in bytes");
        reader.number("Time to Live", 1)?;
        reader.note("how many routers may still pass it on; each takes one off (RFC 791, 3.2)");
        protocol = reader.number("Protocol", 1)? as u8;
        reader.value(protocol_word(protocol));
        reader.note("what the packet carries (RFC 791, 3.1; the list is the IANA's)");
        reader.hex("Header checksum", 2)?;
        reader.note(match bytes.get(..header) {
            Some(header) if sum(&[header]) == 0xffff => "right: it covers this header alone",
            Some(_) => "wrong: some bits have changed on the way",
            None => "not checked: the header is not whole",
        });
        address_v4(reader, "Source")?;
        address_v4(reader, "Destination")?;
        if header > 20 {
            reader.group("Options", Some(header - 20), &mut extensions::options_v4)?;
            reader.note("rarely used; many routers drop packets that have any (RFC 7126)");
        }
        Some(())
    })?;
    reader.value(["carries ", protocol_word(protocol)].concat());
    let header = usize::from(bytes.first().copied().unwrap_or(0) & 15).max(5) * 4;
    let carrier = Carrier {
        addresses: bytes.get(12..20)?.to_vec(),
        depth,
        is_whole: !is_fragment && (header..=bytes.len()).contains(&total),
    };
    if offset > 0 {
        reader.rest("Fragment");
        return Some(());
    }
    let length = total.saturating_sub(header).min(reader.left());
    reader.within(length, &mut |reader| payload(reader, protocol, &carrier))?;
    reader.rest("Padding");
    Some(())
}
