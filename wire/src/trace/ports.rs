//! The ports in a packet, replaced: in its TCP or UDP header, and in the packet that an ICMP error
//! encloses. Checksums stay as right or as wrong as they were.

use std::net::{IpAddr, SocketAddr};

use crate::dissect::sum;
use crate::packet::ip::{Carried, ETHERNET_HEADER_BYTES, ICMP, ICMP_V6, TCP, UDP, be16};
use crate::packet::{Link, Packet};

/// Puts the port of `named` in place of each of the packet's.
pub(super) fn replace(packet: &mut Packet, named: &dyn Fn(SocketAddr) -> SocketAddr) {
    let start = match packet.link {
        Link::Ethernet => ETHERNET_HEADER_BYTES,
        Link::Ip => 0,
    };
    let bytes = &mut packet.bytes;
    let Some(carried) = Carried::of(bytes, start) else {
        return;
    };
    match carried.protocol {
        ICMP | ICMP_V6 if is_error(&carried, bytes) => {
            let mut changes = Vec::new();
            if let Some(enclosed) = Carried::of(bytes, carried.at + 8) {
                ports(bytes, &enclosed, named, &mut changes);
            }
            for (old, new) in changes {
                update(bytes, carried.at + 2, old, new);
            }
        }
        _ => ports(bytes, &carried, named, &mut Vec::new()),
    }
}

/// Whether an ICMP message encloses a packet (RFC 792; RFC 4443, 2.1).
fn is_error(carried: &Carried, bytes: &[u8]) -> bool {
    match (carried.protocol, bytes.get(carried.at)) {
        (ICMP, Some(kind)) => matches!(kind, 3 | 4 | 5 | 11 | 12),
        (ICMP_V6, Some(kind)) => *kind < 128,
        _ => false,
    }
}

/// Replaces the two ports, and says which words of the packet have changed, from what to what.
fn ports(
    bytes: &mut [u8],
    carried: &Carried,
    named: &dyn Fn(SocketAddr) -> SocketAddr,
    changes: &mut Vec<(u16, u16)>,
) {
    let checksum = match carried.protocol {
        TCP => carried.at + 16,
        UDP => carried.at + 6,
        _ => return,
    };
    let is_filled_in = be16(bytes, checksum).is_some_and(|found| {
        let is_none = carried.protocol == UDP && found == 0;
        !is_none && found != unfinished(carried)
    });
    for (address, at) in carried
        .addresses
        .into_iter()
        .zip([carried.at, carried.at + 2])
    {
        let Some(old) = be16(bytes, at) else {
            return;
        };
        let new = named(SocketAddr::new(address, old)).port();
        if new == old {
            continue;
        }
        put(bytes, at, new);
        changes.push((old, new));
        if is_filled_in && let Some(before) = be16(bytes, checksum) {
            update(bytes, checksum, old, new);
            changes.extend(be16(bytes, checksum).map(|after| (before, after)));
        }
    }
}

/// What stands in the checksum's place while the network card has yet to fill it in: the sum of
/// the addresses, the protocol and the length, but of no port.
fn unfinished(carried: &Carried) -> u16 {
    let end = [
        &(carried.length as u32).to_be_bytes()[..],
        &[0, carried.protocol],
    ]
    .concat();
    match carried.addresses {
        [IpAddr::V4(from), IpAddr::V4(to)] => sum(&[&from.octets(), &to.octets(), &end]),
        [IpAddr::V6(from), IpAddr::V6(to)] => sum(&[&from.octets(), &to.octets(), &end]),
        _ => 0,
    }
}

/// Corrects a checksum for one changed word (RFC 1624, 3, equation 3).
fn update(bytes: &mut [u8], checksum: usize, old: u16, new: u16) {
    if let Some(found) = be16(bytes, checksum) {
        let sum = sum(&[
            &(!found).to_be_bytes(),
            &(!old).to_be_bytes(),
            &new.to_be_bytes(),
        ]);
        put(bytes, checksum, !sum);
    }
}

fn put(bytes: &mut [u8], at: usize, word: u16) {
    if let Some(place) = bytes.get_mut(at..at + 2) {
        place.copy_from_slice(&word.to_be_bytes());
    }
}
