//! Real sockets on the loopback, and what their taps record.

mod calls;
mod link;
mod stopping;
mod stream;
mod tally;
mod threads;
mod udp;

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpSocket;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use wire::{Action, Address, ConnectionId, End, Event};

use super::net::{TcpListener, TcpStream};
use super::{Clock, Conversation, Router, Sink, Tap};

/// Longer than anything here takes; a test that waits for what never comes fails in the end.
const DEADLINE: Duration = Duration::from_secs(20);

/// Remembers every event, of every connection.
#[derive(Default)]
struct Recorder {
    events: Mutex<Vec<Event>>,
    news: Notify,
}

impl Sink for Recorder {
    fn record(&self, event: Event) {
        self.events.lock().unwrap().push(event);
        self.news.notify_waiters();
    }
}

impl Recorder {
    /// Everything so far, in the order of the events' numbers.
    fn events(&self) -> Vec<Event> {
        let mut events = self.events.lock().unwrap().clone();
        events.sort_by_key(|event| event.sequence);
        events
    }

    /// Waits for the first event like this.
    async fn first(&self, like: impl Fn(&Event) -> bool) -> Event {
        self.until(|events| events.iter().find(|event| like(event)).cloned())
            .await
    }

    /// Waits until there is an answer in the events.
    async fn until<T>(&self, answer: impl Fn(&[Event]) -> Option<T>) -> T {
        let waiting = async {
            loop {
                let news = self.news.notified();
                if let Some(answer) = answer(&self.events()) {
                    return answer;
                }
                news.await;
            }
        };
        match tokio::time::timeout(DEADLINE, waiting).await {
            Ok(answer) => answer,
            Err(_) => panic!("not in {:#?}", self.events()),
        }
    }

    /// What one end did, as verbs.
    fn verbs(&self, end: End) -> Vec<&'static str> {
        let events = self.events();
        let of_end = events.iter().filter(|event| event.end == end);
        of_end.map(|event| event.action.verb()).collect()
    }
}

/// A server's surroundings: everything it does goes to one recorder.
#[derive(Clone)]
struct World {
    clock: Clock,
    recorder: Arc<Recorder>,
    conversations: Arc<Mutex<HashMap<Address, ConnectionId>>>,
}

impl Router for World {
    fn conversation_with(&self, peer: &Address) -> Conversation {
        let mut conversations = self.conversations.lock().unwrap();
        let next = ConnectionId(conversations.len() as u64);
        Conversation {
            id: *conversations.entry(peer.clone()).or_insert(next),
            sink: Arc::clone(&self.recorder) as Arc<dyn Sink>,
        }
    }

    fn listening(&self) -> Arc<dyn Sink> {
        Arc::clone(&self.recorder) as Arc<dyn Sink>
    }
}

impl World {
    fn new() -> Self {
        Self {
            clock: Clock::new(),
            recorder: Arc::default(),
            conversations: Arc::default(),
        }
    }

    fn tap(&self, permits: usize) -> Tap {
        let permits = Arc::new(Semaphore::new(permits));
        Tap::new(self.clock.clone(), Arc::new(self.clone()), permits)
    }

    /// A watched listener on a free port.
    async fn listen(&self, tap: &Tap) -> (TcpListener, SocketAddr) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (TcpListener::watch(listener, tap), address)
    }

    /// The client's end, known to the router before it connects.
    async fn connect(&self, address: SocketAddr) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let conversation = self.conversation(socket.local_addr().unwrap());
        let cut = CancellationToken::new();
        TcpStream::connect_client(socket, address, self.clock.clone(), conversation, cut).await
    }

    /// Both ends of one connection.
    async fn pair(&self) -> (TcpStream, TcpStream) {
        let (listener, address) = self.listen(&self.tap(8)).await;
        let (client, server) = tokio::join!(self.connect(address), listener.accept());
        (client.unwrap(), server.unwrap().0)
    }
}

/// The line that made a call, as `file:line`.
fn place(event: &Event) -> Option<String> {
    let source = event.source.as_ref()?;
    Some(format!("{}:{}", source.file, source.line))
}

fn is_server(event: &Event) -> bool {
    event.end == End::Server
}

fn text(event: &Event) -> &str {
    match &event.action {
        Action::Read(data) | Action::Write(data) => std::str::from_utf8(&data.bytes).unwrap(),
        _ => "",
    }
}

/// Polls once. The future must have to wait.
async fn poll_once<F: Future>(future: &mut std::pin::Pin<&mut F>) {
    let poll = std::future::poll_fn(|context| {
        std::task::Poll::Ready(future.as_mut().poll(context).is_pending())
    });
    assert!(poll.await, "it did not have to wait");
}
