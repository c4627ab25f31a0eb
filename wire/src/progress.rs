//! Ticking steps off against what was observed. One matcher for the page, the recorder and the tests.

use std::collections::{HashMap, VecDeque};

use crate::event::{Action, ConnectionId, Event};
use crate::flows::{Flows, Sight};
use crate::seen::{Direction, Pattern, Seen, What};

/// The most bytes remembered per connection while looking for a text.
const MAX_HEARD_BYTES: usize = 64 * 1024;

/// How many events are remembered that may have come before their turn.
const MAX_EARLY_EVENTS: usize = 32;

/// An event, and what it tells of a packet.
type Noted = (Event, Option<Sight>);

/// How far a reader has come in the steps of one lab.
///
/// Steps tick in order: an event is held against the first step that has not ticked, and each event
/// ticks at most one step. What two ends notice at once may arrive out of order; then the order of
/// the events' sequence counts, not that of their arrival.
#[derive(Clone, Debug)]
pub struct Progress {
    steps: Vec<Seen>,
    done: usize,
    /// How often the current step's pattern was observed.
    times: u16,
    /// What has ticked nothing, the latest last.
    early: VecDeque<Noted>,
    /// What packets mean among those before them.
    flows: Flows,
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
            times: 0,
            early: VecDeque::new(),
            flows: Flows::default(),
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

    /// Takes note of an event; `true` if it ticked the current step, and perhaps more.
    pub fn observe(&mut self, event: &Event) -> bool {
        if self.is_complete() {
            return false;
        }
        // Each packet is followed once, in whichever order its event is held against the steps.
        let sight = self.flows.observe(event);
        if !self.take(event, sight.as_ref()) {
            // Samples of the system would push out all else, if those without a new state were kept.
            if self.is_no_new_state(event) {
                return false;
            }
            if self.early.len() == MAX_EARLY_EVENTS {
                self.early.pop_front();
            }
            self.early.push_back((event.clone(), sight));
            return false;
        }
        // What had arrived already although it comes later is held against the steps that follow.
        let mut ticked_at = event.sequence;
        let mut early: Vec<Noted> = Vec::with_capacity(self.early.len());
        for noted in self.early.drain(..) {
            let at = early.partition_point(|(event, _)| event.sequence <= noted.0.sequence);
            early.insert(at, noted);
        }
        for (event, sight) in early {
            if event.sequence < ticked_at {
                continue;
            }
            if self.take(&event, sight.as_ref()) {
                ticked_at = event.sequence;
            } else {
                self.early.push_back((event, sight));
            }
        }
        true
    }

    /// Whether this is a sample of the system that says of its end what the one before it said.
    fn is_no_new_state(&self, event: &Event) -> bool {
        let Action::Kernel(sample) = &event.action else {
            return false;
        };
        let of_this_end = |(early, _): &&Noted| {
            (early.connection, early.end) == (event.connection, event.end)
                && matches!(early.action, Action::Kernel(_))
        };
        let before = self.early.iter().rev().find(of_this_end);
        before.is_some_and(|(before, _)| {
            matches!(&before.action, Action::Kernel(before) if before.state == sample.state)
        })
    }

    /// Holds an event against the current step alone; `true` if that ticked it.
    fn take(&mut self, event: &Event, sight: Option<&Sight>) -> bool {
        let Some(seen) = self.steps.get(self.done) else {
            return false;
        };
        let is_seen = match &seen.what {
            What::Moves(direction, Some(pattern)) => {
                event.end == seen.end
                    && direction.is(&event.action)
                    && hears(&mut self.heard, *direction, event, pattern)
            }
            What::Nothing { for_secs } => {
                let long_enough = is_over(self.quiet_since_ns, *for_secs, event.time_ns);
                // Waiting is what silence looks like from inside; all else breaks it.
                let is_quiet = matches!(event.action, Action::Wait { .. } | Action::Kernel(_));
                if event.end == seen.end && !is_quiet {
                    self.quiet_since_ns = Some(event.time_ns);
                }
                long_enough
            }
            What::Packet { .. } => sight.is_some_and(|sight| seen.is_shown_by_packet(event, sight)),
            _ => seen.is_shown_by(event),
        };
        let times = seen.times;
        self.times += u16::from(is_seen);
        let has_ticked = is_seen && self.times >= times;
        if has_ticked {
            self.advance(event.time_ns);
        } else if is_seen {
            self.heard.remove(&event.connection);
        } else if self.quiet_since_ns.is_none() {
            self.quiet_since_ns = Some(event.time_ns);
        }
        has_ticked
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
        self.times = 0;
        self.heard.clear();
        self.quiet_since_ns = Some(now_ns);
    }
}

fn is_over(since_ns: Option<u64>, for_secs: u64, now_ns: u64) -> bool {
    since_ns.is_some_and(|since| now_ns.saturating_sub(since) >= for_secs * 1_000_000_000)
}

/// Adds the event's bytes to what was heard on its connection; whether `pattern` now occurs in it.
fn hears(
    heard: &mut HashMap<Option<ConnectionId>, Vec<u8>>,
    direction: Direction,
    event: &Event,
    pattern: &Pattern,
) -> bool {
    let Some(data) = event.data() else {
        return false;
    };
    let so_far = heard.entry(event.connection).or_default();
    so_far.extend_from_slice(&data.bytes);
    let found = pattern.occurs_in(so_far);
    if direction.keeps_boundaries() && !data.more {
        so_far.clear();
    } else if so_far.len() > MAX_HEARD_BYTES {
        // It may still begin in the last bytes.
        let keep = pattern.shortest().saturating_sub(1).min(so_far.len());
        so_far.drain(..so_far.len() - keep);
    }
    found
}
