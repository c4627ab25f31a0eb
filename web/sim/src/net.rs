//! Sockets and time for the programs of the simulated host, named as tokio's.

use std::cell::RefCell;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::panic::Location;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::RecvError;
use wire::event::{Failure, MAX_EVENT_BYTES};
use wire::{Action, Address, ConnectionId, Data, Operation, Source};

use crate::host::{Host, connection_of};

/// A host that its programs and the network share.
pub(crate) type Shared = Rc<RefCell<Host>>;

thread_local! {
    /// Whose program runs.
    static CURRENT: RefCell<Option<Shared>> = const { RefCell::new(None) };
}

/// Runs a part of a program of this host.
pub(crate) fn within<T>(host: &Shared, run: impl FnOnce() -> T) -> T {
    CURRENT.set(Some(Rc::clone(host)));
    let result = run();
    CURRENT.set(None);
    result
}

/// Runs `program` beside the others, as `tokio::spawn` does.
pub(crate) fn spawn(program: impl Future<Output = io::Result<()>> + 'static) {
    CURRENT.with_borrow(|host| {
        if let Some(host) = host {
            host.borrow_mut().tasks.begin(Box::pin(program));
        }
    });
}

/// Waits for so long.
pub(crate) fn sleep(duration: Duration) -> impl Future<Output = ()> {
    let mut until_ns = None;
    std::future::poll_fn(move |_| {
        let host = CURRENT.with_borrow(Clone::clone);
        let Some(host) = host else {
            return Poll::Ready(());
        };
        let mut host = host.borrow_mut();
        let now_ns = host.now_ns;
        let for_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let until_ns = *until_ns.get_or_insert(now_ns.saturating_add(for_ns));
        if now_ns >= until_ns {
            return Poll::Ready(());
        }
        if !host.alarms_ns.contains(&until_ns) {
            host.alarms_ns.push(until_ns);
        }
        Poll::Pending
    })
}

/// One call of a program, from its first poll to its end.
struct Call<F> {
    host: Shared,
    operation: Operation,
    connection: Option<ConnectionId>,
    source: Source,
    waits: bool,
    attempt: F,
}

impl<F> Call<F> {
    #[track_caller]
    fn new(
        host: &Shared,
        connection: Option<ConnectionId>,
        operation: Operation,
        attempt: F,
    ) -> Self {
        let location = Location::caller();
        Self {
            host: Rc::clone(host),
            operation,
            connection,
            source: Source {
                file: location.file().into(),
                line: location.line(),
            },
            waits: false,
            attempt,
        }
    }
}

impl<T, F> Future for Call<F>
where
    F: FnMut(&mut Host, &Source) -> Poll<Result<T, Failure>> + Unpin,
{
    type Output = io::Result<T>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<T>> {
        let this = self.get_mut();
        let host = &mut this.host.borrow_mut();
        let operation = this.operation;
        match (this.attempt)(host, &this.source) {
            Poll::Pending => {
                if !std::mem::replace(&mut this.waits, true) {
                    let wait = Action::Wait { operation };
                    host.tell(this.connection, wait, Some(this.source.clone()));
                }
                Poll::Pending
            }
            Poll::Ready(Ok(value)) => Poll::Ready(Ok(value)),
            Poll::Ready(Err(kind)) => {
                let error = io::Error::from(error_kind(kind));
                let failed = failed(operation, kind);
                host.tell(this.connection, failed, Some(this.source.clone()));
                Poll::Ready(Err(error))
            }
        }
    }
}

/// That a call failed, in words.
pub(crate) fn failed(operation: Operation, kind: Failure) -> Action {
    Action::Error {
        operation,
        kind,
        message: io::Error::from(error_kind(kind)).to_string(),
    }
}

fn error_kind(kind: Failure) -> ErrorKind {
    match kind {
        Failure::Refused => ErrorKind::ConnectionRefused,
        Failure::Reset => ErrorKind::ConnectionReset,
        Failure::BrokenPipe => ErrorKind::BrokenPipe,
        Failure::TimedOut => ErrorKind::TimedOut,
        Failure::TooLong => ErrorKind::InvalidInput,
        _ => ErrorKind::Other,
    }
}

/// Tells a transfer, in slices if it is long.
pub(crate) fn tell_transfer(
    host: &mut Host,
    connection: Option<ConnectionId>,
    source: Option<&Source>,
    bytes: &[u8],
    action: impl Fn(Data) -> Action,
) {
    let mut slices = bytes.chunks(MAX_EVENT_BYTES).peekable();
    if slices.peek().is_none() {
        host.tell(connection, action(Data::whole([])), source.cloned());
    }
    while let Some(slice) = slices.next() {
        let data = Data {
            bytes: slice.to_vec(),
            more: slices.peek().is_some(),
        };
        host.tell(connection, action(data), source.cloned());
    }
}

/// Accepts connections.
pub(crate) struct TcpListener {
    host: Shared,
    port: u16,
}

impl TcpListener {
    /// Listens on a port.
    pub(crate) fn bind(host: &Shared, port: u16) -> Self {
        host.borrow_mut().listen(port);
        Self {
            host: Rc::clone(host),
            port,
        }
    }

