//! Who sees what happens at a lesson's server.
//!
//! The session that opened a connection sees it, alone. A connection that another program opened
//! is seen by every session that watches the lesson. What concerns the listening socket itself
//! says nothing about anyone and goes to all who watch.

mod expected;
mod flows;
mod peers;
mod samples;
mod sightings;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wire::session::{LessonIndex, Stats, Transport};
use wire::{Action, Address, ConnectionId, Event, ToPage};

use self::expected::Expectations;
pub(super) use self::flows::Sighting;
use self::flows::{Alive, Flow, Flows, Whose};
use self::peers::Peers;
pub(super) use self::samples::Source;
use self::samples::{Samples, is_transfer};
use super::limits::{TCP_AFTERLIFE_TIME, UDP_AFTERLIFE_TIME};
use super::queue::Queue;
use crate::tap::{Conversation, Router, Sink};

/// The ids of one gateway's conversations; none is given twice.
#[derive(Clone, Default)]
pub(super) struct Ids(Arc<AtomicU64>);

impl Ids {
    pub(super) fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The router of one lesson.
#[derive(Clone)]
pub(super) struct LessonRouter(Arc<Inner>);

struct Inner {
    lesson: LessonIndex,
    transport: Transport,
    ids: Ids,
    samples: Samples,
    // Held for a few instructions and never across an await.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The connections of sessions, until the server accepts them.
    expected: Expectations,
    /// The peers of a UDP lesson.
    peers: Peers,
    watchers: HashMap<u64, Arc<Queue>>,
    /// Whose packets are whose.
    flows: Flows,
    /// The sessions that want to see packets, of what they may see.
    lookers: HashMap<u64, Arc<Queue>>,
    /// The accept events of open connections of outside programs.
    outside: HashMap<ConnectionId, Event>,
    /// What the listening socket waits in.
    waiting: Option<Event>,
    /// What serving costs, for the lessons that tell it.
    stats: Option<Stats>,
}

/// The session behind a connection.
#[derive(Clone)]
struct Owner {
    id: ConnectionId,
    queue: Arc<Queue>,
    alive: Option<Arc<Alive>>,
}

impl LessonRouter {
    /// Of the lesson whose server listens at `server`.
    pub(super) fn new(
        lesson: LessonIndex,
        transport: Transport,
        server: &Address,
        ids: Ids,
        source: Source,
    ) -> Self {
        let server = server.ip().filter(|_| transport == Transport::Tcp);
        Self(Arc::new(Inner {
            samples: Samples::new(lesson, server, source),
            lesson,
            transport,
            ids,
            state: Mutex::default(),
        }))
    }

    /// Gives `queue` what happens from now on, and what it needs to make sense of it.
    pub(super) fn watch(&self, session: u64, queue: &Arc<Queue>) {
        let mut state = self.0.state();
        if state.watchers.insert(session, Arc::clone(queue)).is_some() {
            return;
        }
        let mut known: Vec<_> = state.outside.values().chain(&state.waiting).collect();
        known.sort_by_key(|event| event.sequence);
        for event in known {
            queue.push_event(self.0.message(event.clone()));
        }
        if let Some(stats) = state.stats {
            queue.push_event(self.0.stats(stats));
        }
    }

    /// Tells all who watch what serving costs now: numbers, which say nothing about anyone.
    pub(super) fn report(&self, stats: Stats) {
        let mut state = self.0.state();
        state.stats = Some(stats);
        for queue in state.watchers.values() {
            queue.push_event(self.0.stats(stats));
        }
    }

    /// Tells this session, or tells it no more, what the kernel says of the connections that it
    /// sees.
    pub(super) fn look_at_kernel(&self, session: u64, queue: Option<&Arc<Queue>>) {
        self.0.samples.look(session, queue);
    }

    /// Asks the kernel now and then, while somebody looks. Never ends.
    pub(super) async fn sample(&self) {
        self.0.samples.run().await;
    }

    pub(super) fn unwatch(&self, session: u64) {
        self.0.samples.look(session, None);
        self.0.state().watchers.remove(&session);
        self.look_at_packets(session, None);
    }

    /// A sink for what a session's own connection does.
    pub(super) fn session_sink(&self, queue: &Arc<Queue>) -> Arc<dyn Sink> {
        self.0.session_sink(Arc::clone(queue), None)
    }

