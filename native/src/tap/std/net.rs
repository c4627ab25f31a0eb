//! TCP as in `std::net`, watched.
//!
//! Each socket is one of [`tap::net`](crate::tap::net), which does the recording; here its calls
//! block. They must not be made from a task.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Handle;

use crate::tap::{Tap, net, server, tally};

/// `std::net::TcpListener`, watched.
#[derive(Debug)]
pub struct TcpListener {
    inner: net::TcpListener,
    runtime: Handle,
}

/// `std::net::TcpStream`, watched.
#[derive(Debug)]
pub struct TcpStream {
    inner: net::TcpStream,
    runtime: Handle,
}

impl TcpListener {
    /// Watches a server's listener, and every connection it will accept.
    ///
    /// # Errors
    ///
    /// If the system refuses, and outside a thread that [`Tap::serve_in_thread`] has started.
    pub fn watch(listener: std::net::TcpListener, tap: &Tap) -> io::Result<Self> {
        // It knows when a socket is ready, and when the tap is cut, and wakes this thread.
        let runtime = server::runtime_of_this_thread()?;
        let _entered = runtime.enter();
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(Self {
            inner: net::TcpListener::watch(listener, tap),
            runtime: runtime.clone(),
        })
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// Waits for the next connection, and for room among all connections of the gateway.
    #[track_caller]
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (inner, peer) = block_on(&self.runtime, self.inner.accept())?;
        let runtime = self.runtime.clone();
        Ok((TcpStream { inner, runtime }, peer))
    }
}

impl TcpStream {
    /// The address of this end.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// The address of the other end.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }
}

impl io::Read for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Self { inner, runtime } = self;
        let mut buffer = ReadBuf::new(buffer);
        block_on(
            runtime,
            poll_fn(|context| Pin::new(&mut *inner).poll_read(context, &mut buffer)),
        )?;
        Ok(buffer.filled().len())
    }
}

impl io::Write for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Self { inner, runtime } = self;
        block_on(
            runtime,
            poll_fn(|context| Pin::new(&mut *inner).poll_write(context, bytes)),
        )
    }

    fn flush(&mut self) -> io::Result<()> {
        // A TCP socket keeps nothing back.
        Ok(())
    }
}

/// Keeps this thread until the future is ready, and counts how often it ran again for it.
fn block_on<T>(runtime: &Handle, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut has_waited = false;
    runtime.block_on(poll_fn(|context| {
        if has_waited {
            tally::woke();
        }
        let poll = future.as_mut().poll(context);
        has_waited = poll.is_pending();
        if has_waited {
            tally::rests();
        }
        poll
    }))
}
