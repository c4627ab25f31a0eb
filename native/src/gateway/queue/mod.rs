//! What waits to be sent to one page.

mod line;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

pub(super) use self::line::Queue;

/// What the line waits with. The model has the same of its own.
mod sync {
    pub(super) use std::sync::{Mutex, MutexGuard, PoisonError};

    pub(super) use tokio::sync::Notify;
    pub(super) use tokio::task::yield_now;
}
