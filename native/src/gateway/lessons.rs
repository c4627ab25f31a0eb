//! The lesson servers while they run.

mod place;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;
use tracing::{error, info};
use wire::session::{LessonIndex, RelaySettings, Server, Stats, Transport};

use self::place::{Bound, Place};
use super::limits::{Limits, STATS_INTERVAL};
use super::router::{Ids, LessonRouter, Source};
use crate::kernel::Asker;
use crate::lessons::{ClientProgram, LESSONS, Start, udp_relay};
use crate::network::Settings;
#[cfg(unix)]
use crate::tap::net::UnixListener;
use crate::tap::net::{Clients, Network, TcpListener, UdpSocket};
use crate::tap::{Clock, Tap};

/// Where the lesson servers listen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LessonPorts {
    /// Where programs from common tutorials connect, or near it if that port is taken.
    #[default]
    Default,
    /// Wherever the system has a free port.
    Any,
}

/// Every lesson's server.
pub(super) struct Lessons {
    all: Vec<Lesson>,
    servers: Vec<Server>,
    tasks: TaskTracker,
}

/// One lesson's server.
pub(super) struct Lesson {
    pub(super) server: Server,
    pub(super) router: LessonRouter,
    /// What the relay in front of its server does to whom, if there is one.
    pub(super) relay: Option<Settings>,
    /// Where its server is if a relay is in front of it, and which of the relay's sockets is whose.
    pub(super) behind_relay: Option<(SocketAddr, Clients)>,
    /// What sends messages for the reader, if the socket alone does not.
    pub(super) client: Option<ClientProgram>,
    tap: Tap,
    /// Whether this system has what it takes.
    is_possible: bool,
    /// Why it does not run any more.
    failure: Arc<Mutex<Option<String>>>,
}

impl Lessons {
    /// Binds every lesson's socket and starts its server.
    pub(super) async fn start(
        ports: LessonPorts,
        folder: &Path,
        clock: &Clock,
        ids: &Ids,
        asker: Option<Arc<dyn Asker>>,
        permits: &Arc<Semaphore>,
        limits: &Limits,
    ) -> anyhow::Result<Self> {
        let tasks = TaskTracker::new();
        let mut all = Vec::with_capacity(LESSONS.len());
        for (index, (lesson, place)) in LESSONS
            .iter()
            .zip(Place::find_all(ports, folder).await?)
            .enumerate()
        {
            let server = Server {
                lesson: lesson.name.to_owned(),
                transport: lesson.transport(),
                address: place.address,
            };
            let index = LessonIndex::try_from(index).context("too many lessons")?;
            let source = Source {
                asker: asker.clone(),
                clock: clock.clone(),
                patience: limits.connect,
            };
            let (transport, address) = (server.transport, &server.address);
            let router = LessonRouter::new(index, transport, address, ids.clone(), source);
            let tap = Tap::new(clock.clone(), Arc::new(router.clone()), Arc::clone(permits));
            let has_stats = lesson.has_stats;
            let lesson = Lesson {
                server,
                router,
                tap,
                relay: relay_settings(lesson.start),
                client: match lesson.start {
                    Start::Relayed(relayed) => relayed.client,
                    _ => None,
                },
                behind_relay: match &place.socket {
                    Ok(Bound::Relayed { server_address, .. }) => {
                        Some((*server_address, Clients::default()))
                    }
                    _ => None,
                },
                is_possible: place.socket.is_ok(),
                failure: Arc::default(),
            };
            match place.socket {
                Ok(socket) => lesson.serve(socket, &tasks),
                Err(why) => lesson.fails(&format!("cannot run on this system: {why}")),
            }
            if has_stats {
                tasks.spawn(report(lesson.tap.clone(), lesson.router.clone()));
            }
            if lesson.server.transport == Transport::Tcp && asker.is_some() {
                tasks.spawn(sample(lesson.tap.clone(), lesson.router.clone()));
            }
            all.push(lesson);
        }
        tasks.close();
        let servers = all.iter().map(|lesson| lesson.server.clone()).collect();
        Ok(Self {
            all,
            servers,
            tasks,
        })
    }

    /// All of them, in the order of the book.
    pub(super) fn all(&self) -> &[Lesson] {
        &self.all
    }

    /// Where they listen, in the order of the book.
    pub(super) fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The lesson of this name if its server runs; otherwise a sentence for the reader.
    pub(super) fn running(&self, name: &str) -> Result<&Lesson, String> {
        let Some(lesson) = self.all.iter().find(|lesson| lesson.server.lesson == name) else {
            return Err(
                "This gateway has no such lesson: load the page anew, or update Wirebook."
                    .to_owned(),
            );
        };
        match &*lesson.failure() {
            None => Ok(lesson),
            Some(why) => Err(format!("{why} Start Wirebook anew to start it again.")),
        }
    }

    /// A sentence for each server that does not run any more.
    pub(super) fn failures(&self) -> Vec<String> {
        self.all
            .iter()
            .filter(|lesson| lesson.is_possible)
            .filter_map(|lesson| lesson.failure().clone())
            .collect()
    }

