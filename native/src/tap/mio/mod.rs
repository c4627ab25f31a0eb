//! Readiness as in `mio`, watched: one thread asks the kernel which of many sockets can go on.
//!
//! The sockets are those of [`net`]; a call on one that would have to wait fails with
//! [`WouldBlock`](std::io::ErrorKind::WouldBlock), and that is recorded as what it is.

pub mod net;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use ::mio::{Events, Interest, Registry, Token, Waker};
use tokio_util::sync::DropGuard;
use wire::{End, Operation};

use super::call::watched_call;
use super::cut::aborted;
use super::observer::Observer;
use super::{server, tally};

/// The waker's own; a lesson that counts its tokens up never gets there.
const CUT: Token = Token(usize::MAX);

/// `mio::Poll`, watched.
#[derive(Debug)]
pub struct Poll {
    inner: ::mio::Poll,
    observer: Arc<Observer>,
    is_cut: Arc<AtomicBool>,
    /// What it says is lost with it, so it must not go first.
    _waker: Arc<Waker>,
    _watching: DropGuard,
}

impl Poll {
    /// As mio's; it belongs to the server whose thread makes it.
    ///
    /// # Errors
    ///
    /// As mio's, and outside a thread that [`Tap::serve_in_thread`](super::Tap::serve_in_thread) has started.
    pub fn new() -> io::Result<Self> {
        let (tap, runtime) = (server::of_this_thread()?, server::runtime_of_this_thread()?);
        let inner = ::mio::Poll::new()?;
        let waker = Arc::new(Waker::new(inner.registry(), CUT)?);
        let waking = Waking {
            waker: Arc::clone(&waker),
            is_cut: Arc::default(),
        };
        let is_cut = Arc::clone(&waking.is_cut);
        let until = tap.cut.child_token();
        let watching = until.clone().drop_guard();
        runtime.spawn(async move {
            let _waking = waking;
            until.cancelled().await;
        });
        Ok(Self {
            inner,
            observer: Observer::of_listening(
                tap.clock.clone(),
                tap.router.listening(),
                End::Server,
            ),
            is_cut,
            _waker: waker,
            _watching: watching,
        })
    }

    /// As mio's.
    pub fn registry(&self) -> &Registry {
        self.inner.registry()
    }

    /// As mio's; records that the thread waits if nothing is ready yet.
    #[track_caller]
    pub fn poll(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        watched_call(|| {
            let result = self.poll_until_cut(events, timeout);
            result.inspect_err(|error| self.observer.record_failure(Operation::Poll, error))
        })
    }

    fn poll_until_cut(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        self.inner.poll(events, Some(Duration::ZERO))?;
        if events.is_empty() && timeout != Some(Duration::ZERO) {
            self.observer.record_wait(Operation::Poll);
            tally::rests();
            let result = self.inner.poll(events, timeout);
            tally::woke();
            result?;
        }
        match self.is_cut.load(Ordering::Acquire) {
            true => Err(aborted()),
            false => Ok(()),
        }
    }
}

/// Wakes a [`Poll`] for the last time when it is dropped: when the tap is cut, or when the runtime
/// ends and nobody would notice the cut.
struct Waking {
    waker: Arc<Waker>,
    is_cut: Arc<AtomicBool>,
}

impl Drop for Waking {
    fn drop(&mut self) {
        self.is_cut.store(true, Ordering::Release);
        if let Err(error) = self.waker.wake() {
            tracing::warn!(%error, "a thread was not woken");
        }
    }
}
