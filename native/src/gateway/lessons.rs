//! The lesson servers while they run.

mod place;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio::sync::{Semaphore, oneshot};
use tokio_util::task::TaskTracker;
use tracing::{error, info};
use wire::session::{LessonIndex, RelaySettings, Server};

use self::place::{Bound, Place};
use super::router::{Ids, LessonRouter};
use crate::lessons::{ClientProgram, LESSONS, Start, udp_relay};
use crate::network::Settings;
use crate::tap::net::{Network, TcpListener, UdpSocket};
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
    /// What sends messages for the reader, if the socket alone does not.
    pub(super) client: Option<ClientProgram>,
    tap: Tap,
    /// Whether it holds the permit of its next connection while it waits for it.
    accepts_ahead: bool,
    /// Whether this system has what it takes.
    is_possible: bool,
    /// Why it does not run any more.
    failure: Arc<Mutex<Option<String>>>,
}

impl Lessons {
    /// Binds every lesson's socket and starts its server.
    pub(super) async fn start(
        ports: LessonPorts,
        clock: &Clock,
        ids: &Ids,
        permits: &Arc<Semaphore>,
    ) -> anyhow::Result<Self> {
        let tasks = TaskTracker::new();
        let mut all = Vec::with_capacity(LESSONS.len());
        for (index, (lesson, place)) in LESSONS
            .iter()
            .zip(Place::find_all(ports).await?)
            .enumerate()
        {
            let server = Server {
                lesson: lesson.name.to_owned(),
                transport: lesson.transport(),
                address: place.address.into(),
            };
            let index = LessonIndex::try_from(index).context("too many lessons")?;
            let router = LessonRouter::new(index, server.transport, ids.clone());
            let tap = Tap::new(clock.clone(), Arc::new(router.clone()), Arc::clone(permits));
            let lesson = Lesson {
                server,
                router,
                tap,
                relay: relay_settings(lesson.start),
                client: match lesson.start {
                    Start::Relayed(relayed) => relayed.client,
                    _ => None,
                },
                accepts_ahead: matches!(lesson.start, Start::Tcp(_)),
                is_possible: place.socket.is_ok(),
                failure: Arc::default(),
            };
            match place.socket {
                Ok(socket) => lesson.serve(socket, &tasks),
                Err(why) => lesson.fails(&format!("cannot run on this system: {why}")),
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

    /// How many servers hold a permit for a connection that is still to come.
    pub(super) fn listening_count(&self) -> usize {
        self.all
            .iter()
            .filter(|lesson| lesson.accepts_ahead)
            .filter(|lesson| lesson.failure().is_none())
            .count()
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
        let server = match socket {
            Bound::Tcp(listener, start) => {
                tasks.spawn(start(TcpListener::watch(listener, &self.tap)))
            }
            Bound::Udp(socket, start) => tasks.spawn(start(UdpSocket::watch(socket, &self.tap))),
            Bound::Relayed {
                front,
                server,
                server_address,
                lesson,
            } => {
                let settings = self.relay.clone().unwrap_or_default();
                let network = Network::watch(server_address, settings, &self.tap);
                let serving = (lesson.serve)(network.watch_server(server));
                let front = UdpSocket::watch_relay(front, &self.tap);
                let relaying = udp_relay::relay(front, network);
                tasks.spawn(async move { tokio::try_join!(relaying, serving).map(|_| ()) })
            }
            Bound::Thread(listener, start) => {
                let tap = self.tap.clone();
                let name = self.server.lesson.clone();
                tasks.spawn(in_thread(name, move || start(listener, &tap)))
            }
            Bound::Held(held) => {
                let tap = self.tap.clone();
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

/// Runs `serve` in a thread named like the lesson.
async fn in_thread(
    lesson: String,
    serve: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    let (sender, ended) = oneshot::channel();
    std::thread::Builder::new().name(lesson).spawn(move || {
        // Nobody waits for it any more when the gateway was ended at once.
        let _ = sender.send(serve());
    })?;
    ended
        .await
        .unwrap_or_else(|_| Err(io::Error::other("its thread has panicked")))
}
