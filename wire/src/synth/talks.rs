//! Who talks with whom, from which address: events name the peer, and only some name both ends.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::address::Address;
use crate::event::{Action, ConnectionId, End, Event};

/// Where a client's port begins that nobody has told, among those that systems give to clients
/// (RFC 6335, 6).
const FIRST_CLIENT_PORT: u16 = 49_152;

/// What is known of one conversation.
#[derive(Clone, Debug, Default)]
pub(super) struct Talk {
    client: Option<SocketAddr>,
    server: Option<SocketAddr>,
    /// The relay towards the client, where the client takes it for the server.
    front: Option<SocketAddr>,
    /// The relay towards the server, where the server takes it for the client.
    back: Option<SocketAddr>,
    has_client: bool,
    has_relay: bool,
    has_server: bool,
    has_packets: bool,
}

/// Every conversation that packets can be made for.
pub(super) fn of(events: &[Event], server: Option<SocketAddr>) -> HashMap<ConnectionId, Talk> {
    let mut talks: HashMap<ConnectionId, Talk> = HashMap::new();
    for event in events {
        if let Some(id) = event.connection {
            talks.entry(id).or_default().note(event);
        }
    }
    talks.retain(|_, talk| !talk.has_packets);
    for (id, talk) in &mut talks {
        talk.finish(*id, server);
    }
    talks
}

/// Fills what is not known yet.
fn learn(known: &mut Option<SocketAddr>, address: &Address) {
    *known = known.or(address.ip());
}

impl Talk {
    fn note(&mut self, event: &Event) {
        match event.end {
            End::Client => self.has_client = true,
            End::Relay => self.has_relay = true,
            End::Server => self.has_server = true,
            End::Wire => self.has_packets |= matches!(event.action, Action::Packet(_)),
        }
        match (&event.action, event.end) {
            (Action::Connect { local, peer }, End::Client) => {
                learn(&mut self.client, local);
                learn(&mut self.front, peer);
            }
            (Action::Accept { peer }, End::Server) => learn(&mut self.back, peer),
            (Action::Send { peer, .. } | Action::Receive { peer, .. }, end) => match end {
                End::Client => learn(&mut self.front, peer),
                End::Server => learn(&mut self.back, peer),
                // The client speaks first.
                End::Relay if self.client.is_none() => learn(&mut self.client, peer),
                End::Relay if peer.ip() != self.client => learn(&mut self.server, peer),
                End::Relay | End::Wire => {}
            },
            _ => {}
        }
    }

    fn finish(&mut self, id: ConnectionId, server: Option<SocketAddr>) {
        self.front = self.front.or(server);
        if !self.has_relay {
            self.server = self.front;
            self.client = self.client.or(self.back);
            self.back = self.client;
        }
        if self.client.is_none() {
            let port = FIRST_CLIENT_PORT + (id.0 % u64::from(u16::MAX - FIRST_CLIENT_PORT)) as u16;
            self.client = self.front.map(|front| SocketAddr::new(front.ip(), port));
        }
        self.back = self.back.or(self.client);
    }

    /// The client and the server of a stream.
    pub(super) fn ends(&self) -> Option<[SocketAddr; 2]> {
        Some([self.client?, self.server?])
    }

    /// Whether an end was watched: what it sent is then known from itself.
    pub(super) fn is_watched(&self, end: End) -> bool {
        match end {
            End::Client => self.has_client,
            End::Relay => self.has_relay,
            End::Server => self.has_server,
            End::Wire => self.has_packets,
        }
    }

    /// From where and to where a datagram goes that `end` has sent to `peer`.
    pub(super) fn sent(&self, end: End, peer: SocketAddr) -> Option<(SocketAddr, SocketAddr)> {
        let from = match end {
            End::Client => self.client,
            End::Relay if Some(peer) == self.client => self.front,
            End::Relay => self.back,
            End::Server => self.server,
            End::Wire => None,
        };
        Some((from?, peer))
    }

    /// The same of one that `end` has received from `peer`; `None` if its sender was watched too.
    pub(super) fn received(&self, end: End, peer: SocketAddr) -> Option<(SocketAddr, SocketAddr)> {
        let is_from_client = Some(peer) == self.client;
        let (sender, to) = match end {
            End::Client if self.has_relay => (End::Relay, self.client),
            End::Client => (End::Server, self.client),
            End::Relay if is_from_client => (End::Client, self.front),
            End::Relay => (End::Server, self.back),
            End::Server if self.has_relay => (End::Relay, self.server),
            End::Server => (End::Client, self.server),
            End::Wire => return None,
        };
        (!self.is_watched(sender)).then_some((peer, to?))
    }
}
