//! Packets on the network between two ends, captured or simulated, and what their headers say in
//! short. [`crate::dissect`] takes them apart field by field.

pub(crate) mod ip;

use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::event::End;
use crate::payload;
use ip::{Carried, ETHERNET_HEADER_BYTES, ICMP, ICMP_V6, TCP, UDP, be16, be32};

/// The most bytes of one packet that are kept; [`Packet::length`] tells how many there were.
pub const MAX_PACKET_BYTES: usize = 16 * 1024;

/// A packet that left one end for the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// Names it in what happens to it later; counted from 1, in each gateway or simulator.
    pub number: u32,
    /// Who sent it.
    pub from: End,
    /// What its bytes begin with.
    pub link: Link,
    /// How long it was on the network, in bytes.
    pub length: u32,
    /// Its bytes from the first header on, at most [`MAX_PACKET_BYTES`].
    #[serde(with = "payload::hex")]
    pub bytes: Vec<u8>,
}

/// What the bytes of a packet begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// A header of Ethernet; the loopback interface has one too.
    Ethernet,
    /// The header of IP, of either version.
    Ip,
}

/// What becomes of a packet in a simulated network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It came to the other end.
    Arrive,
    /// It never will.
    Drop(Cause),
    /// It comes later than the link's delay.
    Delay {
        /// By so much, in ns.
        by_ns: u64,
    },
    /// It comes twice.
    Duplicate {
        /// The number of the second one, which has a fate of its own.
        copy: u32,
    },
    /// Some of its bits changed on the way.
    Corrupt,
}

/// Why a packet is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// By chance, as the link's loss says.
    Chance,
    /// The link's queue was full.
    Queue,
    /// It is larger than the link's MTU.
    Size,
    /// The reader, or a chapter's step, wanted it so.
    Reader,
}

/// What a reader can do to a packet under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deed {
    /// It does not arrive.
    Drop,
    /// It arrives later.
    Delay {
        /// By so much, in ms.
        by_ms: u32,
    },
    /// It arrives twice.
    Duplicate,
}

/// What carries the payload of a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carries {
    /// RFC 9293
    Tcp(Segment),
    /// RFC 768
    Udp,
    /// RFC 792, RFC 4443
    Icmp,
    /// Another protocol of the IANA's list, by its number.
    Other(u8),
}

/// What the header of a TCP segment says (RFC 9293, 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number; means something only with [`Flags::ACK`].
    pub ack: u32,
    /// Its control bits.
    pub flags: Flags,
    /// The window field, not scaled.
    pub window: u16,
    /// The shift of the window scale option, which only a SYN has (RFC 7323, 2).
    pub window_shift: Option<u8>,
}

/// The control bits of TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data comes from the sender.
    pub const FIN: Self = Self(1);
    /// Synchronize sequence numbers.
    pub const SYN: Self = Self(2);
    /// Reset the connection.
    pub const RST: Self = Self(4);
    /// Pass the data on soon.
    pub const PSH: Self = Self(8);
    /// The acknowledgment field is significant.
    pub const ACK: Self = Self(16);

    /// Whether all of `other` are set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What the headers of a packet say in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The sender; port 0 where the protocol has none.
    pub source: SocketAddr,
    /// The destination; port 0 where the protocol has none.
    pub destination: SocketAddr,
    /// What is in it.
    pub carries: Carries,
    /// Where the payload is in the packet's bytes, as far as they were kept.
    pub payload: Range<usize>,
    /// How long the payload was on the network, in bytes.
    pub payload_length: u32,
}

impl Summary {
    /// Reads the headers; `None` if the bytes are no packet of IP, or not enough of one.
    pub fn of(link: Link, bytes: &[u8]) -> Option<Self> {
        let start = match link {
            Link::Ip => 0,
            Link::Ethernet => match be16(bytes, 12)? {
                0x0800 | 0x86dd => ETHERNET_HEADER_BYTES,
                _ => return None,
            },
        };
        Self::transport(bytes, Carried::of(bytes, start)?)
    }

    fn transport(bytes: &[u8], carried: Carried) -> Option<Self> {
        let Carried {
            protocol,
            addresses: [source, destination],
            at,
            length,
        } = carried;
        let mut ports = (0, 0);
        let (carries, header) = match protocol {
            TCP => {
                ports = (be16(bytes, at)?, be16(bytes, at + 2)?);
                let header = usize::from(bytes.get(at + 12)? >> 4) * 4;
                let options = bytes.get(at + 20..at + header).unwrap_or(&[]);
                let segment = Segment {
                    seq: be32(bytes, at + 4)?,
                    ack: be32(bytes, at + 8)?,
                    flags: Flags(*bytes.get(at + 13)?),
                    window: be16(bytes, at + 14)?,
                    window_shift: window_shift(options),
                };
                (Carries::Tcp(segment), header)
            }
            UDP => {
                ports = (be16(bytes, at)?, be16(bytes, at + 2)?);
                (Carries::Udp, 8)
            }
            ICMP | ICMP_V6 => (Carries::Icmp, 8),
            other => (Carries::Other(other), 0),
        };
        let begin = (at + header).min(bytes.len());
        let end = (at + length).min(bytes.len()).max(begin);
        Some(Self {
            source: SocketAddr::new(source, ports.0),
            destination: SocketAddr::new(destination, ports.1),
            carries,
            payload: begin..end,
            payload_length: u32::try_from(length.checked_sub(header)?).ok()?,
        })
    }

    /// The segment, if it is one of TCP.
    pub fn tcp(&self) -> Option<&Segment> {
        match &self.carries {
            Carries::Tcp(segment) => Some(segment),
            _ => None,
        }
    }

    /// How many sequence numbers the packet takes: one per byte, one for SYN, one for FIN
    /// (RFC 9293, 3.4).
    pub fn sequence_length(&self) -> u32 {
        let flags = self.tcp().map_or(Flags::default(), |segment| segment.flags);
        self.payload_length
            .wrapping_add(flags.has(Flags::SYN).into())
            .wrapping_add(flags.has(Flags::FIN).into())
    }
}

/// The shift of the window scale option: kind 3, length 3 (RFC 7323, 2.2).
fn window_shift(mut options: &[u8]) -> Option<u8> {
    loop {
        options = match options {
            [1, rest @ ..] => rest,
            [3, 3, shift, ..] => return Some((*shift).min(14)),
            [kind, length, ..] if *kind != 0 && *length >= 2 => {
                options.get(usize::from(*length)..)?
            }
            _ => return None,
        };
    }
}

impl Fate {
    /// One word for it.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Arrive => "arrive",
            Self::Drop(_) => "drop",
            Self::Delay { .. } => "delay",
            Self::Duplicate { .. } => "duplicate",
            Self::Corrupt => "corrupt",
        }
    }
}

impl fmt::Display for Flags {
    /// As in `SYN, ACK`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
        let mut is_first = true;
        for (bit, name) in names.iter().enumerate() {
            if self.0 >> bit & 1 == 1 {
                if !is_first {
                    formatter.write_str(", ")?;
                }
                is_first = false;
                formatter.write_str(name)?;
            }
        }
        Ok(())
    }
}
