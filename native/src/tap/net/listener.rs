//! A listening TCP socket.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio_util::task::task_tracker::TaskTrackerToken;
use wire::{Action, End, Operation};

use super::TcpStream;
use super::socket::Socket;
use crate::descriptors;
use crate::tap::Tap;
use crate::tap::call::watched;
use crate::tap::cut::{aborted, observed};
use crate::tap::observer::Observer;

/// How long `accept` waits when the system has no room for another connection.
const ROOM_PAUSE: Duration = Duration::from_millis(100);

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
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Waits for the next connection, and for room among all connections of the gateway.
    #[track_caller]
    pub fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        watched(async move {
            let tap = &self.tap;
            let accepting = async {
                let accept = || with_room(&tap.permits, self.inner.accept());
                past_failures(&self.observer, accept).await
            };
            let (permit, (stream, peer)) =
                observed(&self.observer, Operation::Accept, &tap.cut, accepting).await?;
            let conversation = tap.router.conversation(peer);
            let observer = Observer::of(tap.clock.clone(), conversation, End::Server);
            observer.record(
                observer.stamp(),
                Operation::Accept,
                Action::Accept { peer: peer.into() },
            );
            let socket = Socket::new(observer, Some(permit), Some(tap.sockets.token()));
            Ok((TcpStream::new(stream, socket, tap.cut.clone()), peer))
        })
    }
}

type Awaited = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// Accepts when one of `permits` is to be had. Who waits for a client holds none meanwhile: that
/// would be one less for those who have come.
pub(super) async fn with_room<T>(
    permits: &Arc<Semaphore>,
    accepting: impl Future<Output = io::Result<T>>,
) -> io::Result<(OwnedSemaphorePermit, T)> {
    let mut accepting = pin!(accepting);
    let mut awaited: Option<Awaited> = None;
    poll_fn(move |context| {
        let permit = match Arc::clone(permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let permits = || Box::pin(Arc::clone(permits).acquire_owned()) as Awaited;
                let permit = awaited.get_or_insert_with(permits).as_mut().poll(context);
                ready!(permit).map_err(|_| aborted())?
            }
        };
        awaited = None;
        accepting
            .as_mut()
            .poll(context)
            .map_ok(|accepted| (permit, accepted))
    })
    .await
}

/// The next connection, past what goes wrong with a single one or only for now: a client must not
/// be able to end a server by opening connections.
pub(super) async fn past_failures<T, F>(
    observer: &Arc<Observer>,
    accept: impl Fn() -> F,
) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut told_exhausted = false;
    loop {
        let error = match accept().await {
            Ok(accepted) => return Ok(accepted),
            Err(error) => error,
        };
        let Some(pause) = pause_after(&error) else {
            return Err(error);
        };
        // It may last, and is then the same failure and no news.
        let is_exhausted = descriptors::are_exhausted(&error);
        if !(is_exhausted && told_exhausted) {
            observer.record_failure(Operation::Accept, &error);
        }
        if is_exhausted {
            descriptors::tell();
        }
        told_exhausted |= is_exhausted;
        tokio::time::sleep(pause).await;
    }
}

/// How long to wait before `accept` is worth another try; `None` if it is not.
pub(in crate::tap) fn pause_after(error: &io::Error) -> Option<Duration> {
    match error.kind() {
        // The client left before it was accepted.
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset => Some(Duration::ZERO),
        io::ErrorKind::OutOfMemory => Some(ROOM_PAUSE),
        _ => descriptors::are_exhausted(error).then_some(ROOM_PAUSE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_descriptors_is_waited_out_and_a_broken_listener_is_not() {
        let after = |code| pause_after(&io::Error::from_raw_os_error(code));
        assert_eq!(after(24), Some(ROOM_PAUSE));
        assert_eq!(pause_after(&io::ErrorKind::InvalidInput.into()), None);
    }

    #[test]
    fn a_client_that_left_early_is_passed_over() {
        let left = io::ErrorKind::ConnectionAborted.into();
        assert_eq!(pause_after(&left), Some(Duration::ZERO));
    }
}
