//! Tasks as in `tokio::task`, counted for the server that spawns them.

use std::future::Future;

pub use tokio::task::JoinHandle;

use super::tally;

/// As tokio's [`spawn`](tokio::task::spawn).
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match tally::current() {
        Some(tally) => tokio::task::spawn(tally.task(future, size_of::<F>())),
        None => tokio::task::spawn(future),
    }
}
