//! A UDP socket.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::ToSocketAddrs;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use wire::{Action, End, Operation};

use super::link::Clients;
use crate::tap::call::watched;
use crate::tap::cut::observed;
use crate::tap::observer::Observer;
use crate::tap::{Clock, Conversation, Tap};

/// `tokio::net::UdpSocket`, watched.
#[derive(Debug)]
pub struct UdpSocket {
    inner: tokio::net::UdpSocket,
    /// Sees what belongs to no peer.
    observer: Arc<Observer>,
    peers: Peers,
    cut: CancellationToken,
    _alive: Option<TaskTrackerToken>,
}

/// Whose conversation a datagram belongs to.
#[derive(Debug)]
enum Peers {
    /// The router of this tap knows.
    Routed(Tap, End),
    /// As above, but datagrams come through a relay, which knows whose they are.
    Behind(Tap, Clients),
    /// There is one.
    One(Arc<Observer>),
}

impl UdpSocket {
    /// Watches a server's socket.
    pub fn watch(socket: tokio::net::UdpSocket, tap: &Tap) -> Self {
        Self::at(
            socket,
            tap,
            End::Server,
            Peers::Routed(tap.clone(), End::Server),
        )
    }

    /// Watches the socket at which a relay meets its clients.
    pub fn watch_relay(socket: tokio::net::UdpSocket, tap: &Tap) -> Self {
        Self::at(
            socket,
            tap,
            End::Relay,
            Peers::Routed(tap.clone(), End::Relay),
        )
    }

    /// Watches a server's socket that clients reach through a relay.
    pub(super) fn watch_behind(socket: tokio::net::UdpSocket, tap: &Tap, clients: Clients) -> Self {
        Self::at(
            socket,
            tap,
            End::Server,
            Peers::Behind(tap.clone(), clients),
        )
    }

    /// Watches a socket of the lesson's that belongs to one conversation.
    pub(super) fn watch_one(
        socket: tokio::net::UdpSocket,
        observer: Arc<Observer>,
        tap: &Tap,
    ) -> Self {
        Self {
            inner: socket,
            observer: Arc::clone(&observer),
            peers: Peers::One(observer),
            cut: tap.cut.clone(),
            _alive: Some(tap.sockets.token()),
        }
    }

    fn at(socket: tokio::net::UdpSocket, tap: &Tap, end: End, peers: Peers) -> Self {
        Self {
            inner: socket,
            observer: Observer::of_listening(tap.clock.clone(), tap.router.listening(), end),
            peers,
            cut: tap.cut.clone(),
            _alive: Some(tap.sockets.token()),
        }
    }

    /// Watches the client's end of a conversation: a socket that was connected to the server.
    /// When `cut` is cancelled, pending and later calls fail.
    /// It may be shared by a task that receives and one that sends.
    pub fn watch_client(
        socket: tokio::net::UdpSocket,
        clock: Clock,
        conversation: Conversation,
        cut: CancellationToken,
    ) -> Self {
        let observer = Observer::of(clock, conversation, End::Client);
        Self::of_client(socket, observer, cut)
    }

    /// As [`UdpSocket::watch_client`], for a client that is a program of the book: its lines and
    /// its waiting are shown as well.
    pub fn watch_client_program(
        socket: tokio::net::UdpSocket,
        clock: Clock,
        conversation: Conversation,
        cut: CancellationToken,
    ) -> Self {
        let observer = Observer::of_client_program(clock, conversation);
        Self::of_client(socket, observer, cut)
    }

    fn of_client(
        socket: tokio::net::UdpSocket,
        observer: Arc<Observer>,
        cut: CancellationToken,
    ) -> Self {
        Self {
            inner: socket,
            observer: Arc::clone(&observer),
            peers: Peers::One(observer),
            cut,
            _alive: None,
        }
    }

    /// The address of this end.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// The peer this socket was connected to.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }

