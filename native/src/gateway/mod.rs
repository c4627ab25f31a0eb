//! The gateway: HTTP for the book, WebSocket sessions for its labs, and the lesson servers.
//!
//! A request passes the guard, then becomes a page of the book or a session. A session is one
//! task that owns its connections: when it ends, they end. Lesson servers are watched by the tap;
//! a router per lesson decides which session sees what; a bounded queue per session holds it until
//! the page takes it.
//!
//! What must not happen here: a name or address from a page reaching a socket (pages name lessons
//! only), a bind that is not loopback, a wait inside the recorder, a queue without a bound.

mod browser;
mod door;
mod guard;
mod http;
mod lessons;
pub mod limits;
mod packets;
mod pulse;
mod queue;
mod router;
mod sessions;
mod site;
mod token;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use wire::ToPage;
use wire::session::{Abilities, Server, VERSION, Welcome};

pub use self::browser::{Page, open_browser};
pub use self::lessons::LessonPorts;
pub use self::site::SiteSource;

use self::door::Door;
use self::guard::Guard;
use self::lessons::Lessons;
use self::limits::{HTTP_BACKLOG, Limits};
use self::packets::Packets;
use self::pulse::Pulse;
use self::router::Ids;
use self::site::Site;
use self::token::Token;
use crate::capture::Capture;
use crate::descriptors;
use crate::kernel::{self, Asker};
use crate::tap::Clock;

/// What can be chosen about a gateway.
#[derive(Clone, Debug)]
pub struct Config {
    /// Of the gateway itself, on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where the lesson servers listen.
    pub lesson_ports: LessonPorts,
    /// Where the token is kept.
    pub state_dir: PathBuf,
    /// Where the book comes from.
    pub site: SiteSource,
    /// Where the packets of the lessons come from.
    pub capture: Capture,
    /// Whether somebody works on the book, so that pages follow a new build by themselves.
    pub author: bool,
    /// How much it takes, and how long it waits.
    pub limits: Limits,
}

/// A running gateway. [`Gateway::stop`] lets it end in order; dropping it ends it at once.
pub struct Gateway {
    shared: Arc<Shared>,
    address: SocketAddr,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: DropGuard,
}

/// What requests and sessions have in common.
struct Shared {
    guard: Guard,
    token: Token,
    site: Site,
    lessons: Lessons,
    packets: Packets,
    clock: Clock,
    ids: Ids,
    /// Whether the system tells of TCP connections.
    has_kernel: bool,
    author: bool,
    limits: Arc<Limits>,
    pulse: Pulse,
    greetings: Semaphore,
    sessions: Arc<Semaphore>,
    /// What the lessons' servers may still accept.
    connection_permits: Arc<Semaphore>,
    /// What the sessions may still open; as many, so that what is opened can be accepted.
    client_permits: Arc<Semaphore>,
}

impl Gateway {
    /// Binds everything and starts to serve. Errors are sentences for whoever started it.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        Self::start_everything(config).await.map_err(|error| {
            match descriptors::have_run_out(&error) {
                true => error.context("too few file descriptors: allow more with `ulimit -n`"),
                false => error,
            }
        })
    }

    async fn start_everything(config: Config) -> anyhow::Result<Self> {
        config.limits.check()?;
        let limits = Arc::new(config.limits);
        let listener = listen(config.port)?;
        let address = listener
            .local_addr()
            .context("the gateway has no address")?;
        let token = Token::keep_in(&config.state_dir)?;
        let site = Site::open(config.site)?;
        let clock = Clock::new();
        let ids = Ids::default();
        let connection_permits = Arc::new(Semaphore::new(limits.connections));
        let asker: Option<Arc<dyn Asker>> = match kernel::open() {
            Ok(asker) => Some(asker.into()),
            Err(error) => {
                tracing::info!(%error, "the system tells nothing of TCP connections");
                None
            }
        };
        let lessons = Lessons::start(
            config.lesson_ports,
            &config.state_dir,
            &clock,
            &ids,
            asker.clone(),
            &connection_permits,
            &limits,
        )
        .await?;
        let packets = Packets::start(&config.capture, &clock, &lessons);
        let shared = Arc::new(Shared {
            guard: Guard::new(address, site.script_hashes()),
            token,
            site,
            lessons,
            packets,
            clock,
            ids,
            has_kernel: asker.is_some(),
            author: config.author,
            greetings: Semaphore::new(limits.greetings),
            sessions: Arc::new(Semaphore::new(limits.sessions)),
            connection_permits,
            client_permits: Arc::new(Semaphore::new(limits.connections)),
            limits,
            pulse: Pulse::new(),
        });
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        tasks.spawn(http::serve(
            Door::new(listener, &shared.guard),
            Arc::clone(&shared),
            tasks.clone(),
            stop.clone(),
        ));
        let (beating, beating_stop) = (Arc::clone(&shared), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = beating.pulse.run() => {}
                () = beating_stop.cancelled() => {}
            }
        });
        Ok(Self {
            shared,
            address,
            tasks,
            _stop_on_drop: stop.clone().drop_guard(),
            stop,
        })
    }

    /// What a reader opens. It contains the token: show it to them alone.
    pub fn link(&self) -> String {
        let origin = self.shared.guard.origin();
        format!("{origin}/#token={}", self.shared.token.reveal())
    }

    /// Where the gateway listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the lesson servers listen, in the order of the book.
    pub fn servers(&self) -> &[Server] {
        self.shared.lessons.servers()
    }

    /// How many pages have a session now.
    pub fn session_count(&self) -> usize {
        let shared = &self.shared;
        let free = shared.sessions.available_permits();
        shared.limits.sessions.saturating_sub(free)
    }

    /// How many connections the TCP lessons have now.
    pub fn connection_count(&self) -> usize {
        self.shared.lessons.connection_count()
    }

    /// Takes no more, tells every page, lets every server end. Whether all ended in time.
    pub async fn stop(self) -> bool {
        self.stop.cancel();
        self.tasks.close();
        let drain = async {
            // Pages first: they should hear that the gateway stops, not that lessons broke.
            self.tasks.wait().await;
            self.shared.lessons.cut();
            self.shared.lessons.drained().await;
        };
        let is_drained = tokio::time::timeout(self.shared.limits.drain, drain)
            .await
            .is_ok();
        if !is_drained {
            tracing::warn!("not everything ended in time");
        }
        is_drained
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shared.lessons.cut();
    }
}

impl Shared {
    fn welcome(&self) -> ToPage {
        ToPage::Welcome(Welcome {
            version: VERSION,
            build: self.site.build().to_owned(),
            time_ns: self.clock.now_ns(),
            servers: self.lessons.servers().to_vec(),
            abilities: Abilities {
                author: self.author,
                packets: self.packets.ability(),
                kernel: self.has_kernel,
            },
        })
    }
}

fn listen(port: u16) -> anyhow::Result<TcpListener> {
    match bind(port) {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
            "port {port} is taken, perhaps by another Wirebook. \
             Choose another with --port, or --port 0 for any that is free"
        ),
        Err(error) => Err(error).with_context(|| format!("cannot listen on 127.0.0.1:{port}")),
    }
}

fn bind(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // As tokio's own `bind` does: a port is free when its last user is gone, not a minute later.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(HTTP_BACKLOG)
}