    /// Announces that what comes from `local` belongs to a session, until the result is dropped.
    /// For TCP also until the server has accepted it, once it is [`Expected::stands`].
    pub(super) fn expect(&self, local: &Address, id: ConnectionId, queue: &Arc<Queue>) -> Expected {
        if let Some(local) = local.ip() {
            self.0.samples.note(id, local, Some(Arc::clone(queue)));
        }
        let mut state = self.0.state();
        let alive = local.ip().map(|local| {
            let flow = Flow::new(id, Whose::Session(Arc::clone(queue)));
            let flow = flow
                .that_begins_now()
                .with_afterlife(match self.0.transport {
                    Transport::Udp => UDP_AFTERLIFE_TIME,
                    Transport::Tcp | Transport::Unix => TCP_AFTERLIFE_TIME,
                });
            let alive = flow.alive();
            // What waits came from whoever had the port before.
            state.flows.waited_for(local);
            state.flows.insert(local, flow);
            alive
        });
        let owner = Owner {
            id,
            queue: Arc::clone(queue),
            alive: alive.clone(),
        };
        match self.0.transport {
            Transport::Tcp | Transport::Unix => state.expected.insert(local.clone(), owner),
            Transport::Udp => {
                if let Some(local) = local.ip() {
                    state.peers.expect(local, owner);
                }
            }
        }
        Expected {
            router: self.clone(),
            local: local.clone(),
            stands: false,
            _alive: alive,
        }
    }
}

/// A place kept for a connection of a session.
pub(super) struct Expected {
    router: LessonRouter,
    local: Address,
    stands: bool,
    _alive: Option<Arc<Alive>>,
}

impl Expected {
    /// The kernel has made the connection: the server will accept it, even if it is closed first.
    pub(super) fn stands(&mut self) {
        self.stands = true;
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        let inner = &self.router.0;
        match inner.transport {
            Transport::Tcp | Transport::Unix if self.stands => {}
            Transport::Tcp | Transport::Unix => inner.state().expected.is_undecided(&self.local),
            Transport::Udp => {
                if let Some(local) = self.local.ip() {
                    inner.state().peers.retire(local);
                }
            }
        }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn message(&self, event: Event) -> ToPage {
        ToPage::Event {
            lesson: self.lesson,
            event,
        }
    }

    /// What an event is to the samples, if anybody looks at them.
    fn news(&self, event: &Event) -> Option<(ConnectionId, bool)> {
        let looked_at = event.connection.filter(|_| self.samples.is_looked_at());
        looked_at.map(|id| (id, is_transfer(&event.action)))
    }

    fn sample_after(&self, news: Option<(ConnectionId, bool)>) {
        if let Some((id, is_transfer)) = news {
            self.samples.sample_after(id, is_transfer);
        }
    }

    fn stats(&self, stats: Stats) -> ToPage {
        let lesson = self.lesson;
        ToPage::Stats { lesson, stats }
    }

    fn to_watchers(&self, state: &State, event: &Event) {
        if state.watchers.is_empty() {
            return;
        }
        let message = Arc::new(self.message(event.clone()));
        for queue in state.watchers.values() {
            queue.push_event(&message);
        }
    }

    fn session_sink(
        self: &Arc<Self>,
        queue: Arc<Queue>,
        alive: Option<Arc<Alive>>,
    ) -> Arc<dyn Sink> {
        Arc::new(SessionSink {
            router: Arc::clone(self),
            queue,
            _alive: alive,
        })
    }

    fn owned(self: &Arc<Self>, owner: Owner) -> Conversation {
        Conversation {
            id: owner.id,
            sink: self.session_sink(owner.queue, owner.alive),
        }
    }
}

impl Router for LessonRouter {
    fn conversation_with(&self, peer: &Address) -> Conversation {
        let mut state = self.0.state();
        // `accept` or `recv_from` has returned, so the server does not wait in it any more.
        state.waiting = None;
        let fresh = || ConnectionId(self.0.ids.next());
        let (owner, id) = match self.0.transport {
            Transport::Tcp | Transport::Unix => match state.expected.take(peer) {
                Some(owner) => (Some(owner), None),
                None => (None, Some(fresh())),
            },
            Transport::Udp => match peer.ip().map(|peer| state.peers.find(peer, fresh)) {
                Some(peers::Found::Session(owner)) => (Some(owner), None),
                Some(peers::Found::Outside(id)) => (None, Some(id)),
                None => (None, Some(fresh())),
            },
        };
        drop(state);
        match (owner, id) {
            (Some(owner), _) => self.0.owned(owner),
            (None, id) => {
                let id = id.unwrap_or_else(fresh);
                if let Some(peer) = peer.ip() {
                    self.0.samples.note(id, peer, None);
                }
                Conversation {
                    id,
                    sink: Arc::new(OutsideSink {
                        router: Arc::clone(&self.0),
                        id,
                        _alive: peer.ip().and_then(|client| self.0.meet(client, id)),
                    }),
                }
            }
        }
    }

    fn listening(&self) -> Arc<dyn Sink> {
        Arc::new(ListeningSink(Arc::clone(&self.0)))
    }
}

struct SessionSink {
    router: Arc<Inner>,
    queue: Arc<Queue>,
    _alive: Option<Arc<Alive>>,
}

impl Sink for SessionSink {
    fn record(&self, event: Event) {
        let news = self.router.news(&event);
        self.queue.push_event(self.router.message(event));
        self.router.sample_after(news);
    }
}

struct OutsideSink {
    router: Arc<Inner>,
    id: ConnectionId,
    _alive: Option<Arc<Alive>>,
}

impl Sink for OutsideSink {
    fn record(&self, event: Event) {
        let mut state = self.router.state();
        match &event.action {
            Action::Accept { .. } => _ = state.outside.insert(self.id, event.clone()),
            Action::Close | Action::Reset => _ = state.outside.remove(&self.id),
            _ => {}
        }
        self.router.to_watchers(&state, &event);
        drop(state);
        self.router.sample_after(self.router.news(&event));
    }
}

impl Drop for OutsideSink {
    fn drop(&mut self) {
        // A datagram's peer has a sink per datagram and is never in this table.
        if self.router.transport.is_stream() {
            self.router.state().outside.remove(&self.id);
        }
    }
}

struct ListeningSink(Arc<Inner>);

impl Sink for ListeningSink {
    fn record(&self, event: Event) {
        let mut state = self.0.state();
        state.waiting = match event.action {
            Action::Wait { .. } => Some(event.clone()),
            _ => None,
        };
        self.0.to_watchers(&state, &event);
    }
}
