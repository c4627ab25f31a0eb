//! The servers of the book, one file each.
//!
//! A lesson's file is what the book prints and what runs. It imports its sockets from
//! [`crate::tap`]; with `tokio` in that place it works in any tokio project. The
//! servers that are threads have `std` and `mio` there.

pub mod count_channel;
pub mod count_one;
pub mod count_poll;
pub mod count_tasks;
pub mod frame_fixed;
pub mod frame_length;
pub mod frame_line;
pub mod tcp_deadline;
pub mod tcp_echo;
pub mod tcp_full;
pub mod tcp_last_word;
pub mod tcp_line;
pub mod tcp_ok;
pub mod tcp_options;
pub mod tcp_refused;
pub mod tcp_silent;
pub mod tcp_source;
pub mod udp_dns;
pub mod udp_echo;
pub mod udp_refused;
pub mod udp_relay;
pub mod udp_reliable;
pub mod udp_small;
#[cfg(unix)]
pub mod unix_echo;

use std::any::Any;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use tokio::sync::mpsc;
use wire::session::Transport;

#[cfg(unix)]
use crate::tap::net::UnixListener;
use crate::tap::net::{TcpListener, UdpSocket};
use crate::tap::{self, Tap};

/// Every lesson, in the order of the book.
pub const LESSONS: &[Lesson] = &[
    Lesson::tcp("tcp_ok", 9090, |listener| Box::pin(tcp_ok::serve(listener))),
    Lesson::tcp("tcp_line", 8080, |listener| {
        Box::pin(tcp_line::serve(listener))
    }),
    Lesson::tcp("frame_line", 9101, |listener| {
        Box::pin(frame_line::serve(listener))
    }),
    Lesson::tcp("frame_length", 9102, |listener| {
        Box::pin(frame_length::serve(listener))
    }),
    Lesson::tcp("frame_fixed", 9103, |listener| {
        Box::pin(frame_fixed::serve(listener))
    }),
    Lesson::tcp("tcp_silent", 8081, |listener| {
        Box::pin(tcp_silent::serve(listener))
    }),
    Lesson::tcp("tcp_echo", 7007, |listener| {
        Box::pin(tcp_echo::serve(listener))
    }),
    Lesson::tcp("tcp_deadline", 8082, |listener| {
        Box::pin(tcp_deadline::serve(listener))
    }),
    Lesson::tcp("tcp_last_word", 9112, |listener| {
        Box::pin(tcp_last_word::serve(listener))
    }),
    Lesson::tcp("tcp_options", 9110, |listener| {
        Box::pin(tcp_options::serve(listener))
    }),
    Lesson::tcp("tcp_source", 9111, |listener| {
        Box::pin(tcp_source::serve(listener))
    }),
    Lesson::thread("count_one", 9124, |listener, tap| {
        count_one::serve(tap::std::net::TcpListener::watch(listener, tap)?)
    })
    .with_stats(),
    Lesson::tcp("count_tasks", 9121, |listener| {
        Box::pin(count_tasks::serve(listener))
    })
    .with_stats(),
    Lesson::thread("count_poll", 9122, |listener, tap| {
        count_poll::serve(tap::mio::net::TcpListener::watch(listener, tap)?)
    })
    .with_stats(),
    Lesson::tcp("count_channel", 9123, |listener| {
        Box::pin(count_channel::serve(listener))
    })
    .with_stats(),
    Lesson::held("tcp_refused", 9091, Transport::Tcp, |address| {
        Box::pin(async move {
            let socket = tcp_refused::hold(address)?;
            Held::new(socket.local_addr()?, socket)
        })
    }),
    Lesson::held("tcp_full", 9092, Transport::Tcp, |address| {
        Box::pin(async move {
            let (listener, clients) = tcp_full::hold(address).await?;
            Held::new(listener.local_addr()?, (listener, clients))
        })
    }),
    #[cfg(unix)]
    Lesson::new(
        "unix_echo",
        0,
        Start::Unix(|listener| Box::pin(unix_echo::serve(listener))),
    ),
    Lesson::udp("udp_dns", 5300, |socket| Box::pin(udp_dns::serve(socket))),
    Lesson::udp("udp_echo", 9090, |socket| Box::pin(udp_echo::serve(socket))),
    Lesson::udp("udp_small", 9131, |socket| {
        Box::pin(udp_small::serve(socket))
    }),
    Lesson::held("udp_refused", 9132, Transport::Udp, |address| {
        Box::pin(async move {
            let socket = udp_refused::hold(address)?;
            Held::new(socket.local_addr()?, socket)
        })
    }),
    Lesson::new(
        "udp_relay",
        9140,
        Start::Relayed(Relayed {
            serve: |socket| Box::pin(udp_relay::serve(socket)),
            client: None,
            loss_percent: 0,
        }),
    ),
    Lesson::new(
        "udp_reliable",
        9150,
        Start::Relayed(Relayed {
            serve: |socket| Box::pin(udp_reliable::serve(socket)),
            client: Some(|socket, messages| {
                Box::pin(udp_reliable::client::send_all(socket, messages))
            }),
            loss_percent: 30,
        }),
    ),
];