    /// How much a connection takes before its program reads (SO_RCVBUF), for those to come.
    pub(crate) fn set_receive_buffer(&self, bytes: usize) {
        self.host.borrow_mut().set_receive_buffer(self.port, bytes);
    }

    /// The next connection, and who made it.
    #[track_caller]
    pub(crate) fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> {
        let (shared, port) = (Rc::clone(&self.host), self.port);
        let attempt = move |host: &mut Host, source: &Source| {
            let Some((handle, peer)) = host.accept(port) else {
                return Poll::Pending;
            };
            let connection = connection_of(peer.port());
            let accept = Action::Accept {
                peer: Address::Ip(peer),
            };
            host.tell(connection, accept, Some(source.clone()));
            let stream = TcpStream {
                host: Rc::clone(&shared),
                handle,
                connection,
            };
            Poll::Ready(Ok((stream, peer)))
        };
        Call::new(&self.host, None, Operation::Accept, attempt)
    }
}

/// A connection. Closed when it is dropped.
pub(crate) struct TcpStream {
    host: Shared,
    handle: SocketHandle,
    connection: Option<ConnectionId>,
}

impl TcpStream {
    /// Reads what there is, at most as much as there is room for; 0 is the end.
    #[track_caller]
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
        let (handle, connection) = (self.handle, self.connection);
        let attempt = move |host: &mut Host, source: &Source| match host
            .socket(handle)
            .recv_slice(buffer)
        {
            Ok(0) if !buffer.is_empty() => Poll::Pending,
            Ok(length) => {
                let read = &buffer[..length];
                tell_transfer(host, connection, Some(source), read, Action::Read);
                Poll::Ready(Ok(length))
            }
            Err(RecvError::Finished) => {
                host.tell(connection, Action::EndOfStream, Some(source.clone()));
                Poll::Ready(Ok(0))
            }
            Err(RecvError::InvalidState) => Poll::Ready(Err(host.failure(handle, Operation::Read))),
        };
        Call::new(&self.host, connection, Operation::Read, attempt)
    }

    /// Writes all of it; waits while the peer does not take it.
    #[track_caller]
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> {
        let (handle, connection) = (self.handle, self.connection);
        let mut rest = bytes;
        let attempt = move |host: &mut Host, source: &Source| {
            while !rest.is_empty() {
                let Ok(taken) = host.socket(handle).send_slice(rest) else {
                    let kind = match host.failure(handle, Operation::Write) {
                        Failure::TimedOut => Failure::BrokenPipe,
                        kind => kind,
                    };
                    return Poll::Ready(Err(kind));
                };
                if taken == 0 {
                    return Poll::Pending;
                }
                let (written, after) = rest.split_at(taken);
                tell_transfer(host, connection, Some(source), written, Action::Write);
                rest = after;
            }
            Poll::Ready(Ok(()))
        };
        Call::new(&self.host, connection, Operation::Write, attempt)
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        let mut host = self.host.borrow_mut();
        host.tell(self.connection, Action::Close, None);
        host.close(self.handle);
    }
}

/// Sends and receives datagrams.
pub(crate) struct UdpSocket {
    host: Shared,
    handle: SocketHandle,
}

impl UdpSocket {
    /// Receives on a port.
    pub(crate) fn bind(host: &Shared, port: u16) -> Self {
        let handle = host.borrow_mut().bind_udp(port);
        Self {
            host: Rc::clone(host),
            handle,
        }
    }

    /// Receives a datagram, as much of it as there is room for.
    #[track_caller]
    pub(crate) fn recv_from(
        &self,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> {
        let handle = self.handle;
        let attempt = move |host: &mut Host, source: &Source| {
            let Some((data, peer)) = host.receive_udp(handle) else {
                return Poll::Pending;
            };
            let length = data.len().min(buffer.len());
            buffer[..length].copy_from_slice(&data[..length]);
            let connection = connection_of(peer.port());
            tell_transfer(host, connection, Some(source), &data[..length], |data| {
                let peer = Address::Ip(peer);
                Action::Receive { peer, data }
            });
            Poll::Ready(Ok((length, peer)))
        };
        Call::new(&self.host, None, Operation::Receive, attempt)
    }

    /// Sends a datagram.
    #[track_caller]
    pub(crate) fn send_to(
        &self,
        bytes: &[u8],
        peer: SocketAddr,
    ) -> impl Future<Output = io::Result<()>> {
        let (handle, connection) = (self.handle, connection_of(peer.port()));
        let attempt = move |host: &mut Host, source: &Source| {
            if bytes.len() > host.max_datagram() {
                return Poll::Ready(Err(Failure::TooLong));
            }
            if !host.send_udp(handle, peer, bytes) {
                return Poll::Pending;
            }
            tell_transfer(host, connection, Some(source), bytes, |data| {
                let peer = Address::Ip(peer);
                Action::Send { peer, data }
            });
            Poll::Ready(Ok(()))
        };
        Call::new(&self.host, connection, Operation::Send, attempt)
    }
}
