//! The lesson servers while they run.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::{error, info};
use wire::session::{LessonIndex, Server, Transport};

use super::limits::MAX_PORT_TRIES;
use super::router::{Ids, LessonRouter};
use crate::lessons::{LESSONS, Start};
use crate::tap::net::{TcpListener, UdpSocket};
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
    tap: Tap,
    /// Why it does not run any more.
    failure: Arc<Mutex<Option<String>>>,
}

/// A socket a lesson will be served on.
enum Bound {
    Tcp(
        tokio::net::TcpListener,
        fn(TcpListener) -> crate::lessons::Serving,
    ),
    Udp(
        tokio::net::UdpSocket,
        fn(UdpSocket) -> crate::lessons::Serving,
    ),
}

impl Lessons {
    /// Binds every lesson's socket and starts its server.
    pub(super) async fn start(
        ports: LessonPorts,
        clock: &Clock,
        ids: &Ids,
        permits: &Arc<Semaphore>,
    ) -> anyhow::Result<Self> {
        let mut bound = Vec::with_capacity(LESSONS.len());
        // First come those whose port is free, so that none takes its neighbour's.
        for lesson in &LESSONS {
            bound.push(match ports {
                LessonPorts::Default => bind(lesson.start, lesson.default_port).await.ok(),
                LessonPorts::Any => None,
            });
        }
        let mut all = Vec::with_capacity(LESSONS.len());
        let tasks = TaskTracker::new();
        for (index, (lesson, bound)) in LESSONS.iter().zip(bound).enumerate() {
            let socket = match (bound, ports) {
                (Some(bound), _) => bound,
                (None, LessonPorts::Default) => bind_near(lesson.start, lesson.default_port)
                    .await
                    .with_context(|| format!("no port for the server of {}", lesson.name))?,
                (None, LessonPorts::Any) => bind(lesson.start, 0)
                    .await
                    .with_context(|| format!("no port for the server of {}", lesson.name))?,
            };
            let server = Server {
                lesson: lesson.name.to_owned(),
                transport: lesson.transport(),
                address: socket.address()?,
            };
            let index = LessonIndex::try_from(index).context("too many lessons")?;
            let router = LessonRouter::new(index, server.transport, ids.clone());
            let tap = Tap::new(clock.clone(), Arc::new(router.clone()), Arc::clone(permits));
            let lesson = Lesson {
                server,
                router,
                tap,
                failure: Arc::default(),
            };
            lesson.serve(socket, &tasks);
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
            .filter_map(|lesson| lesson.failure().clone())
            .collect()
    }

    /// How many servers accept connections.
    pub(super) fn listening_count(&self) -> usize {
        self.all
            .iter()
            .filter(|lesson| lesson.server.transport == Transport::Tcp)
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

    fn serve(&self, socket: Bound, tasks: &TaskTracker) {
        let serving = match socket {
            Bound::Tcp(listener, start) => start(TcpListener::watch(listener, &self.tap)),
            Bound::Udp(socket, start) => start(UdpSocket::watch(socket, &self.tap)),
        };
        let name = self.server.lesson.clone();
        let (tap, failure) = (self.tap.clone(), Arc::clone(&self.failure));
        // Its own task, so that a panic in a lesson is its end and nobody else's.
        let server = tasks.spawn(serving);
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
            *failure.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(format!("The server of {name} has failed: {why}."));
        });
    }
}

impl Bound {
    fn address(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Tcp(listener, _) => listener.local_addr(),
            Self::Udp(socket, _) => socket.local_addr(),
        }
    }
}

async fn bind(start: Start, port: u16) -> io::Result<Bound> {
    // Lessons never leave this machine.
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    Ok(match start {
        Start::Tcp(start) => Bound::Tcp(tokio::net::TcpListener::bind(address).await?, start),
        Start::Udp(start) => Bound::Udp(tokio::net::UdpSocket::bind(address).await?, start),
    })
}

/// The next free port upward, so that a reader finds it; any, if all of those are taken.
async fn bind_near(start: Start, port: u16) -> io::Result<Bound> {
    for port in (port..=u16::MAX).skip(1).take(MAX_PORT_TRIES.into()) {
        if is_default_port(start, port) {
            continue;
        }
        if let Ok(bound) = bind(start, port).await {
            return Ok(bound);
        }
    }
    bind(start, 0).await
}

/// Whether another lesson of this transport belongs there; it may come later or be elsewhere today.
fn is_default_port(start: Start, port: u16) -> bool {
    let transport = match start {
        Start::Tcp(_) => Transport::Tcp,
        Start::Udp(_) => Transport::Udp,
    };
    LESSONS
        .iter()
        .any(|lesson| lesson.default_port == port && lesson.transport() == transport)
}
