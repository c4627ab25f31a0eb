//! The network of [`crate::network`], watched: what it does to a datagram is an event of the relay.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::task::task_tracker::TaskTrackerToken;
use wire::{Action, End};

use super::UdpSocket;
use crate::network::{Fate, Settings, Way};
use crate::tap::Tap;
use crate::tap::observer::Observer;

/// [`crate::network::Network`], watched. Clones are the same network.
#[derive(Clone, Debug)]
pub struct Network {
    inner: crate::network::Network,
    tap: Tap,
    clients: Clients,
}

/// [`crate::network::Link`], watched.
#[derive(Debug)]
pub struct Link {
    inner: crate::network::Link,
    observer: Arc<Observer>,
    _place: Place,
    _alive: TaskTrackerToken,
}

/// Which client's datagrams come to the server from which of the relay's sockets.
#[derive(Clone, Debug, Default)]
pub struct Clients(Arc<Mutex<HashMap<SocketAddr, SocketAddr>>>);

/// One of the relay's sockets in [`Clients`], until it is gone.
#[derive(Debug)]
struct Place {
    clients: Clients,
    local: SocketAddr,
}

impl Network {
    /// Watches the network in front of the server at this address, and notes in `clients` which of
    /// the relay's sockets is for whom.
    pub fn watch(server: SocketAddr, settings: Settings, clients: Clients, tap: &Tap) -> Self {
        Self {
            inner: crate::network::Network::new(server, settings),
            tap: tap.clone(),
            clients,
        }
    }

    /// Watches the socket of the server behind the network: what comes from one of the relay's
    /// sockets belongs to the client that it is for.
    pub fn watch_server(&self, socket: tokio::net::UdpSocket) -> UdpSocket {
        UdpSocket::watch_behind(socket, &self.tap, self.clients.clone())
    }

    /// A socket that is connected to the server, and the link for this client.
    pub async fn connect(&self, client: SocketAddr) -> io::Result<(UdpSocket, Link)> {
        let (socket, link) = self.inner.connect(client).await?;
        let local = socket.local_addr()?;
        self.clients.insert(local, client);
        let conversation = self.tap.router.conversation(client);
        let observer = Observer::of(self.tap.clock.clone(), conversation, End::Relay);
        let link = Link {
            inner: link,
            observer: Arc::clone(&observer),
            _place: Place {
                clients: self.clients.clone(),
                local,
            },
            _alive: self.tap.sockets.token(),
        };
        Ok((UdpSocket::watch_one(socket, observer, &self.tap), link))
    }
}

impl Link {
    /// The fate of the next datagram this way.
    #[track_caller]
    pub fn fate(&mut self, way: Way, datagram: &[u8]) -> Fate {
        let fate = self.inner.fate(way, datagram);
        if fate.copies == 0 {
            self.record(datagram, Action::Lose);
            return fate;
        }
        if fate.copies > 1 {
            self.record(datagram, Action::Duplicate);
        }
        if !fate.hold.is_zero() {
            let for_ms = u32::try_from(fate.hold.as_millis()).unwrap_or(u32::MAX);
            self.record(datagram, |data| Action::Hold { for_ms, data });
        }
        fate
    }

    /// There is no room for this datagram, so it is lost, whatever its fate would have been.
    #[track_caller]
    pub fn lose(&mut self, datagram: &[u8]) -> Fate {
        self.record(datagram, Action::Lose);
        self.inner.lose(datagram)
    }

    #[track_caller]
    fn record(&self, datagram: &[u8], action: impl Fn(wire::Data) -> Action) {
        let stamp = self.observer.stamp_for(datagram.len());
        self.observer
            .record_slices(stamp, datagram, action, Some(Location::caller()));
    }
}

impl Clients {
    /// The client behind an address: the one whose datagrams come from there, or itself.
    pub fn behind(&self, address: SocketAddr) -> SocketAddr {
        let clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.get(&address).copied().unwrap_or(address)
    }

    fn insert(&self, local: SocketAddr, client: SocketAddr) {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.insert(local, client);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut clients = self
            .clients
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        clients.remove(&self.local);
    }
}
