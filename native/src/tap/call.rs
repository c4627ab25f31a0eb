//! Which call of the watched program is being polled right now, and what became of it.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use wire::{Action, Operation};

use super::observer::Observer;

thread_local! {
    /// Set while a [`Watched`] future is polled or a [`watched_call`] is made, and only then.
    static CURRENT: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// One call of the watched program, from its first poll to its end.
#[derive(Debug)]
struct Call {
    location: &'static Location<'static>,
    /// The socket that this call reached last, and what it did there.
    reached: Option<(Arc<Observer>, Operation)>,
    /// Whether the last thing that happened was that it had to wait.
    waits: bool,
    /// Whether a socket has recorded that it failed.
    failed: bool,
}

/// The line of the current call, if a line made it.
pub(super) fn location() -> Option<&'static Location<'static>> {
    with_current(|call| call.location)
}

/// The current call has moved something at this socket.
pub(super) fn moved(observer: &Arc<Observer>, operation: Operation) {
    with_current(|call| {
        call.reach(observer, operation);
        call.waits = false;
    });
}

/// The current call must wait at this socket; `true` if that is news.
/// Without a call nobody waits in a line: whoever polls the socket may be doing much else.
pub(super) fn waits(observer: &Arc<Observer>, operation: Operation) -> bool {
    with_current(|call| {
        call.reach(observer, operation);
        !std::mem::replace(&mut call.waits, true)
    })
    .unwrap_or(false)
}

/// The current call failed at this socket; `false` if that has been recorded.
pub(super) fn failed(observer: &Arc<Observer>, operation: Operation) -> bool {
    with_current(|call| {
        call.reach(observer, operation);
        !std::mem::replace(&mut call.failed, true)
    })
    .unwrap_or(true)
}

fn with_current<T>(with: impl FnOnce(&mut Call) -> T) -> Option<T> {
    // Sockets may be dropped while the thread ends, when its locals are gone.
    CURRENT
        .try_with(|current| current.borrow_mut().as_mut().map(with))
        .ok()
        .flatten()
}

impl Call {
    #[track_caller]
    fn new() -> Self {
        Self {
            location: Location::caller(),
            reached: None,
            waits: false,
            failed: false,
        }
    }

    fn reach(&mut self, observer: &Arc<Observer>, operation: Operation) {
        match &mut self.reached {
            Some((reached, last)) if Arc::ptr_eq(reached, observer) => *last = operation,
            reached => *reached = Some((Arc::clone(observer), operation)),
        }
    }

    /// The call has returned.
    fn finish(mut self, error: Option<&io::Error>) {
        self.waits = false;
        // What no socket has seen: the stream ended too early for `read_exact`, a line is not
        // UTF-8. If the call never reached a socket, all bytes came from a buffer in between.
        if let (Some(error), false, Some((observer, operation))) =
            (error, self.failed, &self.reached)
        {
            observer.record_error(*operation, error, Some(self.location));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let (true, Some((observer, operation))) = (self.waits, &self.reached) {
            let operation = *operation;
            observer.record_at(
                observer.stamp(),
                Action::Cancel { operation },
                Some(self.location),
            );
        }
    }
}

/// Watches a call of whoever called the function that calls this.
#[track_caller]
pub(super) fn watched<F>(future: F) -> Watched<F> {
    Watched {
        call: Some(Call::new()),
        future,
    }
}

/// Makes a call of whoever called the function that calls this, to its end.
#[track_caller]
pub(super) fn watched_call<T>(work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let scope = Scope::enter(Some(Call::new()));
    let result = work();
    if let Some(call) = scope.leave() {
        call.finish(result.as_ref().err());
    }
    result
}

pin_project! {
    /// A future that is the current call while it is polled.
    pub(super) struct Watched<F> {
        // Dropped before the future, so that a cancelled call sorts before what its drop causes.
        call: Option<Call>,
        #[pin]
        future: F,
    }
}

impl<T, F: Future<Output = io::Result<T>>> Future for Watched<F> {
    type Output = io::Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let scope = Scope::enter(this.call.take());
        let poll = this.future.poll(context);
        let call = scope.leave();
        match &poll {
            Poll::Pending => *this.call = call,
            Poll::Ready(result) => {
                if let Some(call) = call {
                    call.finish(result.as_ref().err());
                }
            }
        }
        poll
    }
}

/// Puts back on drop what was current before, also when the polled future panics.
struct Scope {
    before: Option<Call>,
}

impl Scope {
    fn enter(call: Option<Call>) -> Self {
        Self {
            before: CURRENT.with(|current| current.replace(call)),
        }
    }

    fn leave(mut self) -> Option<Call> {
        CURRENT.with(|current| current.replace(self.before.take()))
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        // After `leave` this is a call of the panicking future, or nothing to do.
        if std::thread::panicking() {
            let before = self.before.take();
            let abandoned = CURRENT.with(|current| current.replace(before));
            drop(abandoned);
        }
    }
}
