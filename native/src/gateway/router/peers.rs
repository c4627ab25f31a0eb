//! The peers of a UDP lesson, told apart by their address.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Instant;

use wire::ConnectionId;

use super::Owner;
use crate::gateway::limits::{MAX_UDP_PEERS, UDP_AFTERLIFE_TIME};

/// Sessions' sockets and outside programs; of these the least recently heard is forgotten first.
#[derive(Default)]
pub(super) struct Peers {
    sessions: HashMap<SocketAddr, SessionPeer>,
    outside: HashMap<SocketAddr, OutsidePeer>,
    heard: u64,
}

struct SessionPeer {
    owner: Owner,
    closed_at: Option<Instant>,
}

struct OutsidePeer {
    id: ConnectionId,
    last_heard: u64,
}

/// Whose datagram it is.
pub(super) enum Found {
    Session(Owner),
    Outside(ConnectionId),
}

impl Peers {
    /// A session's socket is at `address` from now on.
    pub(super) fn expect(&mut self, address: SocketAddr, owner: Owner) {
        self.forget_the_dead();
        self.outside.remove(&address);
        let peer = SessionPeer {
            owner,
            closed_at: None,
        };
        self.sessions.insert(address, peer);
    }

    /// A session's socket at `address` was closed. What it sent may still be under way, and must
    /// not be shown to others as an outside program's.
    pub(super) fn retire(&mut self, address: SocketAddr) {
        if let Some(peer) = self.sessions.get_mut(&address) {
            peer.closed_at = Some(Instant::now());
        }
        self.forget_the_dead();
    }

    /// Who is at `address`; `fresh` gives an id to somebody new.
    pub(super) fn find(
        &mut self,
        address: SocketAddr,
        fresh: impl FnOnce() -> ConnectionId,
    ) -> Found {
        if let Some(peer) = self.sessions.get(&address) {
            if peer.is_alive() {
                return Found::Session(peer.owner.clone());
            }
            self.sessions.remove(&address);
        }
        self.heard += 1;
        let last_heard = self.heard;
        if let Some(peer) = self.outside.get_mut(&address) {
            peer.last_heard = last_heard;
            return Found::Outside(peer.id);
        }
        if self.outside.len() >= MAX_UDP_PEERS {
            let oldest = self.outside.iter().min_by_key(|(_, peer)| peer.last_heard);
            if let Some(address) = oldest.map(|(address, _)| *address) {
                self.outside.remove(&address);
            }
        }
        let id = fresh();
        self.outside.insert(address, OutsidePeer { id, last_heard });
        Found::Outside(id)
    }

    /// Bounds the table: live sockets are bounded by the sessions' limits.
    fn forget_the_dead(&mut self) {
        self.sessions.retain(|_, peer| peer.is_alive());
    }
}

impl SessionPeer {
    fn is_alive(&self) -> bool {
        self.closed_at
            .is_none_or(|closed_at| closed_at.elapsed() < UDP_AFTERLIFE_TIME)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::gateway::limits::Limits;
    use crate::gateway::queue::Queue;
    use crate::gateway::router::Ids;

    fn address(number: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 10_000 + u16::try_from(number).unwrap()))
    }

    fn outside_id(peers: &mut Peers, ids: &Ids, number: usize) -> ConnectionId {
        match peers.find(address(number), || ConnectionId(ids.next())) {
            Found::Outside(id) => id,
            Found::Session(_) => panic!("{number} belongs to a session"),
        }
    }

    #[test]
    fn the_least_recently_heard_is_forgotten_first() {
        let (mut peers, ids) = (Peers::default(), Ids::default());
        let first = outside_id(&mut peers, &ids, 0);
        let second = outside_id(&mut peers, &ids, 1);
        for number in 2..=MAX_UDP_PEERS {
            assert_eq!(outside_id(&mut peers, &ids, 0), first);
            outside_id(&mut peers, &ids, number);
        }
        assert_eq!(peers.outside.len(), MAX_UDP_PEERS);
        assert_eq!(outside_id(&mut peers, &ids, 0), first);
        assert_ne!(outside_id(&mut peers, &ids, 1), second);
    }

    #[test]
    fn what_a_closed_socket_has_sent_is_not_an_outside_programs() {
        let (mut peers, ids) = (Peers::default(), Ids::default());
        let id = ConnectionId(ids.next());
        let queue = Arc::new(Queue::new(&Limits::default()));
        peers.expect(
            address(0),
            Owner {
                id,
                queue,
                alive: None,
            },
        );
        peers.retire(address(0));
        let found = peers.find(address(0), || ConnectionId(ids.next()));
        assert!(matches!(found, Found::Session(owner) if owner.id == id));

        let long_ago = Instant::now().checked_sub(UDP_AFTERLIFE_TIME).unwrap();
        peers.sessions.get_mut(&address(0)).unwrap().closed_at = Some(long_ago);
        assert_ne!(outside_id(&mut peers, &ids, 0), id);
        assert!(peers.sessions.is_empty());
    }
}
