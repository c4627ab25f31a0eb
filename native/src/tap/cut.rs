//! Ending a watched program by letting its calls fail.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use wire::Operation;

use super::observer::Observer;

/// Tells one task that polls a socket when the socket's tap is cut.
#[derive(Debug)]
pub(super) struct Cut {
    token: CancellationToken,
    /// Made when something first waits; most calls return at once.
    cancelled: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    /// Whom that wakes.
    waker: Option<Waker>,
}

impl Cut {
    pub(super) fn new(token: CancellationToken) -> Self {
        Self {
            token,
            cancelled: None,
            waker: None,
        }
    }

    /// The token itself.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Whether the tap is cut.
    pub(super) fn is_cut(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Wakes the task when the tap is cut; ready if it is while this begins to.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        // A task that waits again and again is told once. If the tap was cut just now it is woken
        // by that, and finds it cut.
        let waker = context.waker();
        if self
            .waker
            .as_ref()
            .is_some_and(|known| known.will_wake(waker))
        {
            return Poll::Pending;
        }
        self.waker = Some(waker.clone());
        let token = &self.token;
        self.cancelled
            .get_or_insert_with(|| Box::pin(token.clone().cancelled_owned()))
            .as_mut()
            .poll(context)
    }
}

/// What every call fails with once the tap is cut.
pub(super) fn aborted() -> io::Error {
    io::Error::new(
        io::ErrorKind::ConnectionAborted,
        "the lesson's server was stopped",
    )
}

/// One whole operation on a socket: records that it waits and that it fails; ends when it is cut.
pub(super) async fn observed<T>(
    observer: &Arc<Observer>,
    operation: Operation,
    cut: &CancellationToken,
    work: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    let mut work = pin!(work);
    let mut cancelled = pin!(cut.cancelled());
    let result = std::future::poll_fn(|context| {
        if cancelled.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(aborted()));
        }
        let poll = work.as_mut().poll(context);
        if poll.is_pending() {
            observer.record_wait(operation);
        }
        poll
    })
    .await;
    result.inspect_err(|error| observer.record_failure(operation, error))
}
