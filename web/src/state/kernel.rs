//! What the systems at both ends said of a connection, over time.

use std::collections::VecDeque;

use wire::kernel::{Kernel, TcpState};
use wire::{Action, ConnectionId, End, Event};

/// The most connections of which samples are kept; of the oldest they are forgotten first.
const MAX_CONNECTIONS: usize = 16;

/// The most samples of one end; when there are more, every other one of the older half goes.
const MAX_SAMPLES: usize = 1_024;

/// What was said once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Its place in the exchange.
    pub(crate) order: u64,
    pub(crate) time_ns: u64,
    pub(crate) kernel: Kernel,
}

/// What was said of one end, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    all: Vec<Sample>,
    /// The state and each change of it; these are never thinned out.
    states: Vec<(u64, TcpState)>,
}

/// What was said of the latest connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Views(VecDeque<(ConnectionId, [Samples; 2])>);

impl Views {
    /// Takes note of an event; whether it was a sample.
    pub(crate) fn observe(&mut self, event: &Event) -> bool {
        let Action::Kernel(kernel) = &event.action else {
            return false;
        };
        let (Some(id), Some(side)) = (event.connection, side(event.end)) else {
            return true;
        };
        let index = match self.0.iter().position(|(other, _)| *other == id) {
            Some(index) => index,
            None => {
                if self.0.len() == MAX_CONNECTIONS {
                    self.0.pop_front();
                }
                self.0.push_back((id, Default::default()));
                self.0.len() - 1
            }
        };
        self.0[index].1[side].push(Sample {
            order: event.sequence * 2,
            time_ns: event.time_ns,
            kernel: kernel.clone(),
        });
        true
    }

    /// Whether anything was said.
    pub(crate) fn is_any(&self) -> bool {
        !self.0.is_empty()
    }

    /// What was said of this end of this connection.
    pub(crate) fn of(&self, id: ConnectionId, end: End) -> Option<&Samples> {
        let (_, ends) = self.0.iter().find(|(other, _)| *other == id)?;
        Some(&ends[side(end)?])
    }
}

fn side(end: End) -> Option<usize> {
    match end {
        End::Client => Some(0),
        End::Server => Some(1),
        End::Relay | End::Wire => None,
    }
}

impl Samples {
    fn push(&mut self, sample: Sample) {
        let at = self.all.partition_point(|other| other.order < sample.order);
        if self
            .all
            .get(at)
            .is_some_and(|other| other.order == sample.order)
        {
            return;
        }
        let (order, state) = (sample.order, sample.kernel.state);
        let place = self.states.partition_point(|(other, _)| *other < order);
        let is_news = place
            .checked_sub(1)
            .and_then(|before| self.states.get(before))
            .is_none_or(|(_, before)| *before != state);
        if is_news && self.states.len() < MAX_SAMPLES {
            self.states.insert(place, (order, state));
        }
        self.all.insert(at, sample);
        if self.all.len() > MAX_SAMPLES {
            let half = MAX_SAMPLES / 2;
            let mut index = 0;
            self.all.retain(|_| {
                index += 1;
                index > half || index % 2 == 1
            });
        }
    }

    /// All that is kept, in order.
    pub(crate) fn all(&self) -> &[Sample] {
        &self.all
    }

    /// The states that were seen before this place, each where it was first.
    pub(crate) fn states_before(&self, order: u64) -> impl Iterator<Item = TcpState> {
        let states = self.states.iter();
        states
            .take_while(move |(other, _)| *other < order)
            .map(|(_, state)| *state)
    }
}

/// One of the numbers of a sample.
pub(crate) struct Quantity {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    /// What it means, and where that is said.
    pub(crate) meaning: &'static str,
    pub(crate) get: fn(&Kernel) -> Option<u64>,
}

/// In what something is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Microseconds,
    Segments,
    Bytes,
    BytesPerSecond,
    Times,
}

impl Unit {
    /// A value in words.
    pub(crate) fn words(self, value: u64) -> String {
        match self {
            Self::Microseconds => super::elapsed(value.saturating_mul(1_000)),
            Self::Segments => counted(value, " segment"),
            Self::Bytes => counted(value, " byte"),
            Self::BytesPerSecond => [&(value / 1_000).to_string(), " kB/s"].concat(),
            Self::Times => value.to_string(),
        }
    }
}

fn counted(value: u64, what: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    [&value.to_string(), what, plural].concat()
}

/// Shortens what each quantity needs.
macro_rules! quantities {
    ($($name:literal, $unit:ident, $field:ident, $meaning:literal;)*) => {
        [$(Quantity {
            name: $name,
            unit: Unit::$unit,
            meaning: $meaning,
            get: |kernel| kernel.$field.map(u64::from),
        }),*]
    };
}

/// Every number, in the order in which they are shown.
pub(crate) const QUANTITIES: [Quantity; 15] = quantities! {
    "round-trip time", Microseconds, rtt_us,
        "from sending to its acknowledgement, smoothed (RFC 6298, 2)";
    "its variation", Microseconds, rttvar_us,
        "how far single round trips are from it (RFC 6298, 2)";
    "retransmission timeout", Microseconds, rto_us,
        "how long it waits for an acknowledgement before it sends again (RFC 6298, 2)";
    "congestion window", Segments, cwnd,
        "what may be under way, for the network's sake (RFC 5681, 2)";
    "slow start threshold", Segments, ssthresh,
        "up to here the congestion window grows with each acknowledgement (RFC 5681, 3.1)";
    "segment size", Bytes, mss,
        "the most payload in one segment (RFC 9293, 3.7.1)";
    "not acknowledged", Segments, unacked,
        "sent, and nothing heard of it yet (tcp(7))";
    "send window", Bytes, send_window,
        "what the peer has room for (RFC 9293, 3.8.6)";
    "receive window", Bytes, receive_window,
        "what this end has room for (RFC 9293, 3.8.6)";
    "not sent", Bytes, not_sent,
        "written by the program and still waiting in the kernel (tcp(7))";
    "sent again", Segments, retransmits,
        "retransmissions since the connection was made (RFC 9293, 3.8.1)";
    "tries in a row", Times, backoff,
        "how often it has just sent again or probed without an answer (RFC 6298, 5)";
    "delivery rate", BytesPerSecond, delivery_rate,
        "what has lately come to the peer (tcp(7))";
    "acknowledged", Bytes, bytes_acked,
        "what the peer has; Linux counts SYN and FIN too (RFC 4898)";
    "received", Bytes, bytes_received,
        "what has come from the peer; Linux counts its FIN too (RFC 4898)";
};

#[cfg(test)]
#[path = "kernel_tests.rs"]
pub(super) mod tests;
