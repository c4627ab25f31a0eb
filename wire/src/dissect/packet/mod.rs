//! What a network card sends and receives, layer by layer: each layer's header, and behind it what
//! the layer carries.

mod arp;
mod ethernet;
mod extensions;
mod icmp;
mod ipv4;
mod ipv6;
mod neighbours;
mod tcp;
mod udp;

use super::reader::Reader;
use super::{Field, by};
use crate::packet::{Carries, Link, Summary};

/// How deep packets may be packed into each other: an ICMP message encloses a packet, and that one
/// may be an ICMP message.
const MAX_DEPTH: usize = 3;

/// A whole frame of Ethernet, as it was captured.
pub fn packet(bytes: &[u8]) -> Vec<Field> {
    let mut reader = Reader::new(bytes);
    // Cut off or not, the fields are what there is to show.
    let _ = ethernet::frame(&mut reader);
    reader.finish()
}

/// A packet of a lesson, whatever it begins with: what it carries is taken apart as the lesson's
/// protocol has it.
pub fn packet_of(lesson: &str, link: Link, bytes: &[u8]) -> Vec<Field> {
    let mut fields = match link {
        Link::Ethernet => packet(bytes),
        Link::Ip => {
            let mut reader = Reader::new(bytes);
            let _ = match bytes.first().map(|first| first >> 4) {
                Some(6) => ipv6::packet(&mut reader, 0),
                _ => ipv4::packet(&mut reader, 0),
            };
            reader.finish()
        }
    };
    let Some(summary) = Summary::of(link, bytes) else {
        return fields;
    };
    let range = summary.payload;
    let data = fields
        .iter_mut()
        .find(|field| field.name == "Data" && field.range == range);
    if let Some((data, payload)) = data.zip(bytes.get(range.clone())) {
        data.parts = by(lesson, payload, summary.carries == Carries::Udp);
        shift(&mut data.parts, range.start);
    }
    fields
}

/// Moves fields behind so many bytes.
fn shift(fields: &mut [Field], by: usize) {
    for field in fields {
        field.range.start += by;
        field.range.end += by;
        shift(&mut field.parts, by);
    }
}

/// The addresses of the layer below, which the checksums of TCP, UDP and ICMPv6 cover too.
#[derive(Clone)]
struct Carrier {
    /// Source and destination, one after the other.
    addresses: Vec<u8>,
    /// How deep this packet is packed into others.
    depth: usize,
    /// Whether all bytes of the packet are here.
    is_whole: bool,
}

/// What IP carries: `protocol` says what that is (RFC 790 and its successor, the IANA's list).
fn payload(reader: &mut Reader<'_>, protocol: u8, carrier: &Carrier) -> Option<()> {
    match protocol {
        1 => icmp::message(reader, carrier, false),
        6 => tcp::segment(reader, carrier),
        17 => udp::datagram(reader, carrier),
        58 => icmp::message(reader, carrier, true),
        _ => {
            reader.rest("Payload");
            Some(())
        }
    }
}

/// The two parts of the byte that says how a packet wants to be treated.
fn service(reader: &mut Reader<'_>, byte: u8) {
    reader.bits(
        "DSCP",
        (byte >> 2).to_string(),
        "class of service, 0 is the usual (RFC 2474, 3)",
    );
    reader.bits(
        "ECN",
        (byte & 3).to_string(),
        match byte & 3 {
            0 => "the ends would not understand a mark of congestion (RFC 3168, 5)",
            3 => "a router was congested and says so here (RFC 3168, 5)",
            _ => "a congested router may mark this packet instead of dropping it (RFC 3168, 5)",
        },
    );
}

/// What the number of a protocol in an IP header stands for.
fn protocol_word(protocol: u8) -> &'static str {
    match protocol {
        0 => "0 hop-by-hop options",
        1 => "1 ICMP",
        2 => "2 IGMP",
        6 => "6 TCP",
        17 => "17 UDP",
        43 => "43 routing header",
        44 => "44 fragment header",
        58 => "58 ICMPv6",
        59 => "59 nothing follows",
        60 => "60 destination options",
        _ => "another protocol",
    }
}

/// The Internet checksum before it is inverted: the sum of all pairs of bytes, carries added back
/// (RFC 1071).
pub(crate) fn sum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            sum += u32::from(u16::from_be_bytes([pair[0], low]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
    }
    sum as u16
}

/// Reads a checksum that covers `whole`, its own two bytes among them, and the pseudo header.
fn checksum(reader: &mut Reader<'_>, carrier: &Carrier, protocol: u8, whole: &[u8]) -> Option<()> {
    let found = reader.hex("Checksum", 2)?;
    let length = (whole.len() as u32).to_be_bytes();
    let pseudo: [&[u8]; 3] = [&carrier.addresses, &length, &[0, protocol]];
    let found = u16::from_be_bytes([found[0], found[1]]);
    reader.note(if !carrier.is_whole {
        "not checked: the packet is not whole"
    } else if protocol == 17 && found == 0 {
        "none: the sender did not compute one, which UDP over IPv4 allows (RFC 768)"
    } else if sum(&[pseudo[0], pseudo[1], pseudo[2], whole]) == 0xffff {
        "right: it covers the addresses, the header and the data (RFC 1071)"
    } else if found == sum(&pseudo) {
        "not filled in: only the addresses and the length are summed up so far. The kernel leaves \
         the rest to the network card (checksum offload), and the loopback interface has none"
    } else {
        "wrong: some bits have changed on the way"
    });
    Some(())
}
