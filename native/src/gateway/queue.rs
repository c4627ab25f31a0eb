//! What waits to be sent to one page.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use wire::ToPage;
use wire::session::LessonIndex;

use super::limits::{Limits, MAX_SETTLING_MESSAGES, MAX_SETTLING_TURNS};

/// A bounded queue into which a push never waits.
///
/// An event that finds it full is lost, and a [`ToPage::Gap`] at exactly that place counts it.
/// Who can wait instead asks for [`Queue::room`] first, so that a slow page slows its own lesson.
pub(super) struct Queue {
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
    messages: VecDeque<ToPage>,
    bytes: usize,
    /// Packets that were not told, by lesson. They have a place of their own, so that a full queue
    /// need not grow to say so.
    lost_packets: BTreeMap<LessonIndex, u64>,
    closed: bool,
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
    pub(super) fn new(limits: &Limits) -> Self {
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
    pub(super) fn push_event(&self, message: ToPage) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        if state.is_full(self.most) {
            if let Some(ToPage::Gap { count }) = state.messages.back_mut() {
                *count += 1;
            } else {
                state.messages.push_back(ToPage::Gap { count: 1 });
            }
        } else {
            state.bytes += held_bytes(&message);
            state.messages.push_back(message);
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Adds a packet of this lesson, or counts it as lost.
    pub(super) fn push_packet(&self, lesson: LessonIndex, message: ToPage) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        if state.has_room_for_packets(self.most) {
            state.bytes += held_bytes(&message);
            state.messages.push_back(message);
        } else {
            *state.lost_packets.entry(lesson).or_default() += 1;
        }
        drop(state);
        self.filled.notify_one();
    }

    /// So many packets of this lesson were lost before they came here.
    pub(super) fn push_lost_packets(&self, lesson: LessonIndex, count: u64) {
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
    pub(super) fn push_answer(&self, message: ToPage) {
        let mut state = self.state();
        if state.closed {
            return;
        }
        state.bytes += held_bytes(&message);
        state.messages.push_back(message);
        drop(state);
        self.filled.notify_one();
    }

    /// Waits for messages and encodes as many as fit into a frame of about `max_bytes`.
    pub(super) async fn take(&self, max_bytes: usize) -> Vec<u8> {
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
            tokio::task::yield_now().await;
        }
    }

    fn take_now(&self, max_bytes: usize) -> Vec<u8> {
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
            let Some(bytes) = state.messages.front().map(held_bytes) else {
                break;
            };
            if planned_bytes > 0 && planned_bytes + bytes > max_bytes {
                break;
            }
            planned_bytes += bytes;
            state.bytes = state.bytes.saturating_sub(bytes);
            let message = state.messages.pop_front();
            let has_room = state.has_room(self.most);
            drop(state);
            if let Some(message) = message {
                message.encode(&mut frame);
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
    pub(super) async fn room(&self) {
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
    pub(super) fn takes_samples(&self) -> bool {
        let state = self.state();
        !state.closed && state.has_room(self.most)
    }

    /// Forgets everything, and whatever comes later.
    pub(super) fn close(&self) {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wire::{Action, ConnectionId, Data, End, Event};

    use super::*;

    const MAX_QUEUED_MESSAGES: usize = 1_024;

    fn event(sequence: u64, bytes: usize) -> ToPage {
        ToPage::Event {
            lesson: 0,
            event: Event {
                sequence,
                time_ns: 0,
                connection: Some(ConnectionId(1)),
                end: End::Server,
                action: Action::Read(Data::whole(vec![0; bytes])),
                worker: None,
                source: None,
            },
        }
    }

    fn take_all(queue: &Queue) -> Vec<ToPage> {
        let mut messages = Vec::new();
        loop {
            let frame = queue.take_now(64 * 1024);
            if frame.is_empty() {
                return messages;
            }
            messages.extend(ToPage::decode(&frame).unwrap());
        }
    }

    #[test]
    fn what_does_not_fit_is_counted_where_it_was_lost() {
        let queue = Queue::new(&Limits::default());
        for sequence in 0..MAX_QUEUED_MESSAGES as u64 + 5 {
            queue.push_event(event(sequence, 1));
        }
        let first = queue.take_now(1);
        assert_eq!(ToPage::decode(&first).unwrap(), [event(0, 1)]);
        queue.push_answer(ToPage::Pong { nonce: 7 });
        queue.push_event(event(9_999, 1));

        let messages = take_all(&queue);
        assert_eq!(messages.len(), MAX_QUEUED_MESSAGES - 1 + 3);
        assert_eq!(
            messages[MAX_QUEUED_MESSAGES - 1..],
            [
                ToPage::Gap { count: 5 },
                ToPage::Pong { nonce: 7 },
                ToPage::Gap { count: 1 },
            ]
        );
    }

    #[test]
    fn bytes_are_bounded_too() {
        let queue = Queue::new(&Limits::default());
        for sequence in 0..1_000 {
            queue.push_event(event(sequence, 16 * 1024));
        }
        let messages = take_all(&queue);
        let kept = messages.len() as u64 - 1;
        assert!(kept <= 64, "{kept} events of 16 KiB were kept");
        assert_eq!(
            messages.last(),
            Some(&ToPage::Gap {
                count: 1_000 - kept
            })
        );
    }

    #[test]
    fn packets_leave_room_for_events_and_are_counted_when_they_are_lost() {
        let queue = Queue::new(&Limits::default());
        for sequence in 0..MAX_QUEUED_MESSAGES as u64 {
            queue.push_packet(3, event(sequence, 1));
        }
        queue.push_event(event(9_999, 1));
        queue.push_lost_packets(2, 5);
        queue.push_lost_packets(2, 0);

        let messages = take_all(&queue);
        let half = MAX_QUEUED_MESSAGES as u64 / 2;
        let lost = |lesson, packets| ToPage::Lost { lesson, packets };
        assert_eq!(messages[..2], [lost(2, 5), lost(3, half)]);
        assert_eq!(messages.len() as u64, 2 + half + 1);
        assert_eq!(messages.last(), Some(&event(9_999, 1)));
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_awaited_until_most_is_taken() {
        let queue = Queue::new(&Limits::default());
        queue.room().await;
        for sequence in 0..MAX_QUEUED_MESSAGES as u64 {
            queue.push_event(event(sequence, 1));
        }
        let room = queue.room();
        tokio::pin!(room);
        assert!(
            tokio::time::timeout(Duration::from_secs(60), &mut room)
                .await
                .is_err()
        );
        take_all(&queue);
        room.await;
    }

    #[tokio::test]
    async fn a_closed_queue_holds_nothing_and_stops_nobody() {
        let queue = Queue::new(&Limits::default());
        queue.push_event(event(1, 1));
        queue.close();
        queue.push_event(event(2, 1));
        assert!(take_all(&queue).is_empty());
        queue.room().await;
    }
}
