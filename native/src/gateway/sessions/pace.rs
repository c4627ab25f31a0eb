//! How fast a page may ask.

use std::time::Duration;

use tokio::time::Instant;

use crate::gateway::limits::{COMMANDS_BURST, COMMANDS_PER_SEC};

/// A token bucket that makes its user wait instead of refusing: who asks too fast is read later,
/// and nothing is lost.
pub(super) struct Pace {
    /// When the bucket would be full again.
    full_at: Instant,
}

const INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / COMMANDS_PER_SEC as u64);

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            full_at: Instant::now(),
        }
    }

    /// Waits until one more is due.
    pub(super) async fn step(&mut self) {
        let now = Instant::now();
        self.full_at = self.full_at.max(now) + INTERVAL;
        let due_at = self.full_at - INTERVAL * COMMANDS_BURST;
        if due_at > now {
            tokio::time::sleep_until(due_at).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_then_the_rate_holds() {
        // The bucket's full time lies in the past of the burst: give the clock a past.
        tokio::time::advance(Duration::from_secs(60)).await;
        let mut pace = Pace::new();
        let start = Instant::now();
        for _ in 0..COMMANDS_BURST {
            pace.step().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..COMMANDS_PER_SEC {
            pace.step().await;
        }
        assert_eq!(start.elapsed().as_millis(), 1_000);
    }
}
