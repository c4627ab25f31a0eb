//! What the workers of one server are and do, counted where it happens.
//!
//! A worker is a task or a thread that serves. Which server a worker belongs to is known by the
//! thread that runs it, so that a lesson can spawn a task without saying for whom.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::sync::Notify;

thread_local! {
    /// Whose worker runs on this thread right now.
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

#[derive(Clone, Debug)]
struct Current {
    tally: Arc<Tally>,
    /// The number of this thread, if it is the worker itself.
    thread: Option<u64>,
}

/// Counts for one server. Its numbers are for readers; nothing is decided by them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    workers: AtomicU32,
    wakeups: AtomicU64,
    memory_bytes: AtomicU64,
    threads: AtomicU64,
    changed: Notify,
}

impl Tally {
    pub(super) fn workers(&self) -> u32 {
        self.workers.load(Ordering::Relaxed)
    }

    pub(super) fn wakeups(&self) -> u64 {
        self.wakeups.load(Ordering::Relaxed)
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    /// Returns when something may have changed since it last returned.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Counts `future`, of this size, as a worker until it is dropped.
    pub(super) fn task<F: Future>(self: &Arc<Self>, future: F, future_bytes: usize) -> Task<F> {
        Task {
            has_run: false,
            employed: Employed::new(self, future_bytes as u64),
            future,
        }
    }

    /// Counts a thread with a stack of this size as a worker until the result is dropped.
    pub(super) fn thread(self: &Arc<Self>, stack_bytes: usize) -> Thread {
        Thread {
            number: self.threads.fetch_add(1, Ordering::Relaxed) + 1,
            employed: Employed::new(self, stack_bytes as u64),
        }
    }
}

/// A worker, from its beginning to its end.
#[derive(Debug)]
struct Employed {
    tally: Arc<Tally>,
    memory_bytes: u64,
}

impl Employed {
    fn new(tally: &Arc<Tally>, memory_bytes: u64) -> Self {
        tally.workers.fetch_add(1, Ordering::Relaxed);
        tally
            .memory_bytes
            .fetch_add(memory_bytes, Ordering::Relaxed);
        tally.changed.notify_one();
        Self {
            tally: Arc::clone(tally),
            memory_bytes,
        }
    }
}

impl Drop for Employed {
    fn drop(&mut self) {
        let tally = &self.tally;
        tally.workers.fetch_sub(1, Ordering::Relaxed);
        tally
            .memory_bytes
            .fetch_sub(self.memory_bytes, Ordering::Relaxed);
        tally.changed.notify_one();
    }
}

pin_project! {
    /// A future that serves.
    #[derive(Debug)]
    pub(super) struct Task<F> {
        has_run: bool,
        // Dropped first: what it holds is gone when its end is told.
        #[pin]
        future: F,
        employed: Employed,
    }
}

impl<F: Future> Future for Task<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let tally = &this.employed.tally;
        if std::mem::replace(this.has_run, true) {
            tally.wakeups.fetch_add(1, Ordering::Relaxed);
        }
        let scope = Scope::enter(tally, None);
        let poll = this.future.poll(context);
        drop(scope);
        // Told when it comes to rest, for by then the rest has changed too.
        tally.changed.notify_one();
        poll
    }
}

/// A thread that serves.
#[derive(Debug)]
pub(super) struct Thread {
    number: u64,
    employed: Employed,
}

impl Thread {
    /// Does the thread's work, on this thread.
    pub(super) fn run<T>(self, work: impl FnOnce() -> T) -> T {
        let _scope = Scope::enter(&self.employed.tally, Some(self.number));
        work()
    }
}

/// Whose worker spawns, if it is known.
pub(super) fn current() -> Option<Arc<Tally>> {
    with_current(|current| Arc::clone(&current.tally))
}

/// The number of this thread, if it is a worker.
pub(super) fn current_thread() -> Option<u64> {
    with_current(|current| current.thread).flatten()
}

/// This thread, a worker, is about to wait.
pub(super) fn rests() {
    with_current(|current| current.tally.changed.notify_one());
}

/// This thread, a worker, has waited and runs again.
pub(super) fn woke() {
    with_current(|current| current.tally.wakeups.fetch_add(1, Ordering::Relaxed));
}

fn with_current<T>(with: impl FnOnce(&Current) -> T) -> Option<T> {
    // Sockets may be dropped while the thread ends, when its locals are gone.
    CURRENT
        .try_with(|current| current.borrow().as_ref().map(with))
        .ok()
        .flatten()
}

/// Puts back on drop what was current before.
struct Scope {
    before: Option<Current>,
}

impl Scope {
    fn enter(tally: &Arc<Tally>, thread: Option<u64>) -> Self {
        let current = Current {
            tally: Arc::clone(tally),
            thread,
        };
        Self {
            before: CURRENT.replace(Some(current)),
        }
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        CURRENT.set(self.before.take());
    }
}
