//! The two directions of a TCP connection, apart.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::tcp;
use wire::event::SocketOption;

use super::socket::{Recorded, Socket, reads, writes};

/// `tokio::net::tcp::ReadHalf`, watched.
#[derive(Debug)]
pub struct ReadHalf<'a> {
    recorded: Recorded<tcp::ReadHalf<'a>>,
}

/// `tokio::net::tcp::WriteHalf`, watched.
#[derive(Debug)]
pub struct WriteHalf<'a> {
    recorded: Recorded<tcp::WriteHalf<'a>>,
}

/// `tokio::net::tcp::OwnedReadHalf`, watched.
#[derive(Debug)]
pub struct OwnedReadHalf {
    recorded: Recorded<tcp::OwnedReadHalf>,
}

/// `tokio::net::tcp::OwnedWriteHalf`, watched: dropping it shuts down the writing direction.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    // Dropped before tokio's half, so that the half-close is stamped before it happens.
    half_close: HalfClose,
    recorded: Recorded<tcp::OwnedWriteHalf>,
}

impl<'a> ReadHalf<'a> {
    pub(super) fn new(recorded: Recorded<tcp::ReadHalf<'a>>) -> Self {
        Self { recorded }
    }
}

impl<'a> WriteHalf<'a> {
    pub(super) fn new(recorded: Recorded<tcp::WriteHalf<'a>>) -> Self {
        Self { recorded }
    }
}

impl OwnedReadHalf {
    pub(super) fn new(recorded: Recorded<tcp::OwnedReadHalf>) -> Self {
        Self { recorded }
    }

    /// The address of this end.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.recorded.inner.local_addr()
    }

    /// The address of the other end.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.recorded.inner.peer_addr()
    }
}

impl OwnedWriteHalf {
    pub(super) fn new(recorded: Recorded<tcp::OwnedWriteHalf>) -> Self {
        Self {
            half_close: HalfClose::of(&recorded.socket),
            recorded,
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

    /// Sets an option of the socket; what the kernel makes of it is recorded.
    pub fn set_option(&self, option: SocketOption, value: i64) -> io::Result<()> {
        let stream: &tokio::net::TcpStream = self.recorded.inner.as_ref();
        let socket = SockRef::from(stream);
        self.recorded.socket.set_option(&socket, option, value)
    }

    /// Ends this half without shutting down its direction.
    pub fn forget(self) {
        let Self {
            half_close,
            recorded,
        } = self;
        half_close.forget();
        recorded.end(tcp::OwnedWriteHalf::forget);
    }

    /// As [`TcpStream::set_zero_linger`](super::TcpStream::set_zero_linger): closing will send RST,
    /// once both halves are gone. Tokio has it at the half's stream.
    pub fn set_zero_linger(&self) -> io::Result<()> {
        let stream: &tokio::net::TcpStream = self.recorded.inner.as_ref();
        stream.set_zero_linger()?;
        self.recorded.socket.set_resets(true);
        Ok(())
    }

    /// A close will not wait: a linger time above zero is taken back.
    pub fn end_linger(&self) -> io::Result<()> {
        let stream: &tokio::net::TcpStream = self.recorded.inner.as_ref();
        let socket = SockRef::from(stream);
        match socket.linger()? {
            None | Some(Duration::ZERO) => Ok(()),
            Some(_) => socket.set_linger(None),
        }
    }
}

/// Records on drop that the writing direction is shut down.
#[derive(Debug)]
pub(super) struct HalfClose {
    socket: Option<Arc<Socket>>,
}

impl HalfClose {
    pub(super) fn of(socket: &Arc<Socket>) -> Self {
        Self {
            socket: Some(Arc::clone(socket)),
        }
    }

    /// The direction is not shut down.
    pub(super) fn forget(mut self) {
        self.socket = None;
    }
}

impl Drop for HalfClose {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            socket.record_shut_down(socket.observer.stamp());
        }
    }
}

reads!(ReadHalf<'_>);
writes!(WriteHalf<'_>);
reads!(OwnedReadHalf);
writes!(OwnedWriteHalf);
