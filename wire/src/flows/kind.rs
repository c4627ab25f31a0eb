//! The kinds of packet, and the words for them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Sight;
use crate::packet::{Carries, Flags};
use crate::phrase::{PhraseError, Tokens};

/// The kinds of packet that a phrase names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// SYN without ACK: the first of a handshake.
    Syn,
    /// SYN with ACK: the second.
    SynAck,
    /// An acknowledgment and nothing else.
    Ack,
    /// With FIN.
    Fin,
    /// With RST.
    Rst,
    /// A TCP segment that carries bytes.
    Data,
    /// A datagram (RFC 768).
    Udp,
    /// A message of ICMP, of either version.
    Icmp,
    /// See [`super::Marks::retransmission`].
    Retransmission,
    /// See [`super::Marks::duplicate_ack`].
    DuplicateAck,
    /// See [`super::Marks::zero_window`].
    ZeroWindow,
    /// See [`super::Marks::window_update`].
    WindowUpdate,
    /// See [`super::Marks::probe`].
    Probe,
    /// See [`super::Marks::out_of_order`].
    OutOfOrder,
}

impl Kind {
    /// Every kind, with the word for it.
    pub const ALL: [(Self, &'static str); 14] = [
        (Self::Syn, "SYN"),
        (Self::SynAck, "SYN-ACK"),
        (Self::Ack, "ACK"),
        (Self::Fin, "FIN"),
        (Self::Rst, "RST"),
        (Self::Data, "data"),
        (Self::Udp, "UDP"),
        (Self::Icmp, "ICMP"),
        (Self::Retransmission, "retransmission"),
        (Self::DuplicateAck, "duplicate-ack"),
        (Self::ZeroWindow, "zero-window"),
        (Self::WindowUpdate, "window-update"),
        (Self::Probe, "probe"),
        (Self::OutOfOrder, "out-of-order"),
    ];

    /// The word for it; `None` is any.
    pub fn word(kind: Option<Self>) -> &'static str {
        let found = Self::ALL.iter().find(|(other, _)| Some(*other) == kind);
        found.map_or("any", |(_, word)| word)
    }

    /// Reads a kind, or `any`.
    pub(crate) fn read(tokens: &mut Tokens<'_>) -> Result<Option<Self>, PhraseError> {
        let word = tokens.word("a kind of packet, e.g. SYN, data, any")?;
        match word.as_str() {
            "any" => Ok(None),
            word => tokens.lookup(&Self::ALL, word).map(Some),
        }
    }

    /// Whether a packet is of this kind.
    pub fn is(self, sight: &Sight) -> bool {
        let flags = sight.summary.tcp().map(|segment| segment.flags);
        let tcp = |wanted: Flags| flags.is_some_and(|flags| flags.has(wanted));
        match self {
            Self::Syn => tcp(Flags::SYN) && !tcp(Flags::ACK),
            Self::SynAck => tcp(Flags::SYN) && tcp(Flags::ACK),
            Self::Ack => tcp(Flags::ACK) && sight.is_bare() && !tcp(Flags::RST),
            Self::Fin => tcp(Flags::FIN),
            Self::Rst => tcp(Flags::RST),
            Self::Data => flags.is_some() && sight.summary.payload_length > 0,
            Self::Udp => sight.summary.carries == Carries::Udp,
            Self::Icmp => sight.summary.carries == Carries::Icmp,
            Self::Retransmission => sight.marks.retransmission,
            Self::DuplicateAck => sight.marks.duplicate_ack > 0,
            Self::ZeroWindow => sight.marks.zero_window,
            Self::WindowUpdate => sight.marks.window_update,
            Self::Probe => sight.marks.probe,
            Self::OutOfOrder => sight.marks.out_of_order,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(Self::word(Some(*self)))
    }
}
