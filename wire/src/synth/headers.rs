//! Packets built from nothing but addresses, numbers and bytes.

use std::net::{IpAddr, SocketAddr};

use crate::dissect::sum;

/// As most systems send packets (RFC 1700; RFC 8200, 3).
const HOPS: u8 = 64;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP_V6: u8 = 58;

/// How much of a packet an error message repeats: what every network carries in one piece
/// (RFC 1812, 4.3.2.3; RFC 4443, 2.4).
const QUOTED_V4: usize = 548;
const QUOTED_V6: usize = 1_232;

/// The flags of a segment (RFC 9293, 3.1).
pub(super) mod flag {
    pub(in crate::synth) const FIN: u8 = 0x01;
    pub(in crate::synth) const SYN: u8 = 0x02;
    pub(in crate::synth) const RST: u8 = 0x04;
    pub(in crate::synth) const PSH: u8 = 0x08;
    pub(in crate::synth) const ACK: u8 = 0x10;
}

/// What a TCP header says beyond the ports.
pub(super) struct Segment<'a> {
    pub(super) sequence: u32,
    pub(super) acknowledgement: u32,
    pub(super) flags: u8,
    pub(super) window: u16,
    /// A multiple of 4 bytes.
    pub(super) options: &'a [u8],
    pub(super) data: &'a [u8],
}

/// A segment in its packet; `None` if no packet from `from` to `to` can carry it.
pub(super) fn tcp(from: SocketAddr, to: SocketAddr, segment: &Segment<'_>) -> Option<Vec<u8>> {
    let words = 5 + u8::try_from(segment.options.len() / 4).ok()?;
    let mut bytes = Vec::with_capacity(20 + segment.options.len() + segment.data.len());
    bytes.extend(from.port().to_be_bytes());
    bytes.extend(to.port().to_be_bytes());
    bytes.extend(segment.sequence.to_be_bytes());
    bytes.extend(segment.acknowledgement.to_be_bytes());
    bytes.extend([words << 4, segment.flags]);
    bytes.extend(segment.window.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(segment.options);
    bytes.extend(segment.data);
    let checksum = !covered(from.ip(), to.ip(), TCP, &bytes);
    bytes[16..18].copy_from_slice(&checksum.to_be_bytes());
    ip(from.ip(), to.ip(), TCP, &bytes)
}

/// A datagram in its packet.
pub(super) fn udp(from: SocketAddr, to: SocketAddr, data: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(8 + data.len()).ok()?;
    let mut bytes = Vec::with_capacity(8 + data.len());
    bytes.extend(from.port().to_be_bytes());
    bytes.extend(to.port().to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend([0; 2]);
    bytes.extend(data);
    // 0 would say that there is no checksum, and 0xffff is the same number (RFC 768).
    let checksum = match !covered(from.ip(), to.ip(), UDP, &bytes) {
        0 => 0xffff,
        checksum => checksum,
    };
    bytes[6..8].copy_from_slice(&checksum.to_be_bytes());
    ip(from.ip(), to.ip(), UDP, &bytes)
}

/// What `from` answers to a packet of `to` for a port that no socket has.
pub(super) fn port_unreachable(from: IpAddr, to: IpAddr, packet: &[u8]) -> Option<Vec<u8>> {
    let (kind, code, protocol, most) = match from {
        IpAddr::V4(_) => (3, 3, ICMP, QUOTED_V4),
        IpAddr::V6(_) => (1, 4, ICMP_V6, QUOTED_V6),
    };
    let mut bytes = vec![kind, code, 0, 0, 0, 0, 0, 0];
    bytes.extend(packet.iter().take(most));
    let checksum = !match from {
        IpAddr::V4(_) => sum(&[&bytes]),
        IpAddr::V6(_) => covered(from, to, protocol, &bytes),
    };
    bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
    ip(from, to, protocol, &bytes)
}

/// The sum over what the packet carries and the pseudo header (RFC 9293, 3.1; RFC 8200, 8.1).
fn covered(from: IpAddr, to: IpAddr, protocol: u8, bytes: &[u8]) -> u16 {
    let length = (bytes.len() as u32).to_be_bytes();
    let pseudo = [&length[..], &[0, protocol]].concat();
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum(&[&from.octets(), &to.octets(), &pseudo, bytes]),
        (IpAddr::V6(from), IpAddr::V6(to)) => sum(&[&from.octets(), &to.octets(), &pseudo, bytes]),
        _ => 0,
    }
}

fn ip(from: IpAddr, to: IpAddr, protocol: u8, carried: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(40 + carried.len());
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let total = u16::try_from(20 + carried.len()).ok()?;
            bytes.extend([0x45, 0]);
            bytes.extend(total.to_be_bytes());
            // Not to be taken apart, so that the identification may be 0 (RFC 6864, 4.1).
            bytes.extend([0, 0, 0x40, 0, HOPS, protocol, 0, 0]);
            bytes.extend(from.octets());
            bytes.extend(to.octets());
            let checksum = !sum(&[&bytes]);
            bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let length = u16::try_from(carried.len()).ok()?;
            bytes.extend([0x60, 0, 0, 0]);
            bytes.extend(length.to_be_bytes());
            bytes.extend([protocol, HOPS]);
            bytes.extend(from.octets());
            bytes.extend(to.octets());
        }
        _ => return None,
    }
    bytes.extend(carried);
    Some(bytes)
}
