//! What the kernel says of a lesson's TCP connections, for the pages that look.
//!
//! An end is asked about when a call on either end has finished, and by a slow clock; what is as it
//! was is not told again. While nobody looks, all that this costs is to see that nobody does.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use wire::kernel::TcpState;
use wire::session::LessonIndex;
use wire::{Action, ConnectionId, End, Event, Kernel, ToPage};

use crate::gateway::limits::{
    MAX_SAMPLED_AT_ONCE, MAX_SAMPLED_CONNECTIONS, SAMPLE_CHANGING_TIME, SAMPLE_INTERVAL,
    SAMPLE_INTERVAL_CHANGING, SAMPLE_INTERVAL_TIME_WAIT, SAMPLE_INTERVAL_TRANSFERS,
};
use crate::gateway::queue::Queue;
use crate::kernel::Asker;
use crate::tap::Clock;

/// Where samples come from.
#[derive(Clone)]
pub(in crate::gateway) struct Source {
    /// Who is asked; nobody, on a system that does not tell.
    pub(in crate::gateway) asker: Option<Arc<dyn Asker>>,
    pub(in crate::gateway) clock: Clock,
    /// How long a connection may take to be there.
    pub(in crate::gateway) patience: Duration,
}

/// The connections of one lesson, and who looks at them.
pub(super) struct Samples {
    lesson: LessonIndex,
    /// Where the lesson's server listens, if the kernel can be asked about it.
    server: Option<SocketAddr>,
    source: Source,
    looker_count: AtomicUsize,
    someone_looks: Notify,
    // Held while the kernel is asked, which takes microseconds, and never across an await.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lookers: HashMap<u64, Arc<Queue>>,
    /// The latest connections, oldest first.
    connections: VecDeque<Connection>,
}

/// One connection, from before it is made until nothing is left of it.
struct Connection {
    id: ConnectionId,
    client: SocketAddr,
    /// The session that opened it; an outside program's has none.
    owner: Option<Arc<Queue>>,
    /// What was told last of the client's end and of the server's.
    told: [Option<Kernel>; 2],
    /// Whether it was there when it was last asked about.
    is_there: [bool; 2],
    noted_ns: u64,
    asked_ns: u64,
    changed_ns: u64,
}

const ENDS: [End; 2] = [End::Client, End::Server];

