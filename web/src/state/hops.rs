//! Through whose hands datagrams go when a relay stands between client and server.
//!
//! A relay passes on the bytes that it received, so a datagram belongs to the first one with the same
//! bytes that is still under way on the same hop.

use std::collections::VecDeque;

use wire::{Action, Address, ConnectionId, End, Event};

/// The most conversations that are followed; the oldest is forgotten.
const MAX_PATHS: usize = 32;
/// The most datagrams of one hop that wait for their receive: what is lost on the way is forgotten.
const MAX_UNDER_WAY: usize = 64;
/// The most datagrams whose two ends are remembered.
const MAX_PAIRS: usize = 4_096;

/// From one end to the next.
pub(crate) type Hop = (End, End);

/// Every conversation that goes over a relay.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hops {
    paths: VecDeque<Path>,
    /// Sent and received.
    pairs: VecDeque<(u64, u64)>,
}

#[derive(Clone, Debug)]
struct Path {
    connection: ConnectionId,
    /// Where the relay has the client, once it has heard of it.
    client: Option<Address>,
    under_way: VecDeque<(Hop, u64, Vec<u8>)>,
    /// What the relay took last, and where it goes.
    taken: VecDeque<(End, Vec<u8>)>,
}

impl Hops {
    /// Whether a relay was observed.
    pub(crate) fn is_any(&self) -> bool {
        self.paths.iter().any(|path| path.client.is_some())
    }

    /// Takes note of an event; only datagrams matter.
    pub(crate) fn observe(&mut self, event: &Event) {
        let Some(connection) = event.connection else {
            return;
        };
        let (Action::Send { peer, data } | Action::Receive { peer, data }) = &event.action else {
            return;
        };
        let path = self.path(connection);
        if event.end == End::Relay && path.client.is_none() {
            // A conversation begins with its client.
            path.client = Some(peer.clone());
        }
        let Some(hop) = path.hop(event) else {
            return;
        };
        if matches!(event.action, Action::Send { .. }) {
            push(
                &mut path.under_way,
                (hop, event.sequence, data.bytes.clone()),
            );
            return;
        }
        if event.end == End::Relay {
            let goal = match hop.0 {
                End::Client => End::Server,
                _ => End::Client,
            };
            push(&mut path.taken, (goal, data.bytes.clone()));
        }
        // A receive may be cut to the reader's buffer; the send then starts with it.
        let is_it =
            |(other, _, sent): &(Hop, u64, Vec<u8>)| *other == hop && sent.starts_with(&data.bytes);
        if let Some(index) = path.under_way.iter().position(is_it)
            && let Some((_, sent, _)) = path.under_way.remove(index)
        {
            if self.pairs.len() == MAX_PAIRS {
                self.pairs.pop_front();
            }
            self.pairs.push_back((sent, event.sequence));
        }
    }

    /// The hop on which this event sends, receives or loses a datagram; `None` without a relay.
    pub(crate) fn hop(&self, event: &Event) -> Option<Hop> {
        let connection = event.connection?;
        let path = self
            .paths
            .iter()
            .find(|path| path.connection == connection)?;
        path.client.as_ref()?;
        path.hop(event)
    }

    /// The event at the other end of the hop.
    pub(crate) fn partner(&self, sequence: u64) -> Option<u64> {
        self.pairs.iter().rev().find_map(|(sent, received)| {
            (*sent == sequence)
                .then_some(*received)
                .or((*received == sequence).then_some(*sent))
        })
    }

    fn path(&mut self, connection: ConnectionId) -> &mut Path {
        let is_it = |path: &Path| path.connection == connection;
        let index = match self.paths.iter().position(is_it) {
            Some(index) => index,
            None => {
                if self.paths.len() == MAX_PATHS {
                    self.paths.pop_front();
                }
                self.paths.push_back(Path {
                    connection,
                    client: None,
                    under_way: VecDeque::new(),
                    taken: VecDeque::new(),
                });
                self.paths.len() - 1
            }
        };
        &mut self.paths[index]
    }
}

