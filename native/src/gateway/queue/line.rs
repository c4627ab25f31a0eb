//! The line itself. The model of its users compiles this file once more, with other means to wait.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use wire::ToPage;
use wire::session::LessonIndex;

use super::sync::{Mutex, MutexGuard, Notify, PoisonError, yield_now};
use crate::gateway::limits::{Limits, MAX_SETTLING_MESSAGES, MAX_SETTLING_TURNS};

/// A bounded queue into which a push never waits.
///
/// An event that finds it full is lost, and a [`ToPage::Gap`] at exactly that place counts it.
/// Who can wait instead asks for [`Queue::room`] first, so that a slow page slows its own lesson.
pub(in crate::gateway) struct Queue {
    most: Most,
    // Held for a few instructions and never across an await, so std's lock is the right one.
    state: Mutex<State>,
    filled: Notify,
    drained: Notify,
}

/// What may wait.
#[derive(Clone, Copy)]
struct Most {
    messages: usize,
    bytes: usize,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Waiting>,
    bytes: usize,
    /// Packets that were not told, by lesson. They have a place of their own, so that a full queue
    /// need not grow to say so.
    lost_packets: BTreeMap<LessonIndex, u64>,
    closed: bool,
}

/// A message for one page, or for all who watch: those that do not read hold it together.
#[expect(
    clippy::large_enum_variant,
    reason = "most are a page's own, and a box for each would be one more allocation on the hot path"
)]
pub(in crate::gateway) enum Waiting {
    Own(ToPage),
    Shared(Arc<ToPage>),
}

impl Waiting {
    fn message(&self) -> &ToPage {
        match self {
            Self::Own(message) => message,
            Self::Shared(message) => message,
        }
    }
}

impl From<ToPage> for Waiting {
    fn from(message: ToPage) -> Self {
        Self::Own(message)
    }
}

impl From<&Arc<ToPage>> for Waiting {
    fn from(message: &Arc<ToPage>) -> Self {
        Self::Shared(Arc::clone(message))
    }
}

impl State {
    fn is_full(&self, most: Most) -> bool {
        self.messages.len() >= most.messages || self.bytes >= most.bytes
    }

    // Half of the limit: whatever comes as packets, there is room for what programs do.
    fn has_room_for_packets(&self, most: Most) -> bool {
        self.messages.len() < most.messages / 2 && self.bytes < most.bytes / 2
    }

    // A quarter of the limit: what a client has written when it stops may yet be read by the
    // server, written back, and read again.
    fn has_room(&self, most: Most) -> bool {
        self.messages.len() < most.messages / 4 && self.bytes < most.bytes / 4
    }
}

