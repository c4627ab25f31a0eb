//! How fast a page may ask.

use std::time::Duration;

use tokio::time::Instant;

use crate::gateway::limits::Limits;

/// A token bucket that makes its user wait instead of refusing: who asks too fast is read later,
/// and nothing is lost.
pub(super) struct Pace {
    /// When the bucket would be full again.
    full_at: Instant,
    /// Between two in the long run.
    interval: Duration,
    /// How far ahead of that one may be.
    ahead: Duration,
}

impl Pace {
    pub(super) fn new(limits: &Limits) -> Self {
        // No more than a second, and no limit is zero.
        let interval = Duration::from_secs(1) / limits.commands_per_sec.max(1);
        Self {
            full_at: Instant::now(),
            interval,
            ahead: interval * limits.commands_burst,
        }
    }

    /// Waits until one more is due.
    pub(super) async fn step(&mut self) {
        let now = Instant::now();
        self.full_at = self.full_at.max(now) + self.interval;
        let due_at = self.full_at - self.ahead;
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
        let limits = Limits::default();
        let mut pace = Pace::new(&limits);
        let start = Instant::now();
        for _ in 0..limits.commands_burst {
            pace.step().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..limits.commands_per_sec {
            pace.step().await;
        }
        assert_eq!(start.elapsed().as_millis(), 1_000);
    }
}
