//! A TCP connection.

use std::io;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(windows)]
use std::os::windows::io::{AsSocket, BorrowedSocket};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;
use wire::event::SocketOption;
use wire::{Action, End, Operation};

use super::socket::{Recorded, Socket, reads, writes};
use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::tap::cut::observed;
use crate::tap::observer::Observer;
use crate::tap::options::from_linger;
use crate::tap::{Clock, Conversation};

/// `tokio::net::TcpStream`, watched.
#[derive(Debug)]
pub struct TcpStream {
    recorded: Recorded<tokio::net::TcpStream>,
}

impl TcpStream {
    /// Connects the client's end of a conversation to `peer`, and records that or why it failed.
    ///
    /// The socket comes bound: its address is known before it connects, so that the router knows
    /// whose connection it is when the server accepts it.
    /// When `cut` is cancelled, pending and later calls fail.
    ///
    /// To read and write at once, take it apart with [`TcpStream::into_split`]; each half may go to
    /// a task of its own. To close it without a half-close in between, end the write half with
    /// [`OwnedWriteHalf::forget`] and drop the other; to close it with RST, call
    /// [`OwnedWriteHalf::set_zero_linger`] before that.
    pub async fn connect_client(
        socket: TcpSocket,
        peer: SocketAddr,
        clock: Clock,
        conversation: Conversation,
        cut: CancellationToken,
    ) -> io::Result<Self> {
        let observer = Observer::of(clock, conversation, End::Client);
        // Before the SYN goes out, so that the server's `accept` sorts behind it.
        let stamp = observer.stamp();
        let connecting = async {
            let stream = socket.connect(peer).await?;
            let local = stream.local_addr()?;
            Ok((stream, local))
        };
        let (stream, local) = observed(&observer, Operation::Connect, &cut, connecting).await?;
        let resets = SockRef::from(&stream).linger()? == Some(Duration::ZERO);
        observer.record(
            stamp,
            Operation::Connect,
            Action::Connect {
                local: local.into(),
                peer: peer.into(),
            },
        );
        let socket = Socket::new(observer, None, None);
        socket.set_resets(resets);
        Ok(Self::new(stream, socket, cut))
    }

    /// The client's end of a conversation that stands already. It records no `connect`.
    pub fn watch_client(
        stream: tokio::net::TcpStream,
        clock: Clock,
        conversation: Conversation,
        cut: CancellationToken,
    ) -> Self {
        let observer = Observer::of(clock, conversation, End::Client);
        Self::new(stream, Socket::new(observer, None, None), cut)
    }

    pub(super) fn new(
        stream: tokio::net::TcpStream,
        socket: Arc<Socket>,
        cut: CancellationToken,
    ) -> Self {
        Self {
            recorded: Recorded::new(stream, socket, cut),
        }
    }

    /// The address of this end.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.recorded.inner.local_addr()
    }

    /// The address of the other end.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.recorded.inner.peer_addr()
    }

    /// Whether small writes go out at once (`TCP_NODELAY`).
    #[track_caller]
    pub fn nodelay(&self) -> io::Result<bool> {
        let no_delay = self.recorded.inner.nodelay()?;
        self.option(SocketOption::NoDelay, None, no_delay.into());
        Ok(no_delay)
    }

    /// Lets small writes go out at once (`TCP_NODELAY`).
    #[track_caller]
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.recorded.inner.set_nodelay(nodelay)?;
        let now = self.recorded.inner.nodelay()?;
        self.option(SocketOption::NoDelay, Some(nodelay.into()), now.into());
        Ok(())
    }

    /// The time to live of outgoing packets (`IP_TTL`).
    pub fn ttl(&self) -> io::Result<u32> {
        self.recorded.inner.ttl()
    }

    /// Sets the time to live of outgoing packets (`IP_TTL`).
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.recorded.inner.set_ttl(ttl)
    }

    /// How long closing waits for unsent data (`SO_LINGER`).
    #[track_caller]
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        let linger = self.recorded.inner.linger()?;
        self.option(SocketOption::Linger, None, from_linger(linger));
        Ok(linger)
    }

    /// Makes closing send RST instead of FIN, and forget unsent data (`SO_LINGER` of zero).
    pub fn set_zero_linger(&self) -> io::Result<()> {
        self.recorded.inner.set_zero_linger()?;
        self.recorded.socket.set_resets(true);
        Ok(())
    }

    /// Records an option that the caller's caller has set or read.
    #[track_caller]
    fn option(&self, option: SocketOption, asked: Option<i64>, value: i64) {
        let socket = &self.recorded.socket;
        let location = Some(Location::caller());
        socket.record_option(socket.observer.stamp(), option, asked, value, location);
    }

    /// A reading and a writing half that borrow the stream.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        let (read, write) = self.recorded.lend(tokio::net::TcpStream::split);
        (ReadHalf::new(read), WriteHalf::new(write))
    }

    /// A reading and a writing half, for two tasks.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        let (read, write) = self.recorded.split(tokio::net::TcpStream::into_split);
        (OwnedReadHalf::new(read), OwnedWriteHalf::new(write))
    }
}

// For `SockRef`, as with tokio's.
#[cfg(unix)]
impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.recorded.inner.as_fd()
    }
}

#[cfg(windows)]
impl AsSocket for TcpStream {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.recorded.inner.as_socket()
    }
}

reads!(TcpStream);
writes!(TcpStream);
