//! The ports in a packet, replaced: in its TCP or UDP header, and in the packet that an ICMP error
//! encloses. Checksums stay as right or as wrong as they were.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::dissect::sum;
use crate::packet::{Link, Packet};

const ETHERNET_HEADER_BYTES: usize = 14;
const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP_V6: u8 = 58;
const FRAGMENT: u8 = 44;

/// How many extension headers of IPv6 are skipped.
const MAX_EXTENSIONS: usize = 8;

/// Where the parts of a packet are.
struct Parts {
    protocol: u8,
    addresses: [IpAddr; 2],
    /// Of what IP carries.
    at: usize,
    /// How long that was on the network.
    length: u32,
}

/// Puts the port of `named` in place of each of the packet's.
pub(super) fn replace(packet: &mut Packet, named: &dyn Fn(SocketAddr) -> SocketAddr) {
    let start = match packet.link {
        Link::Ethernet => ETHERNET_HEADER_BYTES,
        Link::Ip => 0,
    };
    let bytes = &mut packet.bytes;
    let Some(parts) = parts(bytes, start) else {
        return;
    };
    match parts.protocol {
        ICMP | ICMP_V6 if is_error(&parts, bytes) => {
            let mut changes = Vec::new();
            if let Some(enclosed) = self::parts(bytes, parts.at + 8) {
                ports(bytes, &enclosed, named, &mut changes);
            }
            for (old, new) in changes {
                update(bytes, parts.at + 2, old, new);
            }
        }
        _ => ports(bytes, &parts, named, &mut Vec::new()),
    }
}

/// Whether an ICMP message encloses a packet (RFC 792; RFC 4443, 2.1).
fn is_error(parts: &Parts, bytes: &[u8]) -> bool {
    match (parts.protocol, bytes.get(parts.at)) {
        (ICMP, Some(kind)) => matches!(kind, 3 | 4 | 5 | 11 | 12),
        (ICMP_V6, Some(kind)) => *kind < 128,
        _ => false,
    }
}

/// Replaces the two ports, and says which words of the packet have changed, from what to what.
fn ports(
    bytes: &mut [u8],
    parts: &Parts,
    named: &dyn Fn(SocketAddr) -> SocketAddr,
    changes: &mut Vec<(u16, u16)>,
) {
    let checksum = match parts.protocol {
        TCP => parts.at + 16,
        UDP => parts.at + 6,
        _ => return,
    };
    let is_filled_in = word(bytes, checksum).is_some_and(|found| {
        let is_none = parts.protocol == UDP && found == 0;
        !is_none && found != unfinished(parts)
    });
    for (address, at) in parts.addresses.into_iter().zip([parts.at, parts.at + 2]) {
        let Some(old) = word(bytes, at) else {
            return;
        };
        let new = named(SocketAddr::new(address, old)).port();
        if new == old {
            continue;
        }
        put(bytes, at, new);
        changes.push((old, new));
        if is_filled_in && let Some(before) = word(bytes, checksum) {
            update(bytes, checksum, old, new);
            changes.extend(word(bytes, checksum).map(|after| (before, after)));
        }
    }
}

/// What stands in the checksum's place while the network card has yet to fill it in: the sum of
/// the addresses, the protocol and the length, but of no port.
fn unfinished(parts: &Parts) -> u16 {
    let end = [&parts.length.to_be_bytes()[..], &[0, parts.protocol]].concat();
    match parts.addresses {
        [IpAddr::V4(from), IpAddr::V4(to)] => sum(&[&from.octets(), &to.octets(), &end]),
        [IpAddr::V6(from), IpAddr::V6(to)] => sum(&[&from.octets(), &to.octets(), &end]),
        _ => 0,
    }
}

/// Corrects a checksum for one changed word (RFC 1624, 3, equation 3).
fn update(bytes: &mut [u8], checksum: usize, old: u16, new: u16) {
    if let Some(found) = word(bytes, checksum) {
        let sum = sum(&[
            &(!found).to_be_bytes(),
            &(!old).to_be_bytes(),
            &new.to_be_bytes(),
        ]);
        put(bytes, checksum, !sum);
    }
}

/// The parts of the IP packet that begins at `start`; `None` if it has no header of a transport.
fn parts(bytes: &[u8], start: usize) -> Option<Parts> {
    match bytes.get(start)? >> 4 {
        4 => {
            let header = usize::from(bytes.get(start)? & 15) * 4;
            let length = u32::from(word(bytes, start + 2)?).checked_sub(header as u32)?;
            if word(bytes, start + 6)? & 0x1fff != 0 {
                return None;
            }
            let address = |at: usize| -> Option<IpAddr> {
                let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
                Some(Ipv4Addr::from(bytes).into())
            };
            Some(Parts {
                protocol: *bytes.get(start + 9)?,
                addresses: [address(start + 12)?, address(start + 16)?],
                at: start + header,
                length,
            })
        }
        6 => {
            let mut length = u32::from(word(bytes, start + 4)?);
            let mut protocol = *bytes.get(start + 6)?;
            let address = |at: usize| -> Option<IpAddr> {
                let bytes: [u8; 16] = bytes.get(at..at + 16)?.try_into().ok()?;
                Some(Ipv6Addr::from(bytes).into())
            };
            let addresses = [address(start + 8)?, address(start + 24)?];
            let mut at = start + 40;
            for _ in 0..MAX_EXTENSIONS {
                let extension = match protocol {
                    // Hop-by-hop options, routing, destination options (RFC 8200, 4).
                    0 | 43 | 60 => (usize::from(*bytes.get(at + 1)?) + 1) * 8,
                    FRAGMENT if word(bytes, at + 2)? >> 3 == 0 => 8,
                    FRAGMENT => return None,
                    _ => break,
                };
                protocol = *bytes.get(at)?;
                length = length.checked_sub(extension as u32)?;
                at += extension;
            }
            Some(Parts {
                protocol,
                addresses,
                at,
                length,
            })
        }
        _ => None,
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

fn put(bytes: &mut [u8], at: usize, word: u16) {
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&word.to_be_bytes());
    }
}
