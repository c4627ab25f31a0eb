//! Packets that may have carried an exchange of which only the calls are known.
//!
//! They were never sent: whoever shows them says that they are synthetic. They say what the events
//! say and no more: a handshake where a connection was opened, the bytes that were written in
//! segments with their acknowledgements, FIN or RST where a socket was closed, a datagram for each
//! that was sent. Sequence numbers begin at a number of our own, and checksums are right.

mod headers;
mod stream;
mod talks;

use std::collections::HashMap;
use std::net::SocketAddr;

use self::stream::Stream;
use self::talks::Talk;
use crate::event::{Action, ConnectionId, Data, End, Event, Failure, Operation};

/// Between two packets that are made from the same event, in ns.
const STEP_NS: u64 = 1_000;

/// A packet that was made: an IP packet, without a link's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// On the clock of the events. Never before the packet that was made before it.
    pub time_ns: u64,
    /// From the first byte of the IP header.
    pub bytes: Vec<u8>,
}

/// What the packets around one event are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    /// Those that must have come before it.
    pub before: Vec<Made>,
    /// Those that it caused.
    pub after: Vec<Made>,
}

/// Makes packets, event by event.
#[derive(Clone, Debug)]
pub struct Synth {
    talks: HashMap<ConnectionId, Talk>,
    streams: HashMap<ConnectionId, Stream>,
    /// Datagrams that are told in several pieces.
    pieces: HashMap<(ConnectionId, End), Vec<u8>>,
    /// The last datagram of each client: an error message repeats it.
    refused: HashMap<ConnectionId, (SocketAddr, SocketAddr, Vec<u8>)>,
    last_ns: u64,
}

impl Synth {
    /// For an exchange with a server at `server`. Conversations of which packets were captured have
    /// theirs, and get no others.
    pub fn new(events: &[Event], server: Option<SocketAddr>) -> Self {
        Self {
            talks: talks::of(events, server),
            streams: HashMap::new(),
            pieces: HashMap::new(),
            refused: HashMap::new(),
            last_ns: 0,
        }
    }

    /// The packets of the next event.
    pub fn next(&mut self, event: &Event) -> Around {
        let mut around = Around::default();
        let Some((connection, talk)) = event
            .connection
            .and_then(|id| Some((id, self.talks.get(&id)?.clone())))
        else {
            return around;
        };
        let is_cause = matches!(
            event.action,
            Action::Write(_)
                | Action::Send { .. }
                | Action::ShutDown
                | Action::Close
                | Action::Reset
        );
        let packets = match &event.action {
            Action::Send { peer, data } => {
                let datagram = self.whole(connection, event.end, data);
                datagram.and_then(|data| {
                    let (from, to) = talk.sent(event.end, peer.ip()?)?;
                    self.datagram(connection, from, to, &data)
                })
            }
            Action::Receive { peer, data } => {
                let datagram = self.whole(connection, event.end, data);
                datagram.and_then(|data| {
                    let (from, to) = talk.received(event.end, peer.ip()?)?;
                    self.datagram(connection, from, to, &data)
                })
            }
            Action::Error {
                operation: Operation::Receive | Operation::Send,
                kind: Failure::Refused,
                ..
            } => self
                .refused
                .get(&connection)
                .and_then(|(from, to, packet)| {
                    headers::port_unreachable(to.ip(), from.ip(), packet).map(|packet| vec![packet])
                }),
            _ if event.end == End::Client || event.end == End::Server => talk.ends().map(|ends| {
                let stream = self
                    .streams
                    .entry(connection)
                    .or_insert_with(|| Stream::new(connection, ends));
                stream.next(event, &talk)
            }),
            _ => None,
        };
        let packets = packets.unwrap_or_default();
        let lead_ns = match is_cause {
            true => 0,
            false => STEP_NS * (packets.len() as u64 + 1),
        };
        let mut time_ns = event.time_ns.saturating_sub(lead_ns);
        let made = packets.into_iter().map(|bytes| {
            time_ns = time_ns.max(self.last_ns).saturating_add(STEP_NS);
            self.last_ns = time_ns;
            Made { time_ns, bytes }
        });
        let made = made.collect();
        if is_cause {
            around.after = made;
        } else {
            around.before = made;
        }
        around
    }

    /// The datagram that ends with this piece.
    fn whole(&mut self, connection: ConnectionId, end: End, data: &Data) -> Option<Vec<u8>> {
        let key = (connection, end);
        if data.more {
            self.pieces.entry(key).or_default().extend(&data.bytes);
            return None;
        }
        let mut whole = self.pieces.remove(&key).unwrap_or_default();
        whole.extend(&data.bytes);
        Some(whole)
    }

    fn datagram(
        &mut self,
        connection: ConnectionId,
        from: SocketAddr,
        to: SocketAddr,
        data: &[u8],
    ) -> Option<Vec<Vec<u8>>> {
        let packet = headers::udp(from, to, data)?;
        let quoted = (from, to, packet.clone());
        self.refused.insert(connection, quoted);
        Some(vec![packet])
    }
}
