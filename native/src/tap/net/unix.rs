//! Unix sockets, as in `tokio::net` and `tokio::net::unix`: streams that stay on this machine and
//! whose addresses are paths (unix(7)).

use std::future::Future;
use std::io;
use std::sync::Arc;

use socket2::SockRef;
use tokio::net::unix;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use wire::event::SocketOption;
use wire::{Action, Address, End, Operation};

use super::halves::HalfClose;
use super::listener::{past_failures, with_room};
use super::socket::{Recorded, Socket, reads, writes};
use crate::tap::call::watched;
use crate::tap::cut::observed;
use crate::tap::observer::Observer;
use crate::tap::{Clock, Conversation, Tap};

/// `tokio::net::UnixListener`, watched.
#[derive(Debug)]
pub struct UnixListener {
    inner: tokio::net::UnixListener,
    observer: Arc<Observer>,
    tap: Tap,
    _alive: TaskTrackerToken,
}

/// `tokio::net::UnixStream`, watched.
#[derive(Debug)]
pub struct UnixStream {
    recorded: Recorded<tokio::net::UnixStream>,
}

/// `tokio::net::unix::OwnedReadHalf`, watched.
#[derive(Debug)]
pub struct OwnedReadHalf {
    recorded: Recorded<unix::OwnedReadHalf>,
}

/// `tokio::net::unix::OwnedWriteHalf`, watched: dropping it shuts down the writing direction.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    // Dropped before tokio's half, so that the half-close is stamped before it happens.
    half_close: HalfClose,
    recorded: Recorded<unix::OwnedWriteHalf>,
}

impl UnixListener {
    /// Watches a server's listener, and every connection it will accept.
    pub fn watch(listener: tokio::net::UnixListener, tap: &Tap) -> Self {
        Self {
            inner: listener,
            observer: Observer::of_listening(
                tap.clock.clone(),
                tap.router.listening(),
                End::Server,
            ),
            _alive: tap.sockets.token(),
            tap: tap.clone(),
        }
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> io::Result<unix::SocketAddr> {
        self.inner.local_addr()
    }

    /// Waits for the next connection, and for room among all connections of the gateway.
    #[track_caller]
    pub fn accept(
        &self,
    ) -> impl Future<Output = io::Result<(UnixStream, unix::SocketAddr)>> + Send {
        watched(async move {
            let tap = &self.tap;
            let accepting = async {
                let accept = || with_room(&tap.permits, self.inner.accept());
                past_failures(&self.observer, accept).await
            };
            let (permit, (stream, address)) =
                observed(&self.observer, Operation::Accept, &tap.cut, accepting).await?;
            let peer = path_of(&address);
            let conversation = tap.router.conversation_with(&peer);
            let observer = Observer::of(tap.clock.clone(), conversation, End::Server);
            observer.record(observer.stamp(), Operation::Accept, Action::Accept { peer });
            let socket = Socket::new(observer, Some(permit), Some(tap.sockets.token()));
            let recorded = Recorded::new(stream, socket, tap.cut.clone());
            Ok((UnixStream { recorded }, address))
        })
    }
}

impl UnixStream {
    /// As [`TcpStream::connect_client`](super::TcpStream::connect_client), to the socket at `peer`.
    pub async fn connect_client(
        socket: tokio::net::UnixSocket,
        peer: &str,
        clock: Clock,
        conversation: Conversation,
        cut: CancellationToken,
    ) -> io::Result<Self> {
        let observer = Observer::of(clock, conversation, End::Client);
        // Before the server can know, so that its `accept` sorts behind it.
        let stamp = observer.stamp();
        let connecting = async {
            let stream = socket.connect(peer).await?;
            let local = stream.local_addr()?;
            Ok((stream, local))
        };
        let (stream, local) = observed(&observer, Operation::Connect, &cut, connecting).await?;
        let action = Action::Connect {
            local: path_of(&local),
            peer: Address::Unix(peer.to_owned()),
        };
        observer.record(stamp, Operation::Connect, action);
        Ok(Self {
            recorded: Recorded::new(stream, Socket::new(observer, None, None), cut),
        })
    }

    /// The address of this end.
    pub fn local_addr(&self) -> io::Result<unix::SocketAddr> {
        self.recorded.inner.local_addr()
    }

    /// The address of the other end.
    pub fn peer_addr(&self) -> io::Result<unix::SocketAddr> {
        self.recorded.inner.peer_addr()
    }

    /// A reading and a writing half, for two tasks.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let (read, write) = self.recorded.split(tokio::net::UnixStream::into_split);
        let half_close = HalfClose::of(&write.socket);
        (
            OwnedReadHalf { recorded: read },
            OwnedWriteHalf {
                half_close,
                recorded: write,
            },
        )
    }
}

impl OwnedWriteHalf {
    /// Sets an option of the socket; what the kernel makes of it is recorded.
    pub fn set_option(&self, option: SocketOption, value: i64) -> io::Result<()> {
        let stream: &tokio::net::UnixStream = self.recorded.inner.as_ref();
        let socket = SockRef::from(stream);
        self.recorded.socket.set_option(&socket, option, value)
    }

    /// Ends this half without shutting down its direction.
    pub fn forget(self) {
        let Self {
            half_close,
            recorded,
        } = self;
        half_close.forget();
        recorded.end(unix::OwnedWriteHalf::forget);
    }
}

/// The path of an address; none has an empty one.
fn path_of(address: &unix::SocketAddr) -> Address {
    let path = address.as_pathname();
    Address::Unix(path.map_or_else(String::new, |path| path.to_string_lossy().into_owned()))
}

reads!(UnixStream);
writes!(UnixStream);
reads!(OwnedReadHalf);
writes!(OwnedWriteHalf);
