//! The header of IP, of either version: what it carries, and where.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) const ETHERNET_HEADER_BYTES: usize = 14;
pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const ICMP_V6: u8 = 58;
const FRAGMENT: u8 = 44;

/// Reserved (IANA, protocol numbers): what a later fragment is said to carry.
const NOTHING: u8 = 255;

/// How many extension headers of IPv6 are skipped.
const MAX_EXTENSIONS: usize = 8;

/// What a packet of IP carries.
pub(crate) struct Carried {
    pub(crate) protocol: u8,
    /// The sender's and the destination's.
    pub(crate) addresses: [IpAddr; 2],
    /// Where it begins in the packet's bytes.
    pub(crate) at: usize,
    /// How long it was on the network.
    pub(crate) length: usize,
}

impl Carried {
    /// Reads the IP header that begins at `start`. A later fragment has no header of the transport
    /// (RFC 791, 3.2), and is said to carry another protocol.
    pub(crate) fn of(bytes: &[u8], start: usize) -> Option<Self> {
        match bytes.get(start)? >> 4 {
            4 => Self::v4(bytes, start),
            6 => Self::v6(bytes, start),
            _ => None,
        }
    }

    fn v4(bytes: &[u8], start: usize) -> Option<Self> {
        let header = usize::from(bytes.get(start)? & 15) * 4;
        let is_first = be16(bytes, start + 6)? & 0x1fff == 0;
        let protocol = *bytes.get(start + 9)?;
        let address = |at: usize| -> Option<IpAddr> {
            let bytes: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
            Some(Ipv4Addr::from(bytes).into())
        };
        Some(Self {
            protocol: if is_first { protocol } else { NOTHING },
            addresses: [address(start + 12)?, address(start + 16)?],
            at: start + header,
            length: usize::from(be16(bytes, start + 2)?).checked_sub(header)?,
        })
    }

    fn v6(bytes: &[u8], start: usize) -> Option<Self> {
        let mut length = usize::from(be16(bytes, start + 4)?);
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
                FRAGMENT if be16(bytes, at + 2)? >> 3 == 0 => 8,
                _ => break,
            };
            protocol = *bytes.get(at)?;
            at += extension;
            length = length.checked_sub(extension)?;
        }
        Some(Self {
            protocol,
            addresses,
            at,
            length,
        })
    }
}

pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}