    /// How many connections the servers have accepted and not closed.
    pub(super) fn connection_count(&self) -> usize {
        self.all
            .iter()
            .filter(|lesson| lesson.server.transport != Transport::Udp)
            .map(|lesson| lesson.tap.connection_count())
            .sum()
    }

    /// This session looks on no more.
    pub(super) fn unwatch(&self, session: u64) {
        for lesson in &self.all {
            lesson.router.unwatch(session);
        }
    }

    /// Lets every call of every server fail, so that they end.
    pub(super) fn cut(&self) {
        for lesson in &self.all {
            lesson.tap.cut();
        }
    }

    /// Waits until all servers and their connections are gone. Comes after [`Lessons::cut`].
    pub(super) async fn drained(&self) {
        self.tasks.wait().await;
        for lesson in &self.all {
            lesson.tap.drained().await;
        }
    }
}

impl Lesson {
    fn failure(&self) -> MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fails(&self, why: &str) {
        note_failure(&self.failure, &self.server.lesson, why);
    }

    fn serve(&self, socket: Bound, tasks: &TaskTracker) {
        // Each in a task or thread of its own, so that a panic in a lesson is its end and nobody
        // else's.
        let tap = &self.tap;
        let server = match socket {
            Bound::Tcp(listener, start) => {
                tasks.spawn(tap.serve(start(TcpListener::watch(listener, tap))))
            }
            Bound::Udp(socket, start) => {
                tasks.spawn(tap.serve(start(UdpSocket::watch(socket, tap))))
            }
            Bound::Relayed {
                front,
                server,
                server_address,
                lesson,
            } => {
                let settings = self.relay.clone().unwrap_or_default();
                let clients = self.behind_relay.clone();
                let clients = clients.map(|(_, clients)| clients).unwrap_or_default();
                let network = Network::watch(server_address, settings, clients, tap);
                let serving = (lesson.serve)(network.watch_server(server));
                let front = UdpSocket::watch_relay(front, tap);
                let relaying = tap.serve(Box::pin(udp_relay::relay(front, network)));
                tasks.spawn(both(relaying, tap.serve(serving)))
            }
            #[cfg(unix)]
            Bound::Unix(mut file, start) => {
                let listener = file.listener.take();
                let tap = self.tap.clone();
                tasks.spawn(self.tap.serve(Box::pin(async move {
                    let listener = listener.ok_or(io::ErrorKind::NotFound)?;
                    let result = start(UnixListener::watch(listener, &tap)).await;
                    drop(file);
                    result
                })))
            }
            Bound::Thread(listener, start) => {
                let own = tap.clone();
                let serving =
                    tap.serve_in_thread(&self.server.lesson, move || start(listener, &own));
                tasks.spawn(async { serving?.await })
            }
            Bound::Held(held) => {
                let tap = tap.clone();
                tasks.spawn(async move {
                    tap.until_cut().await;
                    drop(held);
                    Ok(())
                })
            }
        };
        let name = self.server.lesson.clone();
        let (tap, failure) = (self.tap.clone(), Arc::clone(&self.failure));
        tasks.spawn(async move {
            let why = match server.await {
                Ok(Ok(())) => "it ended".to_owned(),
                Ok(Err(error)) => error.to_string(),
                Err(panic) => panic.to_string(),
            };
            if tap.is_cut() {
                return info!(lesson = name, "a lesson's server has stopped");
            }
            error!(lesson = name, why, "a lesson's server has failed");
            // Its open connections would wait for a server that does not exist.
            tap.cut();
            note_failure(&failure, &name, &format!("has failed: {why}"));
        });
    }
}

/// Two tasks that cannot do without each other: the end of one is the end of both.
async fn both(
    one: impl Future<Output = io::Result<()>> + Send + 'static,
    other: impl Future<Output = io::Result<()>> + Send + 'static,
) -> io::Result<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(one);
    tasks.spawn(other);
    match tasks.join_next().await {
        Some(ended) => ended.map_err(io::Error::other)?,
        None => Ok(()),
    }
}

/// What the relay does before a client asks for something else.
fn relay_settings(start: Start) -> Option<Settings> {
    match start {
        Start::Relayed(relayed) => Some(Settings::new(RelaySettings {
            loss_percent: relayed.loss_percent,
            ..RelaySettings::default()
        })),
        _ => None,
    }
}

fn note_failure(failure: &Mutex<Option<String>>, lesson: &str, why: &str) {
    *failure.lock().unwrap_or_else(PoisonError::into_inner) =
        Some(format!("The server of {lesson} {why}."));
}

/// Asks the kernel about the connections of a lesson for as long as its server runs.
async fn sample(tap: Tap, router: LessonRouter) {
    tokio::select! {
        () = router.sample() => {}
        () = tap.until_cut() => {}
    }
}

/// Tells who watches a lesson what serving costs its server: on change, and at a slow pace.
async fn report(tap: Tap, router: LessonRouter) {
    let mut last = Stats::default();
    while let Some(stats) = tap.stats_after(&last).await {
        router.report(stats);
        last = stats;
        tokio::time::sleep(STATS_INTERVAL).await;
    }
}
