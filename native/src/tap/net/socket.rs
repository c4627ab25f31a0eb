//! What the stream and its halves have in common: recording around tokio's polls.

use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;
use wire::event::SocketOption;
use wire::{Action, Operation};

use crate::tap::Stamp;
use crate::tap::cut::{Cut, aborted};
use crate::tap::observer::Observer;
use crate::tap::options;

/// One TCP socket, while any part of it is alive. The last part to go records the close.
#[derive(Debug)]
pub(in crate::tap) struct Socket {
    pub(in crate::tap) observer: Arc<Observer>,
    resets: AtomicBool,
    is_shut_down: AtomicBool,
    closing: Mutex<Option<Stamp>>,
    /// Kept until the socket is gone.
    _permit: Option<OwnedSemaphorePermit>,
    _alive: Option<TaskTrackerToken>,
}

impl Socket {
    pub(in crate::tap) fn new(
        observer: Arc<Observer>,
        permit: Option<OwnedSemaphorePermit>,
        alive: Option<TaskTrackerToken>,
    ) -> Arc<Self> {
        Arc::new(Self {
            observer,
            resets: AtomicBool::new(false),
            is_shut_down: AtomicBool::new(false),
            closing: Mutex::new(None),
            _permit: permit,
            _alive: alive,
        })
    }

    /// Whether closing means RST from now on.
    pub(super) fn set_resets(&self, resets: bool) {
        self.resets.store(resets, Ordering::Relaxed);
    }

    /// Sets an option and records what the kernel makes of it, or why it does not.
    pub(super) fn set_option(
        &self,
        socket: &SockRef<'_>,
        option: SocketOption,
        value: i64,
    ) -> io::Result<()> {
        let stamp = self.observer.stamp();
        let result = options::set(socket, option, value).and_then(|()| {
            let value = options::get(socket, option)?;
            if option == SocketOption::Linger {
                self.set_resets(value == 0);
            }
            Ok(value)
        });
        match result {
            Ok(now) => {
                self.record_option(stamp, option, Some(value), now, None);
                Ok(())
            }
            Err(error) => {
                self.observer
                    .record_error(Operation::SetOption, &error, None);
                Err(error)
            }
        }
    }

    /// Records that the line at `location` set an option or read it.
    pub(super) fn record_option(
        &self,
        stamp: Stamp,
        option: SocketOption,
        asked: Option<i64>,
        value: i64,
        location: Option<&'static Location<'static>>,
    ) {
        let action = Action::Option {
            option,
            asked,
            value,
        };
        self.observer.record_at(stamp, action, location);
    }

    /// Records a half-close, once.
    pub(super) fn record_shut_down(&self, stamp: Stamp) {
        if !self.is_shut_down.swap(true, Ordering::Relaxed) {
            self.observer
                .record(stamp, Operation::ShutDown, Action::ShutDown);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let stamp = self
            .closing
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .unwrap_or_else(|| self.observer.stamp());
        let action = match *self.resets.get_mut() {
            true => Action::Reset,
            false => Action::Close,
        };
        self.observer.record_drop(stamp, action);
    }
}

/// Stamps the close before it happens: declared before tokio's socket, it is dropped before it.
#[derive(Debug)]
pub(in crate::tap) struct Closing(Arc<Socket>);

impl Closing {
    pub(in crate::tap) fn of(socket: &Arc<Socket>) -> Self {
        Self(Arc::clone(socket))
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let stamp = self.0.observer.stamp();
        *self
            .0
            .closing
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(stamp);
    }
}

/// A tokio socket, or a half of one, whose transfers are recorded.
/// The order of the fields is the order in which they are dropped.
#[derive(Debug)]
pub(super) struct Recorded<S> {
    closing: Closing,
    pub(super) inner: S,
    pub(super) socket: Arc<Socket>,
    read_cut: Cut,
    write_cut: Cut,
}

impl<S> Recorded<S> {
    pub(super) fn new(inner: S, socket: Arc<Socket>, cut: CancellationToken) -> Self {
        Self {
            closing: Closing::of(&socket),
            inner,
            socket,
            read_cut: Cut::new(cut.clone()),
            write_cut: Cut::new(cut),
        }
    }

    /// Lends tokio's part to `split`, and has both results recorded.
    pub(super) fn lend<'a, A, B>(
        &'a mut self,
        split: impl FnOnce(&'a mut S) -> (A, B),
    ) -> (Recorded<A>, Recorded<B>) {
        let socket = &self.socket;
        let token = self.read_cut.token();
        let (first, second) = split(&mut self.inner);
        (
            Recorded::new(first, Arc::clone(socket), token.clone()),
            Recorded::new(second, Arc::clone(socket), token.clone()),
        )
    }