impl Samples {
    pub(super) fn new(lesson: LessonIndex, server: Option<SocketAddr>, source: Source) -> Self {
        Self {
            lesson,
            server: server.filter(|_| source.asker.is_some()),
            source,
            looker_count: AtomicUsize::new(0),
            someone_looks: Notify::new(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No code panics while it holds the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody looks.
    pub(super) fn is_looked_at(&self) -> bool {
        // What it guards has a lock of its own.
        self.looker_count.load(Ordering::Relaxed) > 0
    }

    /// This session looks from now on, or no more.
    pub(super) fn look(&self, session: u64, queue: Option<&Arc<Queue>>) {
        if self.server.is_none() {
            return;
        }
        let mut state = self.state();
        match queue {
            Some(queue) => _ = state.lookers.insert(session, Arc::clone(queue)),
            None => _ = state.lookers.remove(&session),
        }
        let count = state.lookers.len();
        self.looker_count.store(count, Ordering::Relaxed);
        if queue.is_some() {
            // It begins with how everything is.
            for connection in &mut state.connections {
                connection.told = [None, None];
            }
            drop(state);
            self.sample_due(u64::MAX);
            self.someone_looks.notify_one();
        }
    }

    /// There is, or will be, a connection from this client.
    pub(super) fn note(&self, id: ConnectionId, client: SocketAddr, owner: Option<Arc<Queue>>) {
        if self.server.is_none() {
            return;
        }
        let now_ns = self.source.clock.now_ns();
        let mut state = self.state();
        // An address belongs to one connection at a time.
        state.connections.retain(|other| other.client != client);
        if state.connections.len() == MAX_SAMPLED_CONNECTIONS {
            state.connections.pop_front();
        }
        state.connections.push_back(Connection {
            id,
            client,
            owner,
            told: [None, None],
            is_there: [false, false],
            noted_ns: now_ns,
            asked_ns: 0,
            changed_ns: now_ns,
        });
    }

    /// A call on either end of this connection did something.
    pub(super) fn sample_after(&self, id: ConnectionId, is_transfer: bool) {
        let now_ns = self.source.clock.now_ns();
        let mut state = self.state();
        let state = &mut *state;
        let Some(connection) = state.connections.iter_mut().rev().find(|one| one.id == id) else {
            return;
        };
        // Of many transfers in a row not each is worth a sample; the clock makes up for the last.
        let pause_ns = nanos(SAMPLE_INTERVAL_TRANSFERS);
        if !is_transfer || now_ns.saturating_sub(connection.asked_ns) >= pause_ns {
            self.sample(connection, &state.lookers, now_ns);
        }
    }

    /// Asks about every connection whose turn it is at this time.
    fn sample_due(&self, time_ns: u64) {
        let now_ns = self.source.clock.now_ns();
        let mut state = self.state();
        let state = &mut *state;
        let mut room = MAX_SAMPLED_AT_ONCE;
        // The latest first: they are what a reader looks at.
        for connection in state.connections.iter_mut().rev() {
            if room > 0 && connection.due_ns() <= time_ns {
                room -= 1;
                self.sample(connection, &state.lookers, now_ns);
            }
        }
        state
            .connections
            .retain(|connection| !connection.is_over(now_ns, self.source.patience));
    }

    /// Asks about both ends, and tells what is new.
    fn sample(&self, connection: &mut Connection, lookers: &HashMap<u64, Arc<Queue>>, now_ns: u64) {
        let (Some(asker), Some(server)) = (&self.source.asker, self.server) else {
            return;
        };
        let queues: Vec<_> = match &connection.owner {
            None => lookers.values().collect(),
            Some(owner) => (lookers.values())
                .filter(|queue| Arc::ptr_eq(queue, owner))
                .collect(),
        };
        // A page that does not keep up is not burdened: a sample not taken is none lost.
        if queues.is_empty() || !queues.iter().all(|queue| queue.takes_samples()) {
            return;
        }
        connection.asked_ns = now_ns;
        let client = connection.client;
        for (at, end) in ENDS.into_iter().enumerate() {
            let (local, peer) = match end {
                End::Client => (client, server),
                _ => (server, client),
            };
            // The kernel refuses what it has no memory for: the next time it may have some.
            let Ok(answer) = asker.ask(local, peer) else {
                continue;
            };
            let was_there = std::mem::replace(&mut connection.is_there[at], answer.is_some());
            let kernel = match answer {
                Some(kernel) => kernel,
                None if was_there => Kernel::of(TcpState::Closed),
                None => continue,
            };
            if connection.told[at].as_ref() == Some(&kernel) {
                continue;
            }
            connection.changed_ns = now_ns;
            connection.told[at] = Some(kernel.clone());
            let stamp = self.source.clock.stamp();
            for queue in &queues {
                queue.push_event(ToPage::Event {
                    lesson: self.lesson,
                    event: Event {
                        sequence: stamp.sequence,
                        time_ns: stamp.time_ns,
                        connection: Some(connection.id),
                        end,
                        action: Action::Kernel(kernel.clone()),
                        worker: None,
                        source: None,
                    },
                });
            }
        }
    }

    /// The slow clock: runs while somebody looks, for ever.
    pub(super) async fn run(&self) {
        loop {
            while !self.is_looked_at() {
                self.someone_looks.notified().await;
            }
            tokio::time::sleep(SAMPLE_INTERVAL_CHANGING).await;
            self.sample_due(self.source.clock.now_ns());
        }
    }
}

impl Connection {
    /// When it is to be asked about again.
    fn due_ns(&self) -> u64 {
        let is = |state| (self.told.iter().flatten()).any(|kernel| kernel.state == state);
        let is_changing = (self.told.iter().flatten())
            .any(|kernel| !matches!(kernel.state, TcpState::Established | TcpState::Closed));
        let is_fresh = self.asked_ns.saturating_sub(self.changed_ns) < nanos(SAMPLE_CHANGING_TIME);
        let pause = match () {
            () if is_changing && is_fresh => SAMPLE_INTERVAL_CHANGING,
            () if is(TcpState::TimeWait) => SAMPLE_INTERVAL_TIME_WAIT,
            () => SAMPLE_INTERVAL,
        };
        self.asked_ns.saturating_add(nanos(pause))
    }

    /// Whether nothing of it is left in the kernel.
    fn is_over(&self, now_ns: u64, patience: Duration) -> bool {
        let age_ns = now_ns.saturating_sub(self.noted_ns);
        // Its client may not have begun to connect yet.
        let was_there = self.told.iter().any(Option::is_some) || age_ns > nanos(patience);
        self.asked_ns > 0 && was_there && self.is_there == [false, false]
    }
}

/// Whether an event is one of many: bytes moved, or a call waits.
pub(super) fn is_transfer(action: &Action) -> bool {
    matches!(
        action,
        Action::Read(_) | Action::Write(_) | Action::Wait { .. }
    )
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
