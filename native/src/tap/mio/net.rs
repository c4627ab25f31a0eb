//! TCP as in `mio::net`, watched.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use mio::event::Source;
use mio::{Interest, Registry, Token};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use wire::{Action, End, Operation};

use crate::descriptors::{self, Spare};
use crate::tap::Tap;
use crate::tap::call::watched_call;
use crate::tap::cut::aborted;
use crate::tap::net::{Closing, Socket, pause_after};
use crate::tap::observer::Observer;

/// `mio::net::TcpListener`, watched.
#[derive(Debug)]
pub struct TcpListener {
    inner: mio::net::TcpListener,
    observer: Arc<Observer>,
    tap: Tap,
    spare: Mutex<Spare>,
    _alive: TaskTrackerToken,
}

/// `mio::net::TcpStream`, watched.
/// The order of the fields is the order in which they are dropped.
#[derive(Debug)]
pub struct TcpStream {
    _closing: Closing,
    inner: mio::net::TcpStream,
    socket: Arc<Socket>,
    cut: CancellationToken,
}

impl TcpListener {
    /// Watches a server's listener, and every connection it will accept.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn watch(listener: std::net::TcpListener, tap: &Tap) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            inner: mio::net::TcpListener::from_std(listener),
            observer: Observer::of_listening(
                tap.clock.clone(),
                tap.router.listening(),
                End::Server,
            ),
            _alive: tap.sockets.token(),
            tap: tap.clone(),
            spare: Mutex::new(Spare::keep()),
        })
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// The next connection, if one is there.
    ///
    /// This thread cannot wait for room among all connections of the gateway: those that wait for
    /// it too may be its own. So while there is none, each new client is closed at once.
    #[track_caller]
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        watched_call(|| {
            loop {
                let result = match unless_cut(&self.tap.cut, || self.inner.accept()) {
                    // Who waits for a descriptor here may be the one who would free it.
                    Err(error) if descriptors::are_exhausted(&error) => self.turn_away(error),
                    result => result.map(Some),
                };
                let (stream, peer) = match result {
                    Ok(Some(accepted)) => accepted,
                    Ok(None) => continue,
                    Err(error) => {
                        self.observer.record_failure(Operation::Accept, &error);
                        let pause = pause_after(&error).filter(|_| !self.tap.is_cut());
                        std::thread::sleep(pause.ok_or(error)?);
                        continue;
                    }
                };
                let permit = Arc::clone(&self.tap.permits).try_acquire_owned().ok();
                let full = "the lessons have as many connections as they take in all";
                match permit {
                    Some(permit) => return Ok((self.watch_stream(stream, peer, Ok(permit)), peer)),
                    None => drop(self.watch_stream(stream, peer, Err(full))),
                }
            }
        })
    }

    /// Accepts the next client with the spare descriptor, if there is one, and closes it at once.
    /// Fails as `accept` would if there were descriptors: the system says that there are none
    /// before it looks whether anybody is there.
    fn turn_away(
        &self,
        exhausted: io::Error,
    ) -> io::Result<Option<(mio::net::TcpStream, SocketAddr)>> {
        descriptors::tell();
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let result = match spare.spend() {
            true => self.inner.accept(),
            false => Err(exhausted),
        };
        let result = result.map(|(stream, peer)| {
            drop(self.watch_stream(stream, peer, Err(descriptors::ADVICE)));
            None
        });
        spare.restore();
        result
    }

    /// What was accepted, with its permit or with the reason why it will be closed.
    fn watch_stream(
        &self,
        stream: mio::net::TcpStream,
        peer: SocketAddr,
        permit: Result<OwnedSemaphorePermit, &'static str>,
    ) -> TcpStream {
        let tap = &self.tap;
        let conversation = tap.router.conversation(peer);
        let observer = Observer::of(tap.clock.clone(), conversation, End::Server);
        observer.record(
            observer.stamp(),
            Operation::Accept,
            Action::Accept { peer: peer.into() },
        );
        if let Err(why) = permit {
            observer.record_error(Operation::Accept, &io::Error::other(why), None);
        }
        let socket = Socket::new(observer, permit.ok(), Some(tap.sockets.token()));
        TcpStream {
            _closing: Closing::of(&socket),
            inner: stream,
            socket,
            cut: tap.cut.clone(),
        }
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
        let observer = &self.socket.observer;
        let length = unless_cut(&self.cut, || self.inner.read(buffer))
            .inspect_err(|error| observer.record_failure(Operation::Read, error))?;
        if length > 0 {
            let stamp = observer.stamp_for(length);
            observer.record_bytes(stamp, Operation::Read, &buffer[..length], Action::Read);
        } else if !buffer.is_empty() {
            observer.record(observer.stamp(), Operation::Read, Action::EndOfStream);
        }
        Ok(length)
    }
}

impl io::Write for TcpStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let observer = &self.socket.observer;
        let stamp = observer.stamp_for(bytes.len());
        let length = unless_cut(&self.cut, || self.inner.write(bytes))
            .inspect_err(|error| observer.record_failure(Operation::Write, error))?;
        if length > 0 {
            observer.record_bytes(stamp, Operation::Write, &bytes[..length], Action::Write);
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        // A TCP socket keeps nothing back.
        Ok(())
    }
}

fn unless_cut<T>(cut: &CancellationToken, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    match cut.is_cancelled() {
        true => Err(aborted()),
        false => call(),
    }
}

/// Lets a watched socket be registered as mio's own is.
macro_rules! source {
    ($type:ty) => {
        impl Source for $type {
            fn register(
                &mut self,
                registry: &Registry,
                token: Token,
                interests: Interest,
            ) -> io::Result<()> {
                self.inner.register(registry, token, interests)
            }

            fn reregister(
                &mut self,
                registry: &Registry,
                token: Token,
                interests: Interest,
            ) -> io::Result<()> {
                self.inner.reregister(registry, token, interests)
            }

            fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
                self.inner.deregister(registry)
            }
        }
    };
}

source!(TcpListener);
source!(TcpStream);
