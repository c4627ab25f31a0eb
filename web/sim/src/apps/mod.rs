//! The servers of the simulated host, one file each: what the book prints.

mod datagram;
mod echo;
mod ok;
mod sink;
mod slow;
mod source;

use std::net::SocketAddr;

use wire::session::{SIMULATED_PREFIX, Server, Transport};

use crate::host::SERVER;
use crate::net::{Shared, TcpListener, UdpSocket};

/// A server.
pub(crate) struct App {
    /// Behind [`SIMULATED_PREFIX`].
    name: &'static str,
    pub(crate) transport: Transport,
    pub(crate) port: u16,
    start: fn(&Shared, u16),
}

/// All of them. Echo, discard and character generator have the ports of their RFCs (862, 863, 864).
pub(crate) const APPS: [App; 6] = [
    App {
        name: "echo",
        transport: Transport::Tcp,
        port: 7,
        start: |host, port| begin(host, echo::serve(TcpListener::bind(host, port))),
    },
    App {
        name: "ok",
        transport: Transport::Tcp,
        port: 9090,
        start: |host, port| begin(host, ok::serve(TcpListener::bind(host, port))),
    },
    App {
        name: "sink",
        transport: Transport::Tcp,
        port: 9,
        start: |host, port| begin(host, sink::serve(TcpListener::bind(host, port))),
    },
    App {
        name: "source",
        transport: Transport::Tcp,
        port: 19,
        start: |host, port| begin(host, source::serve(TcpListener::bind(host, port))),
    },
    App {
        name: "slow",
        transport: Transport::Tcp,
        port: 9091,
        start: |host, port| begin(host, slow::serve(TcpListener::bind(host, port))),
    },
    App {
        name: "datagram",
        transport: Transport::Udp,
        port: 7,
        start: |host, port| begin(host, datagram::serve(UdpSocket::bind(host, port))),
    },
];

fn begin(host: &Shared, program: impl Future<Output = std::io::Result<()>> + 'static) {
    host.borrow_mut().tasks.begin(Box::pin(program));
}

impl App {
    /// The place in the list of the server of this lesson.
    pub(crate) fn place(lesson: &str) -> Option<usize> {
        let name = lesson.strip_prefix(SIMULATED_PREFIX)?;
        APPS.iter().position(|app| app.name == name)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        (SERVER, self.port).into()
    }

    /// As a page is told.
    pub(crate) fn server(&self) -> Server {
        Server {
            lesson: format!("{SIMULATED_PREFIX}{}", self.name),
            transport: self.transport,
            address: self.address().into(),
        }
    }

    /// Lets it serve.
    pub(crate) fn start(&self, host: &Shared) {
        (self.start)(host, self.port);
    }
}
