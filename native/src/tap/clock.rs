//! The order and the time of events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How far apart the places of two events of programs are: those of packets are between them.
pub(crate) const STEP: u64 = 2;

/// The one clock of a gateway. Clones tell the same time and share the numbering.
#[derive(Clone, Debug)]
pub struct Clock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    start: Instant,
    next_sequence: AtomicU64,
}

/// A place in the order of events, and a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// See [`wire::Event::sequence`].
    pub sequence: u64,
    /// See [`wire::Event::time_ns`].
    pub time_ns: u64,
}

impl Clock {
    /// A clock that starts now, with nothing numbered.
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared {
                start: Instant::now(),
                next_sequence: AtomicU64::new(0),
            }),
        }
    }

    /// The next place, and now.
    pub fn stamp(&self) -> Stamp {
        self.stamps(1)
    }

    /// The first of `count` places in a row, each [`STEP`] behind the one before, and now.
    pub(super) fn stamps(&self, count: u64) -> Stamp {
        let time_ns = self.now_ns();
        // The number alone carries the order; nothing else is published through it. Where the
        // clock has not moved since the last one, the next place is taken.
        let last =
            self.shared
                .next_sequence
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
                    Some(next.max(time_ns & !1) + count * STEP)
                });
        let sequence = last.unwrap_or_default().max(time_ns & !1);
        Stamp { sequence, time_ns }
    }

    /// When it showed this.
    pub(crate) fn instant(&self, time_ns: u64) -> Instant {
        self.shared.start + Duration::from_nanos(time_ns)
    }

    /// Nanoseconds since the clock started.
    pub fn now_ns(&self) -> u64 {
        // 2^64 ns are more than 500 years.
        u64::try_from(self.shared.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
