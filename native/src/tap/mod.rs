//! Tokio's sockets, watched.
//!
//! A lesson imports from here what it would import from tokio, and cannot tell the difference:
//!
//! ```text
//! use crate::tap::{
//!     io::{AsyncReadExt, AsyncWriteExt},
//!     net::{TcpListener, TcpStream},
//! };
//! ```
//!
//! Its observations come from two places that meet in one thread-local:
//!
//! - The sockets in [`net`] hold tokio's. They record what the system did, where it happens: in
//!   `poll_read`, `poll_write`, `poll_shutdown`, `accept`, ... and when they are dropped.
//! - The traits in [`io`] have tokio's methods. Each marks, while it is polled, which line of the
//!   lesson called it. So the line reaches a socket through any wrapper in between: a `BufReader`,
//!   a `Take`, TLS. Bytes moved without such a call (hyper, codecs) are recorded without a line.
//!
//! A call is one future of [`io`] or [`net`]. It records that it *waits* when it could not go on
//! at once, again after each transfer; and that it was *cancelled* when it is dropped while it waits.
//!
//! [`task`] counts the tasks of a server. For servers that are threads there are std's blocking
//! sockets in [`mod@std`] and mio's, which never block, in [`mio`]; the same holds for them.
//!
//! Nothing here waits for whoever looks on: a [`Sink`] takes an event and returns.

mod call;
mod clock;
mod cut;
mod observer;
mod server;
mod tally;

pub mod io;
pub mod mio;
pub mod net;
pub mod options;
pub mod std;
pub mod task;

use ::std::net::SocketAddr;
use ::std::sync::Arc;

use wire::{Address, ConnectionId, Event};

pub use clock::{Clock, Stamp};
pub use server::Tap;

/// Where events go.
pub trait Sink: Send + Sync {
    /// Takes note of an event. Called from inside the watched program: it must never block, and
    /// what it cannot keep it counts.
    fn record(&self, event: Event);
}

/// One connection, or the datagrams of one peer, and who sees it.
#[derive(Clone)]
pub struct Conversation {
    /// Both ends carry the same.
    pub id: ConnectionId,
    /// Sees its events.
    pub sink: Arc<dyn Sink>,
}

/// Says whose conversation it is when a peer turns up at one lesson's server.
pub trait Router: Send + Sync {
    /// The conversation with this peer. For streams asked once, when it is accepted; for UDP asked
    /// for every datagram, so the router remembers (and bounds) the peers it has met.
    fn conversation_with(&self, peer: &Address) -> Conversation;

    /// The same for a peer that has an IP address.
    fn conversation(&self, peer: SocketAddr) -> Conversation {
        self.conversation_with(&peer.into())
    }

    /// Sees what concerns the listening socket alone, e.g. that the server waits in `accept`.
    fn listening(&self) -> Arc<dyn Sink>;
}

#[cfg(test)]
mod tests;
