//! What all sockets of one lesson's server share.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::session::Stats;

use super::tally::Tally;
use super::{Clock, Router};

/// The stack of a thread that serves, in bytes: as much as std gives a thread by itself.
const THREAD_STACK_BYTES: usize = 2 * 1024 * 1024;

thread_local! {
    /// Set in a thread that [`Tap::serve_in_thread`] has started.
    static SERVED: RefCell<Option<(Tap, Handle)>> = const { RefCell::new(None) };
}

/// The handle to all watched sockets of one server. Clones are the same tap.
#[derive(Clone)]
pub struct Tap {
    pub(super) clock: Clock,
    pub(super) router: Arc<dyn Router>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) cut: CancellationToken,
    /// Tracks sockets, not tasks: a task of the lesson may outlive them and do no harm.
    pub(super) sockets: TaskTracker,
    tally: Arc<Tally>,
}

impl Tap {
    /// For a server that is about to start. Each accepted connection holds one of `permits` until
    /// it is closed; `accept` waits while there is none.
    pub fn new(clock: Clock, router: Arc<dyn Router>, permits: Arc<Semaphore>) -> Self {
        Self {
            clock,
            router,
            permits,
            cut: CancellationToken::new(),
            sockets: TaskTracker::new(),
            tally: Arc::default(),
        }
    }

    /// Makes a server's future a worker of this tap, and with it each task that it spawns through
    /// [`tap::task`](super::task).
    pub fn serve<T>(
        &self,
        serving: Pin<Box<dyn Future<Output = T> + Send>>,
    ) -> impl Future<Output = T> + Send + use<T> {
        let future_bytes = size_of_val(&*serving);
        self.tally.task(serving, future_bytes)
    }

    /// Starts a thread of this name that serves, with the sockets of [`tap::std`](super::std) or
    /// [`tap::mio`](super::mio). What comes back waits for its end; dropping it does not end it.
    ///
    /// # Errors
    ///
    /// If the system gives no thread; later, what `work` returns, or that it panicked.
    pub fn serve_in_thread<W>(
        &self,
        name: &str,
        work: W,
    ) -> io::Result<impl Future<Output = io::Result<()>> + Send + use<W>>
    where
        W: FnOnce() -> io::Result<()> + Send + 'static,
    {
        let worker = self.tally.thread(THREAD_STACK_BYTES);
        let served = (self.clone(), Handle::current());
        let (sender, end) = oneshot::channel();
        thread::Builder::new()
            .name(name.to_owned())
            .stack_size(THREAD_STACK_BYTES)
            .spawn(move || {
                SERVED.set(Some(served));
                let result = worker.run(work);
                // Nobody waits for it if the whole gateway ends.
                let _ = sender.send(result);
            })?;
        Ok(async move {
            end.await
                .unwrap_or_else(|_| Err(io::Error::other("its thread panicked")))
        })
    }

    /// Stops the server: pending and later calls on its sockets fail with
    /// [`ConnectionAborted`](std::io::ErrorKind::ConnectionAborted), so that its tasks end.
    pub fn cut(&self) {
        self.cut.cancel();
    }

    /// Whether [`Tap::cut`] was called.
    pub fn is_cut(&self) -> bool {
        self.cut.is_cancelled()
    }

    /// Waits until [`Tap::cut`] is called.
    pub async fn until_cut(&self) {
        self.cut.cancelled().await;
    }

    /// How many connections the server has accepted and not closed. For TCP.
    pub fn connection_count(&self) -> usize {
        // One of the sockets listens.
        self.sockets.len().saturating_sub(1)
    }

    /// What the server's workers are and do now.
    pub fn stats(&self) -> Stats {
        Stats {
            workers: self.tally.workers(),
            wakeups: self.tally.wakeups(),
            memory_bytes: self.tally.memory_bytes(),
            connections: u32::try_from(self.connection_count()).unwrap_or(u32::MAX),
        }
    }

    /// Returns the server's [`Tap::stats`] once they differ from `last`; `None` when it is cut.
    pub async fn stats_after(&self, last: &Stats) -> Option<Stats> {
        loop {
            let stats = self.stats();
            if stats != *last {
                return Some(stats);
            }
            tokio::select! {
                () = self.tally.changed() => {}
                () = self.cut.cancelled() => return None,
            }
        }
    }

    /// Waits until every watched socket of the server is gone. Comes after [`Tap::cut`].
    pub async fn drained(&self) {
        self.sockets.close();
        self.sockets.wait().await;
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tap")
            .field("is_cut", &self.is_cut())
            .field("sockets", &self.sockets.len())
            .finish_non_exhaustive()
    }
}

/// Whose thread this is.
pub(super) fn of_this_thread() -> io::Result<Tap> {
    served(|(tap, _)| tap.clone())
}

/// The runtime that this thread was started from.
pub(super) fn runtime_of_this_thread() -> io::Result<Handle> {
    served(|(_, runtime)| runtime.clone())
}

fn served<T>(part: impl FnOnce(&(Tap, Handle)) -> T) -> io::Result<T> {
    SERVED
        .with_borrow(|served| served.as_ref().map(part))
        .ok_or_else(|| io::Error::other("this thread does not serve a lesson"))
}