impl Path {
    fn hop(&self, event: &Event) -> Option<Hop> {
        let outer = |peer: &Address| match self.client.as_ref() == Some(peer) {
            true => End::Client,
            false => End::Server,
        };
        Some(match (event.end, &event.action) {
            (End::Relay, Action::Receive { peer, .. }) => (outer(peer), End::Relay),
            (End::Relay, Action::Send { peer, .. }) => (End::Relay, outer(peer)),
            (End::Relay, Action::Lose(data)) => {
                let goal = self.taken.iter().rev();
                let goal = goal.filter(|(_, bytes)| *bytes == data.bytes);
                (End::Relay, goal.map(|(goal, _)| *goal).next()?)
            }
            (end, Action::Send { .. }) => (end, End::Relay),
            (end, Action::Receive { .. }) => (End::Relay, end),
            _ => return None,
        })
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T) {
    if queue.len() == MAX_UNDER_WAY {
        queue.pop_front();
    }
    queue.push_back(item);
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use wire::{Action, Address, ConnectionId, Data, End, Event};

    use super::Hops;

    fn event(sequence: u64, end: End, action: Action) -> Event {
        Event {
            sequence,
            time_ns: 0,
            connection: Some(ConnectionId(1)),
            end,
            action,
            worker: None,
            source: None,
        }
    }

    fn address(port: u16) -> Address {
        SocketAddr::from(([127, 0, 0, 1], port)).into()
    }

    fn send(peer: u16) -> Action {
        let data = Data::whole(*b"m1");
        let peer = address(peer);
        Action::Send { peer, data }
    }

    fn receive(peer: u16) -> Action {
        let data = Data::whole(*b"m1");
        let peer = address(peer);
        Action::Receive { peer, data }
    }

    const CLIENT: u16 = 50_001;
    const SERVER: u16 = 9140;

    #[test]
    fn a_datagram_and_its_echo_take_four_hops() {
        let steps = [
            (End::Client, send(SERVER), (End::Client, End::Relay)),
            (End::Relay, receive(CLIENT), (End::Client, End::Relay)),
            (End::Relay, send(9000), (End::Relay, End::Server)),
            (End::Server, receive(50_002), (End::Relay, End::Server)),
            (End::Server, send(50_002), (End::Server, End::Relay)),
            (End::Relay, receive(9000), (End::Server, End::Relay)),
            (End::Relay, send(CLIENT), (End::Relay, End::Client)),
            (End::Client, receive(SERVER), (End::Relay, End::Client)),
        ];
        let mut hops = Hops::default();
        for (sequence, (end, action, _)) in (1..).zip(&steps) {
            hops.observe(&event(sequence, *end, action.clone()));
        }
        assert!(hops.is_any());
        for (sequence, (end, action, hop)) in (1..).zip(steps) {
            assert_eq!(hops.hop(&event(sequence, end, action)), Some(hop));
            let partner = ((sequence - 1) ^ 1) + 1;
            assert_eq!(hops.partner(sequence), Some(partner));
        }
    }

    #[test]
    fn what_is_lost_was_going_where_it_was_going() {
        let mut hops = Hops::default();
        hops.observe(&event(1, End::Client, send(SERVER)));
        hops.observe(&event(2, End::Relay, receive(CLIENT)));
        let lose = event(3, End::Relay, Action::Lose(Data::whole(*b"m1")));
        assert_eq!(hops.hop(&lose), Some((End::Relay, End::Server)));
        assert_eq!(hops.partner(3), None);
    }

    #[test]
    fn without_a_relay_there_are_no_hops() {
        let mut hops = Hops::default();
        hops.observe(&event(1, End::Client, send(SERVER)));
        hops.observe(&event(2, End::Server, receive(CLIENT)));
        assert!(!hops.is_any());
        assert_eq!(hops.hop(&event(1, End::Client, send(SERVER))), None);
    }
}
