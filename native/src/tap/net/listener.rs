//! A listening TCP socket.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::task::task_tracker::TaskTrackerToken;
use wire::{Action, End, Operation};

use super::TcpStream;
use super::socket::Socket;
use crate::tap::Tap;
use crate::tap::call::watched;
use crate::tap::cut::{aborted, observed};
use crate::tap::observer::Observer;

/// `tokio::net::TcpListener`, watched.
#[derive(Debug)]
pub struct TcpListener {
    inner: tokio::net::TcpListener,
    observer: Arc<Observer>,
    tap: Tap,
    _alive: TaskTrackerToken,
}

impl TcpListener {
    /// Watches a server's listener, and every connection it will accept.
    pub fn watch(listener: tokio::net::TcpListener, tap: &Tap) -> Self {
        Self {
            inner: listener,
            observer: Observer::of_listening(tap.clock.clone(), tap.router.listening()),
            _alive: tap.sockets.token(),
            tap: tap.clone(),
        }
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Waits for the next connection, and for room among all connections of the gateway.
    #[track_caller]
    pub fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        watched(async move {
            let tap = &self.tap;
            let accepting = async {
                let permits = Arc::clone(&tap.permits);
                let permit = permits.acquire_owned().await.map_err(|_| aborted())?;
                let (stream, peer) = self.inner.accept().await?;
                Ok((permit, stream, peer))
            };
            let (permit, stream, peer) =
                observed(&self.observer, Operation::Accept, &tap.cut, accepting).await?;
            let conversation = tap.router.conversation(peer);
            let observer = Observer::of(tap.clock.clone(), conversation, End::Server);
            observer.record(observer.stamp(), Operation::Accept, Action::Accept { peer });
            let socket = Socket::new(observer, Some(permit), Some(tap.sockets.token()));
            Ok((TcpStream::new(stream, socket, tap.cut.clone()), peer))
        })
    }
}