/// One server of the book.
#[derive(Clone, Copy, Debug)]
pub struct Lesson {
    /// The same in every folder, e.g. `tcp_ok`.
    pub name: &'static str,
    /// Where programs from common tutorials connect; 0 if its address is a path.
    pub default_port: u16,
    /// How it starts, and on what socket.
    pub start: Start,
    /// Whether its subject is what serving costs, so that pages are told.
    pub has_stats: bool,
}

/// Starts a server on a socket of its transport.
#[derive(Clone, Copy, Debug)]
pub enum Start {
    /// A task on a listener.
    Tcp(fn(TcpListener) -> Serving),
    /// A task on a bound socket.
    Udp(fn(UdpSocket) -> Serving),
    /// A task on a socket that clients reach through the relay of [`udp_relay`].
    Relayed(Relayed),
    /// A task on a listener with a path.
    #[cfg(unix)]
    Unix(fn(UnixListener) -> Serving),
    /// A thread of its own, on a listener as the system gives it: it blocks. It is the lesson that
    /// has it watched, and takes a permit of the tap for each connection it *has* accepted.
    Thread(fn(std::net::TcpListener, &Tap) -> io::Result<()>),
    /// Nobody serves: sockets are held so that a client meets a certain failure there.
    Held(Transport, fn(SocketAddr) -> Holding),
}

impl Start {
    /// What carries its bytes.
    pub fn transport(self) -> Transport {
        match self {
            Self::Tcp(_) | Self::Thread(_) => Transport::Tcp,
            Self::Udp(_) | Self::Relayed(_) => Transport::Udp,
            #[cfg(unix)]
            Self::Unix(_) => Transport::Unix,
            Self::Held(transport, _) => transport,
        }
    }
}

/// Starts a client that sends messages from this socket until there are no more.
pub type ClientProgram = fn(UdpSocket, mpsc::Receiver<Vec<u8>>) -> Serving;

/// A server behind the relay.
#[derive(Clone, Copy, Debug)]
pub struct Relayed {
    /// Starts it.
    pub serve: fn(UdpSocket) -> Serving,
    /// What sends the reader's messages, if a message is more than one datagram.
    pub client: Option<ClientProgram>,
    /// How many of a hundred datagrams the relay loses of programs that cannot ask for anything.
    pub loss_percent: u8,
}

/// A running server. It ends when its tap is cut, or with an error.
pub type Serving = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

/// Sockets being set up at an address.
pub type Holding = Pin<Box<dyn Future<Output = io::Result<Held>> + Send>>;

/// Sockets that are kept open until the gateway ends.
pub struct Held {
    /// Where a client meets them.
    pub address: SocketAddr,
    /// The sockets; dropping them closes them.
    pub sockets: Box<dyn Any + Send>,
}

impl Held {
    fn new(address: SocketAddr, sockets: impl Any + Send) -> io::Result<Self> {
        Ok(Self {
            address,
            sockets: Box::new(sockets),
        })
    }
}

impl Lesson {
    /// The lesson of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        LESSONS.iter().find(|lesson| lesson.name == name)
    }

    /// What carries its bytes.
    pub fn transport(&self) -> Transport {
        self.start.transport()
    }

    const fn tcp(name: &'static str, default_port: u16, start: fn(TcpListener) -> Serving) -> Self {
        Self::new(name, default_port, Start::Tcp(start))
    }

    const fn thread(
        name: &'static str,
        default_port: u16,
        serve: fn(std::net::TcpListener, &Tap) -> io::Result<()>,
    ) -> Self {
        Self::new(name, default_port, Start::Thread(serve))
    }

    const fn udp(name: &'static str, default_port: u16, start: fn(UdpSocket) -> Serving) -> Self {
        Self::new(name, default_port, Start::Udp(start))
    }

    const fn held(
        name: &'static str,
        default_port: u16,
        transport: Transport,
        hold: fn(SocketAddr) -> Holding,
    ) -> Self {
        Self::new(name, default_port, Start::Held(transport, hold))
    }

    const fn new(name: &'static str, default_port: u16, start: Start) -> Self {
        Self {
            name,
            default_port,
            start,
            has_stats: false,
        }
    }

    const fn with_stats(mut self) -> Self {
        self.has_stats = true;
        self
    }
}
