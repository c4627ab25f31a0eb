//! What all sockets of one lesson's server share.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Clock, Router};

/// The handle to all watched sockets of one server. Clones are the same tap.
#[derive(Clone)]
pub struct Tap {
    pub(super) clock: Clock,
    pub(super) router: Arc<dyn Router>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) cut: CancellationToken,
    /// Tracks sockets, not tasks: a task of the lesson may outlive them and do no harm.
    pub(super) sockets: TaskTracker,
}

impl Tap {
    /// For a server that is about to start. Each accepted connection holds one of `permits` until
    /// it is closed; `accept` waits while there is none. A server that waits for a client holds the
    /// permit for it already.
    pub fn new(clock: Clock, router: Arc<dyn Router>, permits: Arc<Semaphore>) -> Self {
        Self {
            clock,
            router,
            permits,
            cut: CancellationToken::new(),
            sockets: TaskTracker::new(),
        }
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