impl Queue {
    pub(in crate::gateway) fn new(limits: &Limits) -> Self {
        Self {
            most: Most {
                messages: limits.queued_messages,
                bytes: limits.queued_bytes,
            },
            state: Mutex::default(),
            filled: Notify::new(),
            drained: Notify::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock; if it ever did, the queue is still a queue.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an observation; counts it as lost if the queue is full.
    pub(in crate::gateway) fn push_event(&self, message: impl Into<Waiting>) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        if state.is_full(self.most) {
            if let Some(Waiting::Own(ToPage::Gap { count })) = state.messages.back_mut() {
                *count += 1;
            } else {
                state.messages.push_back(ToPage::Gap { count: 1 }.into());
            }
        } else {
            let waiting = message.into();
            state.bytes += held_bytes(waiting.message());
            state.messages.push_back(waiting);
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Adds a packet of this lesson, or counts it as lost.
    pub(in crate::gateway) fn push_packet(&self, lesson: LessonIndex, message: impl Into<Waiting>) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        if state.has_room_for_packets(self.most) {
            let waiting = message.into();
            state.bytes += held_bytes(waiting.message());
            state.messages.push_back(waiting);
        } else {
            *state.lost_packets.entry(lesson).or_default() += 1;
        }
        drop(state);
        self.filled.notify_one();
    }

    /// So many packets of this lesson were lost before they came here.
    pub(in crate::gateway) fn push_lost_packets(&self, lesson: LessonIndex, count: u64) {
        let mut state = self.state();
        if state.closed || count == 0 {
            return;
        }
        *state.lost_packets.entry(lesson).or_default() += count;
        drop(state);
        self.filled.notify_one();
    }

    /// Adds an answer to something the page asked.
    /// It is never lost: the session stops listening to a page whose queue has no room.
    pub(in crate::gateway) fn push_answer(&self, message: ToPage) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        state.bytes += held_bytes(&message);
        state.messages.push_back(message.into());
        drop(state);
        self.filled.notify_one();
    }

    /// Waits for messages and encodes as many as fit into a frame of about `max_bytes`.
    pub(in crate::gateway) async fn take(&self, max_bytes: usize) -> Vec<u8> {
        loop {
            self.settle().await;
            let frame = self.take_now(max_bytes);
            if !frame.is_empty() {
                return frame;
            }
            self.filled.notified().await;
        }
    }

    /// Lets what is under way come along: an exchange is a handful of events within microseconds,
    /// and a frame for each of them would cost both sides a system call for each.
    async fn settle(&self) {
        let mut before = 0;
        for _ in 0..MAX_SETTLING_TURNS {
            let waiting = self.state().messages.len();
            // In the program's runtime a turn lets run all who can, asks the sockets, and lets run
            // whom they woke: a turn without news is the last.
            if waiting == before || waiting > MAX_SETTLING_MESSAGES {
                return;
            }
            before = waiting;
            yield_now().await;
        }
    }

    pub(in crate::gateway) fn take_now(&self, max_bytes: usize) -> Vec<u8> {
        let mut frame = Vec::new();
        let mut planned_bytes = 0;
        loop {
            // One at a time, so that the lock is not held while a message is encoded.
            let mut state = self.state();
            if let Some((lesson, packets)) = state.lost_packets.pop_first() {
                drop(state);
                ToPage::Lost { lesson, packets }.encode(&mut frame);
                continue;
            }
            let Some(bytes) = state
                .messages
                .front()
                .map(|first| held_bytes(first.message()))
            else {
                break;
            };
            if planned_bytes > 0 && planned_bytes + bytes > max_bytes {
                break;
            }
            planned_bytes += bytes;
            state.bytes = state.bytes.saturating_sub(bytes);
            let first = state.messages.pop_front();
            let has_room = state.has_room(self.most);
            drop(state);
            if let Some(first) = first {
                first.message().encode(&mut frame);
            }
            if has_room {
                self.drained.notify_waiters();
            }
        }
        frame
    }

    /// Waits until the page has taken enough that more may be caused for it.
    /// What the kernel already holds between the two ends comes nevertheless; only if that is more
    /// than the queue takes, events are lost and counted.
    pub(in crate::gateway) async fn room(&self) {
        loop {
            let drained = self.drained.notified();
            {
                let state = self.state();
                if state.closed || state.has_room(self.most) {
                    return;
                }
            }
            drained.await;
        }
    }

    /// Whether there is room for what need not be told: who finds none does not ask for it.
    pub(in crate::gateway) fn takes_samples(&self) -> bool {
        let state = self.state();
        !state.closed && state.has_room(self.most)
    }

    /// Forgets everything, and whatever comes later.
    pub(in crate::gateway) fn close(&self) {
        let mut state = self.state();
        *state = State {
            closed: true,
            ..State::default()
        };
        drop(state);
        self.drained.notify_waiters();
    }
}

/// What a message costs while it waits; close to its size in memory and on the wire, never below it.
fn held_bytes(message: &ToPage) -> usize {
    let variable = match message {
        ToPage::Event { event, .. } => {
            let message = match &event.action {
                wire::Action::Error { message, .. } => message.len(),
                _ => 0,
            };
            event.held_bytes() + message
        }
        ToPage::Refused(refused) => refused.why.len(),
        ToPage::Welcome(welcome) => welcome.build.len() + welcome.servers.len() * 64,
        // A gap has no cost: it stands for what was not kept.
        ToPage::Gap { .. } => return 0,
        ToPage::Now(now) => now.flights.len() * 32,
        ToPage::Opened { .. }
        | ToPage::Pong { .. }
        | ToPage::Stats { .. }
        | ToPage::Lost { .. }
        | ToPage::Rewound => 0,
    };
    variable + FIXED_BYTES
}

const FIXED_BYTES: usize = 160;
