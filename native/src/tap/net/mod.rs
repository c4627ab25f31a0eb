//! Sockets as in `tokio::net`, watched.
//!
//! A server's sockets are made by `watch`, with the server's [`Tap`](super::Tap); the client's end
//! of a conversation by [`TcpStream::connect_client`] and [`UdpSocket::watch_client`].
//! Everything else has tokio's name and tokio's meaning.

mod halves;
mod link;
mod listener;
mod socket;
mod stream;
mod udp;
#[cfg(unix)]
pub mod unix;

pub use halves::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
pub use link::{Clients, Link, Network};
pub use listener::TcpListener;
pub use stream::TcpStream;
pub use udp::UdpSocket;
#[cfg(unix)]
pub use unix::{UnixListener, UnixStream};

pub(super) use listener::pause_after;
pub(super) use socket::{Closing, Socket};
