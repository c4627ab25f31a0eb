//! Locks and waits that shuttle schedules, with the names of tokio's and std's.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

pub(super) use shuttle::future::yield_now;
pub(super) use shuttle::sync::{Mutex, MutexGuard};
pub(super) use std::sync::PoisonError;

/// `tokio::sync::Notify` by its documentation.
pub(super) struct Notify(Mutex<State>);

#[derive(Default)]
struct State {
    /// Of a `notify_one` for which nobody waited.
    has_permit: bool,
    /// How often all were notified.
    times_all: u64,
    waiting: VecDeque<(u64, Waker)>,
    /// Who was notified alone, and has not been asked since.
    notified: Vec<u64>,
    next: u64,
}

impl State {
    fn notify_one(&mut self) {
        match self.waiting.pop_front() {
            None => self.has_permit = true,
            Some((id, waker)) => {
                self.notified.push(id);
                waker.wake();
            }
        }
    }
}

impl Notify {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State::default()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Wakes one that waits; if there is none, the next that comes does not wait.
    pub(super) fn notify_one(&self) {
        self.state().notify_one();
    }

    /// Wakes all that wait, and those that were made before and are not yet asked.
    pub(super) fn notify_waiters(&self) {
        let mut state = self.state();
        state.times_all += 1;
        for (_, waker) in std::mem::take(&mut state.waiting) {
            waker.wake();
        }
    }

    pub(super) fn notified(&self) -> Notified<'_> {
        let mut state = self.state();
        state.next += 1;
        Notified {
            notify: self,
            id: state.next,
            times_all: state.times_all,
        }
    }
}

pub(super) struct Notified<'a> {
    notify: &'a Notify,
    id: u64,
    times_all: u64,
}

impl Future for Notified<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.notify.state();
        if state.times_all != self.times_all {
            return Poll::Ready(());
        }
        if let Some(index) = state.notified.iter().position(|id| *id == self.id) {
            state.notified.swap_remove(index);
            return Poll::Ready(());
        }
        let waker = context.waker().clone();
        let mut waiting = state.waiting.iter_mut();
        if let Some((_, known)) = waiting.find(|(id, _)| *id == self.id) {
            *known = waker;
        } else if std::mem::take(&mut state.has_permit) {
            return Poll::Ready(());
        } else {
            state.waiting.push_back((self.id, waker));
        }
        Poll::Pending
    }
}

impl Drop for Notified<'_> {
    fn drop(&mut self) {
        let mut state = self.notify.state();
        state.waiting.retain(|(id, _)| *id != self.id);
        // Notified and never asked again: then it is the next one's.
        if let Some(index) = state.notified.iter().position(|id| *id == self.id) {
            state.notified.swap_remove(index);
            state.notify_one();
        }
    }
}

/// What it is ready with at once; if it is not ready it is dropped.
pub(super) async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = Box::pin(future);
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}