    /// Hands tokio's part to `split`, and keeps both results recorded.
    pub(super) fn split<A, B>(self, split: impl FnOnce(S) -> (A, B)) -> (Recorded<A>, Recorded<B>) {
        let (first, second) = split(self.inner);
        let token = self.read_cut.token();
        (
            Recorded::new(first, Arc::clone(&self.socket), token.clone()),
            Recorded::new(second, Arc::clone(&self.socket), token.clone()),
        )
    }

    /// Drops tokio's part in its own way.
    pub(super) fn end(self, end: impl FnOnce(S)) {
        drop(self.closing);
        end(self.inner);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Recorded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self {
            inner,
            socket,
            read_cut,
            ..
        } = &mut *self;
        let observer = &socket.observer;
        let filled_before = buffer.filled().len();
        let had_room = buffer.remaining() > 0;
        let poll = unless_cut(read_cut, context, |context| {
            Pin::new(inner).poll_read(context, buffer)
        });
        match &poll {
            Poll::Pending => observer.record_wait(Operation::Read),
            Poll::Ready(Err(error)) => observer.record_failure(Operation::Read, error),
            Poll::Ready(Ok(())) => {
                let bytes = &buffer.filled()[filled_before..];
                if !bytes.is_empty() {
                    let stamp = observer.stamp_for(bytes.len());
                    observer.record_bytes(stamp, Operation::Read, bytes, Action::Read);
                } else if had_room {
                    observer.record(observer.stamp(), Operation::Read, Action::EndOfStream);
                }
            }
        }
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recorded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self {
            inner,
            socket,
            write_cut,
            ..
        } = &mut *self;
        let observer = &socket.observer;
        let stamp = observer.stamp_for(slices.iter().map(|slice| slice.len()).sum());
        let poll = unless_cut(write_cut, context, |context| match slices {
            [bytes] => Pin::new(inner).poll_write(context, bytes),
            slices => Pin::new(inner).poll_write_vectored(context, slices),
        });
        match &poll {
            Poll::Pending => observer.record_wait(Operation::Write),
            Poll::Ready(Err(error)) => observer.record_failure(Operation::Write, error),
            // Nothing was written: the call was asked for that.
            Poll::Ready(Ok(0)) => {}
            Poll::Ready(Ok(written)) => match slices {
                [bytes] => {
                    let bytes = &bytes[..*written];
                    observer.record_bytes(stamp, Operation::Write, bytes, Action::Write);
                }
                slices => {
                    let mut bytes = Vec::with_capacity(*written);
                    for slice in slices {
                        let missing = written - bytes.len();
                        bytes.extend_from_slice(&slice[..slice.len().min(missing)]);
                    }
                    observer.record_bytes(stamp, Operation::Write, &bytes, Action::Write);
                }
            },
        }
        poll
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A TCP socket keeps nothing back; there is nothing to see.
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self {
            inner,
            socket,
            write_cut,
            ..
        } = &mut *self;
        let stamp = socket.observer.stamp();
        let poll = unless_cut(write_cut, context, |context| {
            Pin::new(inner).poll_shutdown(context)
        });
        match &poll {
            Poll::Pending => socket.observer.record_wait(Operation::ShutDown),
            Poll::Ready(Err(error)) => socket.observer.record_failure(Operation::ShutDown, error),
            Poll::Ready(Ok(())) => socket.record_shut_down(stamp),
        }
        poll
    }
}

fn unless_cut<T>(
    cut: &mut Cut,
    context: &mut Context<'_>,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<T>>,
) -> Poll<io::Result<T>> {
    if cut.is_cut() {
        return Poll::Ready(Err(aborted()));
    }
    let poll = poll(context);
    if poll.is_pending() && cut.poll(context).is_ready() {
        return Poll::Ready(Err(aborted()));
    }
    poll
}

/// Lets a newtype around [`Recorded`] read as it does.
macro_rules! reads {
    ($type:ty) => {
        impl tokio::io::AsyncRead for $type {
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                buffer: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::pin::Pin::new(&mut self.recorded).poll_read(context, buffer)
            }
        }
    };
}

/// Lets a newtype around [`Recorded`] write as it does.
macro_rules! writes {
    ($type:ty) => {
        impl tokio::io::AsyncWrite for $type {
            fn poll_write(
                mut self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                std::pin::Pin::new(&mut self.recorded).poll_write(context, bytes)
            }

            fn poll_write_vectored(
                mut self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
                slices: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                std::pin::Pin::new(&mut self.recorded).poll_write_vectored(context, slices)
            }

            fn is_write_vectored(&self) -> bool {
                self.recorded.is_write_vectored()
            }

            fn poll_flush(
                mut self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::pin::Pin::new(&mut self.recorded).poll_flush(context)
            }

            fn poll_shutdown(
                mut self: std::pin::Pin<&mut Self>,
                context: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::pin::Pin::new(&mut self.recorded).poll_shutdown(context)
            }
        }
    };
}

pub(super) use {reads, writes};
