//! UDP (RFC 768): one message between two programs.

use super::{Carrier, checksum};
use crate::dissect::reader::Reader;
use crate::dissect::{dns, text};

/// The port of DNS, here and at the lesson's server.
const DNS_PORTS: [u32; 2] = [53, 5300];

pub(super) fn datagram(reader: &mut Reader<'_>, carrier: &Carrier) -> Option<()> {
    let whole = reader.ahead();
    let mut ports = [0; 2];
    let mut length = 0;
    reader.group("UDP", None, &mut |reader| {
        ports[0] = reader.number("Source port", 2)?;
        reader.note("the program that sent it (RFC 768)");
        ports[1] = reader.number("Destination port", 2)?;
        reader.note("the program it is for (RFC 768)");
        length = reader.number("Length", 2)? as usize;
        reader.note("this header of 8 bytes, and the data (RFC 768)");
        checksum(reader, carrier, 17, whole)
    })?;
    let length = length.saturating_sub(8).min(reader.left());
    if DNS_PORTS.iter().any(|port| ports.contains(port)) {
        reader.group("DNS", Some(length), &mut |reader| {
            reader.base = reader.at;
            dns::message(reader)
        })
    } else {
        reader.within(length, &mut |reader| {
            text::data(reader);
            Some(())
        })
    }
}
