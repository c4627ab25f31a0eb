//! Whether this process runs all the time.
//!
//! Ctrl-Z stops it, a laptop sleeps, a debugger holds it: when it goes on, every wait is over that
//! would have ended meanwhile, and a page that had no chance to answer would be taken for dead.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, error::Elapsed, timeout};
use tracing::info;

/// How often it is noted that the process runs.
const BEAT: Duration = Duration::from_secs(1);

/// Without a beat for so long it stood still; a busy machine is seldom late by that much.
const STANDSTILL: Duration = Duration::from_secs(3);

/// Knows when the process stood still.
pub(super) struct Pulse {
    start: Instant,
    /// In milliseconds since the start.
    last_beat: AtomicU64,
    /// When it last went on after a standstill.
    last_resumed: AtomicU64,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            last_beat: AtomicU64::new(0),
            last_resumed: AtomicU64::new(0),
        }
    }

    /// Beats. Never ends.
    pub(super) async fn run(&self) {
        loop {
            tokio::time::sleep(BEAT).await;
            self.beat();
        }
    }

    /// What `future` becomes within `patience`, in which this process ran: one that stood still
    /// waits as long again, so that others have their chance.
    pub(super) async fn timeout<T>(
        &self,
        patience: Duration,
        future: impl Future<Output = T>,
    ) -> Result<T, Elapsed> {
        let mut future = pin!(future);
        loop {
            let began = self.now();
            match timeout(patience, future.as_mut()).await {
                Err(_) if self.has_stood_still_since(began) => {}
                result => return result,
            }
        }
    }

    /// A moment for [`Pulse::has_stood_still_since`].
    pub(super) fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn beat(&self) -> u64 {
        let now = self.now();
        let last = self.last_beat.fetch_max(now, Ordering::Relaxed);
        let rest = Duration::from_millis(now.saturating_sub(last));
        if rest >= STANDSTILL {
            info!(?rest, "the gateway stood still and goes on");
            self.last_resumed.fetch_max(now, Ordering::Relaxed);
        }
        now
    }

    /// Whether this process stood still since that moment: who waited for others waits as long again.
    pub(super) fn has_stood_still_since(&self, began: u64) -> bool {
        // Of all that wakes when the process goes on, the beat may be the last.
        self.beat();
        self.last_resumed.load(Ordering::Relaxed) > began
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::Arc;

    use tokio::time::{advance, sleep};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(45);

    fn beating() -> Arc<Pulse> {
        let pulse = Arc::new(Pulse::new());
        let beating = Arc::clone(&pulse);
        tokio::spawn(async move { beating.run().await });
        pulse
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_in_time() {
        let pulse = beating();
        let start = Instant::now();
        assert!(pulse.timeout(PATIENCE, pending::<()>()).await.is_err());
        assert_eq!(start.elapsed().as_secs(), PATIENCE.as_secs());
        let ready = pulse.timeout(PATIENCE, sleep(PATIENCE / 2)).await;
        assert!(ready.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_during_which_the_process_stood_still_begins_anew() {
        let pulse = beating();
        let start = Instant::now();
        let waiting = tokio::spawn({
            let pulse = Arc::clone(&pulse);
            async move { pulse.timeout(PATIENCE, pending::<()>()).await }
        });
        sleep(Duration::from_secs(40)).await;
        // To the process it looks the same when it was stopped.
        advance(Duration::from_secs(3_600)).await;
        let resumed = Instant::now();
        assert!(waiting.await.unwrap().is_err());
        assert_eq!(resumed.elapsed().as_secs(), PATIENCE.as_secs());
        assert!(start.elapsed() > Duration::from_secs(3_600));
    }

    #[tokio::test(start_paused = true)]
    async fn a_standstill_before_the_wait_is_none_of_its_business() {
        let pulse = beating();
        sleep(PATIENCE).await;
        advance(Duration::from_secs(60)).await;
        // The beat has noticed.
        sleep(BEAT).await;
        let start = Instant::now();
        assert!(pulse.timeout(PATIENCE, pending::<()>()).await.is_err());
        assert_eq!(start.elapsed().as_secs(), PATIENCE.as_secs());
    }
}
