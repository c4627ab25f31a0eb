//! The queue under every order of its users that a scheduler finds.
//!
//! shuttle runs the queue's own code thousands of times and decides at each lock and each wait who
//! goes on; a wake-up that is lost is a deadlock there. tokio's [`Notify`](tokio::sync::Notify) is
//! in [`sync`] as its documentation has it, because shuttle schedules nothing inside tokio.

#[path = "../line.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "it is the same code, with other means to wait"
)]
mod line;
mod sync;

use std::sync::Arc;

use shuttle::future::{JoinHandle, block_on, spawn};
use wire::ToPage;

use self::line::Queue;
use crate::gateway::limits::Limits;

/// How many orders are tried.
const ORDERS: usize = 150;

fn queue(messages: usize) -> Arc<Queue> {
    Arc::new(Queue::new(&Limits {
        queued_messages: messages,
        ..Limits::default()
    }))
}

/// Tries orders at random, and then those with few turns at unlikely places.
fn in_every_order(users: impl Fn() + Send + Sync + Copy + 'static) {
    shuttle::check_random(users, ORDERS);
    shuttle::check_pct(users, ORDERS, 3);
}

fn message() -> ToPage {
    ToPage::Pong { nonce: 1 }
}

/// The page: takes until it was told of so many messages; how many of them were lost.
async fn hear(queue: Arc<Queue>, count: u64) -> u64 {
    let (mut heard, mut lost) = (0, 0);
    while heard < count {
        for message in ToPage::decode(&queue.take(64).await).unwrap() {
            match message {
                ToPage::Gap { count } | ToPage::Lost { packets: count, .. } => {
                    heard += count;
                    lost += count;
                }
                _ => heard += 1,
            }
        }
    }
    assert_eq!(heard, count);
    lost
}

fn done<T>(task: JoinHandle<T>) -> T {
    block_on(task).unwrap()
}

#[test]
fn whatever_is_pushed_is_taken_or_counted() {
    in_every_order(|| {
        let queue = queue(4);
        let page = spawn(hear(Arc::clone(&queue), 16));
        let pushing = [(); 2].map(|()| {
            let queue = Arc::clone(&queue);
            spawn(async move {
                for _ in 0..6 {
                    queue.push_event(message());
                    sync::yield_now().await;
                }
            })
        });
        // As the threads do that capture packets and ask the kernel.
        for _ in 0..3 {
            if queue.takes_samples() {
                queue.push_packet(1, message());
            } else {
                queue.push_lost_packets(1, 1);
            }
        }
        queue.push_lost_packets(2, 1);
        pushing.into_iter().for_each(done);
        done(page);
    });
}

#[test]
fn who_waits_for_room_goes_on_and_loses_nothing() {
    in_every_order(|| {
        // A quarter of it is room: two that each add one in passing do not fill the rest.
        let queue = queue(8);
        let page = spawn(hear(Arc::clone(&queue), 10));
        let pushing = [(); 2].map(|()| {
            let queue = Arc::clone(&queue);
            spawn(async move {
                for _ in 0..5 {
                    queue.room().await;
                    queue.push_event(message());
                }
            })
        });
        pushing.into_iter().for_each(done);
        assert_eq!(done(page), 0);
    });
}

#[test]
fn a_queue_that_is_closed_lets_everybody_go_and_keeps_nothing() {
    in_every_order(|| {
        let queue = queue(4);
        let waiting = [(); 2].map(|()| {
            let queue = Arc::clone(&queue);
            spawn(async move {
                for _ in 0..4 {
                    queue.room().await;
                    queue.push_answer(message());
                }
            })
        });
        let closing = {
            let queue = Arc::clone(&queue);
            spawn(async move { queue.close() })
        };
        waiting.into_iter().for_each(done);
        done(closing);
        assert!(queue.take_now(64).is_empty());
    });
}

#[test]
fn a_page_that_is_asked_whether_it_is_there_misses_nothing() {
    in_every_order(|| {
        let queue = queue(8);
        let taking = Arc::clone(&queue);
        // What the writer does when it is time for a ping: it stops waiting, and waits anew.
        let page = spawn(async move {
            match sync::at_once(taking.take(64)).await {
                Some(frame) => assert_eq!(ToPage::decode(&frame), Ok(vec![message()])),
                None => _ = hear(taking, 1).await,
            }
        });
        queue.push_event(message());
        done(page);
    });
}
