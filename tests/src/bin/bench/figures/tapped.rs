//! The watched server of the figure [`tap`](super::tap).

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use wire::{Address, ConnectionId, Event};
use wirebook::tap::{self, Clock, Conversation, Router, Sink, Tap};

/// Events that wait; as the gateway's queue it has a limit, and what does not fit is counted.
const MAX_EVENTS: usize = 1_024;

/// Serves `tcp_echo`, watched, and empties the queue of what was observed.
pub(crate) async fn serve(listener: TcpListener) -> io::Result<()> {
    let queue = Arc::new(Queue::default());
    let router = Arc::new(OneQueue {
        queue: Arc::clone(&queue),
        last: AtomicU64::new(0),
    });
    let permits = Arc::new(Semaphore::new(1_024));
    let tap = Tap::new(Clock::new(), router, permits);
    tokio::spawn(async move {
        let mut taken = Vec::new();
        loop {
            queue.filled.notified().await;
            queue.take(&mut taken);
            taken.clear();
        }
    });
    let listener = tap::net::TcpListener::watch(listener, &tap);
    wirebook::lessons::tcp_echo::serve(listener).await
}

#[derive(Default)]
struct Queue {
    events: Mutex<(Vec<Event>, u64)>,
    filled: Notify,
}

impl Queue {
    fn take(&self, into: &mut Vec<Event>) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut events.0, into);
    }
}

impl Sink for Queue {
    fn record(&self, event: Event) {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.0.len() < MAX_EVENTS {
            events.0.push(event);
        } else {
            events.1 += 1;
        }
        drop(events);
        self.filled.notify_one();
    }
}

/// Everything goes into one queue.
struct OneQueue {
    queue: Arc<Queue>,
    last: AtomicU64,
}

impl Router for OneQueue {
    fn conversation_with(&self, _peer: &Address) -> Conversation {
        let sink: Arc<dyn Sink> = Arc::clone(&self.queue) as _;
        let id = ConnectionId(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        Conversation { id, sink }
    }

    fn listening(&self) -> Arc<dyn Sink> {
        Arc::clone(&self.queue) as _
    }
}