    /// Receives a datagram, cut to the buffer's length, and tells its sender.
    #[track_caller]
    pub fn recv_from<'a>(
        &'a self,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + Send {
        watched(async move {
            let receiving = self.inner.recv_from(buffer);
            let operation = Operation::Receive;
            let (length, peer) = observed(&self.observer, operation, &self.cut, receiving).await?;
            self.record_received(peer, &buffer[..length]);
            Ok((length, peer))
        })
    }

    /// Receives a datagram from the connected peer, cut to the buffer's length.
    #[track_caller]
    pub fn recv<'a>(
        &'a self,
        buffer: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + Send {
        watched(async move {
            let receiving = async {
                let peer = self.inner.peer_addr()?;
                Ok((self.inner.recv(buffer).await?, peer))
            };
            let operation = Operation::Receive;
            let (length, peer) = observed(&self.observer, operation, &self.cut, receiving).await?;
            self.record_received(peer, &buffer[..length]);
            Ok(length)
        })
    }

    /// Sends a datagram to the first address that `target` stands for.
    #[track_caller]
    pub fn send_to<'a, A: ToSocketAddrs + 'a>(
        &'a self,
        bytes: &'a [u8],
        target: A,
    ) -> impl Future<Output = io::Result<usize>> {
        watched(async move {
            let peer = tokio::net::lookup_host(target)
                .await?
                .next()
                .ok_or_else(|| {
                    io::Error::new(io::ErrorKind::InvalidInput, "no addresses to send data to")
                })?;
            let to = socket2::SockAddr::from(peer);
            self.sending(peer, bytes, |socket| socket.send_to(bytes, &to))
                .await
        })
    }

    /// Sends a datagram to the connected peer.
    #[track_caller]
    pub fn send<'a>(&'a self, bytes: &'a [u8]) -> impl Future<Output = io::Result<usize>> + Send {
        watched(async move {
            let peer = self.inner.peer_addr()?;
            self.sending(peer, bytes, |socket| socket.send(bytes)).await
        })
    }

    /// One datagram, stamped just before the system call that sends it.
    async fn sending(
        &self,
        peer: SocketAddr,
        bytes: &[u8],
        system_call: impl Fn(SockRef<'_>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let observer = self.observer_of(peer);
        let attempt = || -> io::Result<_> {
            let stamp = observer.stamp_for(bytes.len());
            Ok((system_call(SockRef::from(&self.inner))?, stamp))
        };
        let sending = async {
            // A send rarely has to wait, but tokio learns only after a while that a new socket is
            // writable: a wait for that would be seen as one for the network.
            match attempt() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.inner.async_io(Interest::WRITABLE, attempt).await
                }
                sent => sent,
            }
        };
        // What goes around tokio's readiness goes around its fairness: a task that sends for ever
        // must still let others run.
        tokio::task::coop::consume_budget().await;
        let (length, stamp) = observed(&observer, Operation::Send, &self.cut, sending).await?;
        observer.record_bytes(stamp, Operation::Send, &bytes[..length], |data| {
            Action::Send {
                peer: peer.into(),
                data,
            }
        });
        Ok(length)
    }

    fn record_received(&self, peer: SocketAddr, bytes: &[u8]) {
        let observer = self.observer_of(peer);
        let stamp = observer.stamp_for(bytes.len());
        observer.record_bytes(stamp, Operation::Receive, bytes, |data| Action::Receive {
            peer: peer.into(),
            data,
        });
    }

    fn observer_of(&self, peer: SocketAddr) -> Arc<Observer> {
        match &self.peers {
            Peers::One(observer) => Arc::clone(observer),
            Peers::Routed(tap, end) => routed(tap, peer, *end),
            Peers::Behind(tap, clients) => routed(tap, clients.behind(peer), End::Server),
        }
    }
}

/// One end of the conversation with this client.
fn routed(tap: &Tap, client: SocketAddr, end: End) -> Arc<Observer> {
    let conversation = tap.router.conversation(client);
    Observer::of(tap.clock.clone(), conversation, end)
}

// For `SockRef`, as with tokio's.
#[cfg(unix)]
impl std::os::fd::AsFd for UdpSocket {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

#[cfg(windows)]
impl std::os::windows::io::AsSocket for UdpSocket {
    fn as_socket(&self) -> std::os::windows::io::BorrowedSocket<'_> {
        self.inner.as_socket()
    }
}
