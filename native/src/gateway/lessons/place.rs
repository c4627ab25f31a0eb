//! Where each lesson's server listens.

#[cfg(unix)]
mod unix;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use anyhow::Context as _;
use wire::Address;

use super::LessonPorts;
use crate::gateway::limits::MAX_PORT_TRIES;
use crate::lessons::{Held, LESSONS, Lesson, Relayed, Serving, Start};
use crate::tap::Tap;
#[cfg(unix)]
use crate::tap::net::UnixListener;
use crate::tap::net::{TcpListener, UdpSocket};

/// The place of one lesson.
pub(super) struct Place {
    pub(super) address: Address,
    /// Or why this system cannot have it.
    pub(super) socket: Result<Bound, String>,
}

/// A socket a lesson will be served on.
pub(super) enum Bound {
    Tcp(tokio::net::TcpListener, fn(TcpListener) -> Serving),
    Udp(tokio::net::UdpSocket, fn(UdpSocket) -> Serving),
    Relayed {
        /// Where the clients send to.
        front: tokio::net::UdpSocket,
        server: tokio::net::UdpSocket,
        server_address: SocketAddr,
        lesson: Relayed,
    },
    #[cfg(unix)]
    Unix(unix::SocketFile, fn(UnixListener) -> Serving),
    Thread(
        std::net::TcpListener,
        fn(std::net::TcpListener, &Tap) -> io::Result<()>,
    ),
    Held(Held),
}

impl Place {
    /// One for every lesson, in their order. Those with a path get it in `folder`, which is private.
    pub(super) async fn find_all(ports: LessonPorts, folder: &Path) -> anyhow::Result<Vec<Self>> {
        let mut at_default = Vec::with_capacity(LESSONS.len());
        // First come those whose port is free, so that none takes its neighbour's.
        for lesson in LESSONS {
            at_default.push(match ports {
                LessonPorts::Default => bind(lesson.start, lesson.default_port).await.ok(),
                LessonPorts::Any => None,
            });
        }
        let mut places = Vec::with_capacity(LESSONS.len());
        for (lesson, bound) in LESSONS.iter().zip(at_default) {
            #[cfg(unix)]
            if let Start::Unix(start) = lesson.start {
                places.push(unix::place(lesson.name, folder, start));
                continue;
            }
            let bound = match (bound, ports) {
                (Some(bound), _) => Ok(bound),
                (None, LessonPorts::Default) => bind_near(lesson.start, lesson.default_port).await,
                (None, LessonPorts::Any) => bind(lesson.start, 0).await,
            };
            places.push(Self::of(lesson, bound)?);
        }
        Ok(places)
    }

    fn of(lesson: &Lesson, bound: io::Result<Bound>) -> anyhow::Result<Self> {
        match (bound, lesson.start) {
            (Ok(bound), _) => Ok(Self {
                address: bound.address()?,
                socket: Ok(bound),
            }),
            // What is held depends on how the system fails; the other lessons do not need it.
            (Err(error), Start::Held(..)) => Ok(Self {
                address: local(lesson.default_port).into(),
                socket: Err(error.to_string()),
            }),
            (Err(error), _) => {
                Err(error).with_context(|| format!("no port for the server of {}", lesson.name))
            }
        }
    }
}

impl Bound {
    fn address(&self) -> io::Result<Address> {
        let address = match self {
            Self::Tcp(listener, _) => listener.local_addr()?,
            Self::Udp(socket, _) => socket.local_addr()?,
            Self::Relayed { front, .. } => front.local_addr()?,
            #[cfg(unix)]
            Self::Unix(file, _) => return Ok(file.address()),
            Self::Thread(listener, _) => listener.local_addr()?,
            Self::Held(held) => held.address,
        };
        Ok(address.into())
    }
}

/// Lessons never leave this machine.
fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

async fn bind(start: Start, port: u16) -> io::Result<Bound> {
    let address = local(port);
    Ok(match start {
        Start::Tcp(start) => Bound::Tcp(tokio::net::TcpListener::bind(address).await?, start),
        Start::Udp(start) => Bound::Udp(tokio::net::UdpSocket::bind(address).await?, start),
        Start::Relayed(lesson) => {
            let server = tokio::net::UdpSocket::bind(local(0)).await?;
            Bound::Relayed {
                front: tokio::net::UdpSocket::bind(address).await?,
                server_address: server.local_addr()?,
                server,
                lesson,
            }
        }
        // It has a path and no port.
        #[cfg(unix)]
        Start::Unix(_) => return Err(io::ErrorKind::Unsupported.into()),
        Start::Thread(start) => Bound::Thread(std::net::TcpListener::bind(address)?, start),
        Start::Held(_, hold) => Bound::Held(hold(address).await?),
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
    LESSONS
        .iter()
        .any(|lesson| lesson.default_port == port && lesson.transport() == start.transport())
}
