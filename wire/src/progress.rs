//! Ticking steps off against what was observed. One matcher for the page, the recorder and the tests.

use std::collections::HashMap;

use crate::event::{Action, ConnectionId, Event};
use crate::seen::{Direction, Seen, What};

/// The most bytes remembered per connection while looking for a text.
const MAX_HEARD_BYTES: usize = 64 * 1024;

/// How far a reader has come in the steps of one lab.
///
/// Steps tick in order: an event is held against the first step that has not ticked, and each event
/// ticks at most one step.
#[derive(Clone, Debug)]
pub struct Progress {
    steps: Vec<Seen>,
    done: usize,
    /// What moved in the awaited direction since the current step began, per connection.
    heard: HashMap<Option<ConnectionId>, Vec<u8>>,
    /// When the silence began that the current step may be waiting for.
    quiet_since_ns: Option<u64>,
}

impl Progress {
    /// Nothing observed yet; `done` steps have ticked before.
    pub fn new(steps: impl IntoIterator<Item = Seen>, done: usize) -> Self {
        let steps: Vec<_> = steps.into_iter().collect();
        Self {
            done: done.min(steps.len()),
            steps,
            heard: HashMap::new(),
            quiet_since_ns: None,
        }
    }

    /// How many steps have ticked; also the index of the current one.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Whether every step has ticked.
    pub fn is_complete(&self) -> bool {
        self.done == self.steps.len()
    }

    /// The first step that has not ticked.
    pub fn current(&self) -> Option<&Seen> {
        self.steps.get(self.done)
    }

    /// Takes note of an event; `true` if it ticked the current step.
    pub fn observe(&mut self, event: &Event) -> bool {
        let Some(seen) = self.steps.get(self.done) else {
            return false;
        };
        let ticked = match &seen.what {
            What::Moves(direction, Some(text)) => {
                event.end == seen.end
                    && direction.is(&event.action)
                    && hears(&mut self.heard, *direction, event, text)
            }
            What::Nothing { for_secs } => {
                let long_enough = is_over(self.quiet_since_ns, *for_secs, event.time_ns);
                // Waiting is what silence looks like from inside; all else breaks it.
                if event.end == seen.end && !matches!(event.action, Action::Wait { .. }) {
                    self.quiet_since_ns = Some(event.time_ns);
                }
                long_enough
            }
            _ => seen.is_shown_by(event),
        };
        if ticked {
            self.advance(event.time_ns);
        } else if self.quiet_since_ns.is_none() {
            self.quiet_since_ns = Some(event.time_ns);
        }
        ticked
    }

    /// Takes note that it is now `now_ns` on the clock of the events, and that nothing newer was
    /// observed; `true` if that ticked the current step.
    pub fn elapse(&mut self, now_ns: u64) -> bool {
        let Some(What::Nothing { for_secs }) = self.current().map(|seen| &seen.what) else {
            return false;
        };
        let ticked = is_over(self.quiet_since_ns, *for_secs, now_ns);
        if ticked {
            self.advance(now_ns);
        }
        ticked
    }

    fn advance(&mut self, now_ns: u64) {
        self.done += 1;
        self.heard.clear();
        self.quiet_since_ns = Some(now_ns);
    }
}

fn is_over(since_ns: Option<u64>, for_secs: u64, now_ns: u64) -> bool {
    since_ns.is_some_and(|since| now_ns.saturating_sub(since) >= for_secs * 1_000_000_000)
}

/// Adds the event's bytes to what was heard on its connection; whether `text` now occurs in it.
fn hears(
    heard: &mut HashMap<Option<ConnectionId>, Vec<u8>>,
    direction: Direction,
    event: &Event,
    text: &[u8],
) -> bool {
    let Some(data) = event.data() else {
        return false;
    };
    let so_far = heard.entry(event.connection).or_default();
    so_far.extend_from_slice(&data.bytes);
    let found = contains(so_far, text);
    if direction.keeps_boundaries() && !data.more {
        so_far.clear();
    } else if so_far.len() > MAX_HEARD_BYTES {
        // A text may still begin in the last bytes.
        let keep = text.len().saturating_sub(1).min(so_far.len());
        so_far.drain(..so_far.len() - keep);
    }
    found
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty()
        || haystack
            .windows(needle.len())
            .any(|window| window == needle)
}
