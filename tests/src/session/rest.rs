//! Waiting until what was done has come to its end.

use std::time::{Duration, Instant};

use anyhow::Result;
use wire::{Action, Event};

use super::Session;
use crate::gateway::PATIENCE;

/// What was done is over when nothing was observed for this long; longer than a delayed
/// acknowledgement takes (Linux: 40 ms).
const QUIET: Duration = Duration::from_millis(80);

/// What never comes to rest is not waited for any longer.
const NO_REST: Duration = Duration::from_secs(1);

impl Session {
    /// Returns when what was said before is done and nothing more follows from it, as far as one
    /// can see.
    pub(super) async fn pause(&mut self) -> Result<()> {
        self.answered().await?;
        let limit = Instant::now() + NO_REST;
        let mut quiet = Instant::now() + QUIET;
        while Instant::now() < limit {
            let before = self.events.len();
            if !self.listen(quiet.min(limit)).await? {
                break;
            }
            // What the system says, it says by a clock of its own.
            let is_done = |event: &Event| !matches!(event.action, Action::Kernel(_));
            if self.events[before..].iter().any(is_done) {
                quiet = Instant::now() + QUIET;
            }
        }
        Ok(())
    }

    /// The same, and nothing is held back on the way any more.
    pub(super) async fn rest(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        self.pause().await?;
        while let Some(held) = self.held()
            && Instant::now() < deadline
        {
            self.listen(Instant::now() + held).await?;
            self.pause().await?;
        }
        Ok(())
    }

    /// For how long the relay will hold back a datagram yet; `None` if it holds none.
    fn held(&self) -> Option<Duration> {
        let now_ns = self.now_ns();
        let until_ns = self.events.iter().filter_map(|event| match event.action {
            Action::Hold { for_ms, .. } => Some(event.time_ns + u64::from(for_ms) * 1_000_000),
            _ => None,
        });
        let left_ns = until_ns.max()?.checked_sub(now_ns)?;
        Some(Duration::from_nanos(left_ns))
    }
}
