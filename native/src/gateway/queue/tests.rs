//! What the queue keeps, and what it counts.

use std::sync::Arc;
use std::time::Duration;

use wire::{Action, ConnectionId, Data, End, Event, ToPage};

use super::line::Queue;
use crate::gateway::limits::Limits;

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
fn what_all_are_told_is_held_once() {
    let limits = Limits::default();
    let queues = [Queue::new(&limits), Queue::new(&limits)];
    let message = Arc::new(event(7, 16 * 1024));
    queues.iter().for_each(|queue| queue.push_event(&message));
    assert_eq!(Arc::strong_count(&message), 3);
    for queue in &queues {
        assert_eq!(take_all(queue), [event(7, 16 * 1024)]);
    }
    assert_eq!(Arc::strong_count(&message), 1);
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
