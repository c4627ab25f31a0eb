//! What must be observed for a step to tick: `server accept`, `client read "ok"`, ...
//!
//! ```text
//! END connect | accept | end | half-close | close | reset
//! END read | write | receive | send  [BYTES]
//! END lose | hold | duplicate        [BYTES]
//! END wait | cancel                  [OPERATION]
//! END error                          [FAILURE]
//! END option                         [OPTION]
//! END nothing for SECONDS s
//! END state STATE
//! wire KIND [from END]
//! wire drop | arrive | delay | duplicate | corrupt  KIND [from END]
//! ```
//!
//! `END` is `client`, `server` or `relay`. `STATE` is a state of TCP, as in `TIME-WAIT`. `KIND` is
//! a kind of packet, as in `SYN` (see [`crate::flows::Kind`]), or `any`. `BYTES` is `"TEXT"`, `hex "00 05"`, or `like "TEXT"`, in
//! which `*` stands for any bytes and `?` for any one. They must occur in what this end has read
//! (written, ...) on one connection since the step began, however many calls that took: a stream
//! has no messages. For datagrams they must occur in one of them.
//! Every pattern but silence may end with `N times`: it must be observed so often since the step
//! began.

mod phrase;

use serde::{Deserialize, Serialize};

use crate::event::{Action, End, Event, Failure, Operation, SocketOption};
use crate::flows::{Kind, Sight};
use crate::kernel::TcpState;
pub use crate::phrase::PhraseError;
use phrase::{DIRECTIONS, HAPPENINGS, PACKET_VERBS, name};

/// What must be observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// At which end.
    pub end: End,
    /// What.
    pub what: What,
    /// How often; at least once.
    pub times: u16,
}

/// What must be observed at that end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// An action without further detail.
    Happens(Happening),
    /// Bytes that moved; `None` takes any.
    Moves(Direction, Option<Pattern>),
    /// A call that waits; `None` takes any.
    Waits(Option<Operation>),
    /// A call that was given up; `None` takes any.
    Cancels(Option<Operation>),
    /// A call that failed; `None` takes any.
    Fails(Option<Failure>),
    /// A socket option that was set or read; `None` takes any.
    Options(Option<SocketOption>),
    /// Nothing is read, written or closed for this long.
    Nothing {
        /// In whole seconds.
        for_secs: u64,
    },
    /// The system says that this end's connection is in this state.
    State(TcpState),
    /// Something about a packet.
    Packet {
        /// What.
        verb: PacketVerb,
        /// Of which kind; `None` takes any.
        kind: Option<Kind>,
        /// Who sent it; `None` takes any.
        from: Option<End>,
    },
}

/// What can be seen of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PacketVerb {
    /// [`Action::Packet`]
    Leave,
    /// [`crate::packet::Fate::Arrive`]
    Arrive,
    /// [`crate::packet::Fate::Drop`]
    Drop,
    /// [`crate::packet::Fate::Delay`]
    Delay,
    /// [`crate::packet::Fate::Duplicate`]
    Duplicate,
    /// [`crate::packet::Fate::Corrupt`]
    Corrupt,
}

/// Bytes to look for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pattern {
    /// Just these.
    Exactly(Vec<u8>),
    /// These, where `*` stands for any bytes and `?` for any one.
    Like(Vec<u8>),
}

/// Actions that a pattern names by their word alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happening {
    /// [`Action::Connect`]
    Connect,
    /// [`Action::Accept`]
    Accept,
    /// [`Action::EndOfStream`]
    EndOfStream,
    /// [`Action::ShutDown`]
    ShutDown,
    /// [`Action::Close`]
    Close,
    /// [`Action::Reset`]
    Reset,
}

/// The calls that move bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// [`Action::Read`]
    Read,
    /// [`Action::Write`]
    Write,
    /// [`Action::Receive`]
    Receive,
    /// [`Action::Send`]
    Send,
    /// [`Action::Lose`]
    Lose,
    /// [`Action::Hold`]
    Hold,
    /// [`Action::Duplicate`]
    Duplicate,
}

impl Happening {
    fn is(self, action: &Action) -> bool {
        HAPPENINGS
            .iter()
            .any(|(happening, word)| *happening == self && *word == action.verb())
    }
}

impl Direction {
    /// Whether `action` moved bytes this way.
    pub(crate) fn is(self, action: &Action) -> bool {
        DIRECTIONS
            .iter()
            .any(|(direction, word)| *direction == self && *word == action.verb())
    }

    /// Whether each call moves one message of its own, as datagrams do.
    pub(crate) fn keeps_boundaries(self) -> bool {
        !matches!(self, Self::Read | Self::Write)
    }
}

impl Pattern {
    /// The fewest bytes in which it can occur.
    pub(crate) fn shortest(&self) -> usize {
        match self {
            Self::Exactly(bytes) => bytes.len(),
            Self::Like(bytes) => bytes.iter().filter(|byte| **byte != b'*').count(),
        }
    }

    /// Whether it occurs somewhere in `bytes`.
    pub fn occurs_in(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Exactly(wanted) => {
                let mut windows = bytes.windows(wanted.len().max(1));
                wanted.is_empty() || windows.any(|window| window == wanted)
            }
            // The parts between the stars, each as early as can be, behind one another.
            Self::Like(pattern) => {
                let mut rest = bytes;
                pattern.split(|byte| *byte == b'*').all(|part| {
                    let fits = |window: &[u8]| {
                        let mut pairs = window.iter().zip(part);
                        pairs.all(|(byte, wanted)| *wanted == b'?' || byte == wanted)
                    };
                    let place = match part.len() {
                        0 => Some(0),
                        length => rest.windows(length).position(fits),
                    };
                    place.is_some_and(|place| {
                        rest = &rest[place + part.len()..];
                        true
                    })
                })
            }
        }
    }
}

impl Seen {
    /// Whether what an event tells of a packet is what must be observed.
    pub(crate) fn is_shown_by_packet(&self, event: &Event, sight: &Sight) -> bool {
        let What::Packet { verb, kind, from } = &self.what else {
            return false;
        };
        event.end == self.end
            && name(&PACKET_VERBS, *verb) == event.action.verb()
            && kind.is_none_or(|kind| kind.is(sight))
            && from.is_none_or(|from| from == sight.from)
    }

    /// Whether this one event alone is what must be observed.
    /// Text in a stream and silence need more than one event: see [`crate::Progress`].
    pub(crate) fn is_shown_by(&self, event: &Event) -> bool {
        let action = &event.action;
        event.end == self.end
            && match &self.what {
                What::Happens(happening) => happening.is(action),
                What::Moves(direction, None) => direction.is(action),
                What::Moves(_, Some(_)) | What::Nothing { .. } | What::Packet { .. } => false,
                What::State(expected) => {
                    matches!(action, Action::Kernel(kernel) if kernel.state == *expected)
                }
                What::Waits(expected) => {
                    matches!(action, Action::Wait { operation }
                        if expected.is_none_or(|expected| expected == *operation))
                }
                What::Options(expected) => {
                    matches!(action, Action::Option { option, .. }
                        if expected.is_none_or(|expected| expected == *option))
                }
                What::Cancels(expected) => {
                    matches!(action, Action::Cancel { operation }
                        if expected.is_none_or(|expected| expected == *operation))
                }
                What::Fails(expected) => {
                    matches!(action, Action::Error { kind, .. }
                        if expected.is_none_or(|expected| expected == *kind))
                }
            }
    }
}
