//! Waiting until what was done has come to its end.

use std::time::{Duration, Instant};

use anyhow::Result;
use wire::{Action, Data, End, Event};

use super::Session;
use crate::gateway::PATIENCE;

/// What was done is over when nothing was observed for this long; longer than a delayed
/// acknowledgement takes (Linux: 40 ms).
const QUIET: Duration = Duration::from_millis(80);

/// What never comes to rest is not waited for any longer.
const NO_REST: Duration = Duration::from_secs(1);

/// How late the relay may pass on what it has held back, on a busy machine, in ns.
const LATE_NS: u64 = 1_000_000_000;

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

    /// For how long the relay may hold back a datagram yet; `None` if it holds none.
    fn held(&self) -> Option<Duration> {
        let now_ns = self.now_ns();
        let until_ns = self.events.iter().filter_map(|event| match &event.action {
            Action::Hold { for_ms, data } if !self.passes_on(event, data) => {
                Some(event.time_ns + u64::from(*for_ms) * 1_000_000 + LATE_NS)
            }
            _ => None,
        });
        let left_ns = until_ns.max()?.checked_sub(now_ns)?;
        Some(Duration::from_nanos(left_ns))
    }

    /// Whether the relay has passed on what it began to hold back with this event.
    fn passes_on(&self, held: &Event, datagram: &Data) -> bool {
        self.events.iter().any(|event| {
            event.end == End::Relay
                && event.connection == held.connection
                && event.sequence > held.sequence
                && matches!(&event.action, Action::Send { data, .. } if data == datagram)
        })
    }
}
