//! Which write became which read: transfers of one direction of a conversation, side by side.
//!
//! A stream has no messages, so a write and a read belong together when they cover the same
//! offsets of the stream (RFC 9293, 3.4). A datagram keeps its boundaries (RFC 768), so one send
//! belongs to the first receive of the same bytes.

use std::collections::{HashMap, VecDeque};

use crate::event::{Action, ConnectionId, End, Event};

/// The most transfers remembered of one direction, on each side.
const MAX_SEGMENTS: usize = 20_000;

/// One transfer: a write or a read, at its place in what has moved this way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Of the event.
    pub sequence: u64,
    /// How many bytes moved before it at this end.
    pub start: u64,
    /// How many bytes it moved.
    pub length: u64,
    /// For a datagram, the event at the other end.
    partner: Option<u64>,
}

impl Segment {
    /// The offset behind its last byte.
    pub fn end(&self) -> u64 {
        self.start + self.length
    }
}

/// What moved in one direction of one conversation.
#[derive(Clone, Debug, Default)]
pub struct Direction {
    /// Handed to the kernel by the one end, in order.
    pub written: VecDeque<Segment>,
    /// Taken from the kernel by the other end, in order.
    pub read: VecDeque<Segment>,
    datagrams: Datagrams,
    is_datagrams: bool,
    /// Events were lost, so offsets are no longer known.
    lost_track: bool,
}

/// Datagrams sent and not yet received.
#[derive(Clone, Debug, Default)]
struct Datagrams {
    under_way: VecDeque<(u64, Vec<u8>)>,
}

/// The most datagrams that wait for their receive: one that is lost is forgotten in the end.
const MAX_UNDER_WAY: usize = 64;

/// Every direction of every conversation that was observed.
#[derive(Clone, Debug, Default)]
pub struct Transfers {
    directions: HashMap<(ConnectionId, End), Direction>,
}

impl Transfers {
    /// Takes note of an event; only those that move bytes matter.
    pub fn observe(&mut self, event: &Event) {
        let (Some(connection), Some(data)) = (event.connection, event.data()) else {
            return;
        };
        let (Some(is_written), Some(from)) = (is_written(&event.action), from(event)) else {
            return;
        };
        let direction = self.directions.entry((connection, from)).or_default();
        if direction.lost_track {
            return;
        }
        let length = data.bytes.len() as u64;
        let mut partner = None;
        if matches!(event.action, Action::Send { .. } | Action::Receive { .. }) {
            direction.is_datagrams = true;
            partner = direction.pair_datagram(is_written, event.sequence, &data.bytes);
        }
        let side = if is_written {
            &mut direction.written
        } else {
            &mut direction.read
        };
        insert(side, event.sequence, length, partner);
    }

    /// Takes note that events were lost: what follows on these conversations cannot be paired.
    pub fn lose_track(&mut self) {
        for direction in self.directions.values_mut() {
            direction.lost_track = true;
        }
    }

    /// Forgets transfers before this sequence number, and conversations that have none left.
    pub fn forget_before(&mut self, sequence: u64) {
        for direction in self.directions.values_mut() {
            for side in [&mut direction.written, &mut direction.read] {
                // One is kept, so that the offset of the next is known.
                while side.len() > 1 && side.front().is_some_and(|one| one.sequence < sequence) {
                    side.pop_front();
                }
            }
        }
        self.directions.retain(|_, direction| {
            let is_recent =
                |side: &VecDeque<Segment>| side.back().is_some_and(|one| one.sequence >= sequence);
            is_recent(&direction.written) || is_recent(&direction.read)
        });
    }

    /// What moved from this end of the conversation to the other.
    pub fn direction(&self, connection: ConnectionId, from: End) -> Option<&Direction> {
        self.directions.get(&(connection, from))
    }

    /// The sequence numbers of the events at the other end that moved the same bytes.
    pub fn partners(&self, event: &Event) -> Vec<u64> {
        let Some(connection) = event.connection.filter(|_| event.data().is_some()) else {
            return Vec::new();
        };
        let (Some(is_written), Some(from)) = (is_written(&event.action), from(event)) else {
            return Vec::new();
        };
        self.directions
            .get(&(connection, from))
            .map(|direction| direction.partners(is_written, event.sequence))
            .unwrap_or_default()
    }
}

impl Direction {
    fn partners(&self, is_written: bool, sequence: u64) -> Vec<u64> {
        let (mine, theirs) = if is_written {
            (&self.written, &self.read)
        } else {
            (&self.read, &self.written)
        };
        let Ok(index) = mine.binary_search_by_key(&sequence, |one| one.sequence) else {
            return Vec::new();
        };
        let segment = mine[index];
        if self.is_datagrams {
            let by_theirs = || theirs.iter().find(|one| one.partner == Some(sequence));
            return segment
                .partner
                .or_else(|| by_theirs().map(|one| one.sequence))
                .into_iter()
                .collect();
        }
        let first = theirs.partition_point(|one| one.end() <= segment.start);
        theirs
            .iter()
            .skip(first)
            .take_while(|one| one.start < segment.end())
            .map(|one| one.sequence)
            .collect()
    }

    /// The send that a received datagram answers to; a sent one is remembered.
    fn pair_datagram(&mut self, is_written: bool, sequence: u64, bytes: &[u8]) -> Option<u64> {
        let under_way = &mut self.datagrams.under_way;
        if is_written {
            under_way.push_back((sequence, bytes.to_vec()));
            if under_way.len() > MAX_UNDER_WAY {
                under_way.pop_front();
            }
            return None;
        }
        // A receive may be cut to the reader's buffer; the send then starts with it.
        let index = under_way
            .iter()
            .position(|(_, sent)| sent.starts_with(bytes) && sent.is_empty() == bytes.is_empty())?;
        under_way.remove(index).map(|(sequence, _)| sequence)
    }
}

/// Puts a transfer at its place; events may arrive a little out of order.
fn insert(side: &mut VecDeque<Segment>, sequence: u64, length: u64, partner: Option<u64>) {
    let mut index = side.len();
    while index > 0 && side[index - 1].sequence > sequence {
        index -= 1;
    }
    let start = match index {
        0 => side.front().map_or(0, |next| next.start),
        _ => side[index - 1].end(),
    };
    for later in side.range_mut(index..) {
        later.start += length;
    }
    side.insert(
        index,
        Segment {
            sequence,
            start,
            length,
            partner,
        },
    );
    if side.len() > MAX_SEGMENTS {
        side.pop_front();
    }
}

/// Whether an action hands bytes to the kernel, or takes them; `None` if it does neither.
fn is_written(action: &Action) -> Option<bool> {
    match action {
        Action::Write(_) | Action::Send { .. } => Some(true),
        Action::Read(_) | Action::Receive { .. } => Some(false),
        _ => None,
    }
}

/// The end that the bytes of an event come from, between the two ends of a conversation.
fn from(event: &Event) -> Option<End> {
    let is_written = is_written(&event.action)?;
    match event.end {
        End::Client | End::Server if is_written => Some(event.end),
        End::Client => Some(End::Server),
        End::Server => Some(End::Client),
        // What a relay passes on was sent by one of the two.
        End::Relay | End::Wire => None,
    }
}
