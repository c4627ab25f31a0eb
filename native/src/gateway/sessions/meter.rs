//! How much a page may send without saying anything.
//!
//! A message may come in pieces (RFC 6455, 5.4), pieces may be empty, and a WebSocket reads them on
//! and on until the message is whole. Bytes are counted below it, so that this has an end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::gateway::limits::MAX_BYTES_PER_MESSAGE;

/// A connection whose bytes are counted; the count begins anew with each message.
pub(super) struct Metered<S> {
    inner: S,
    meter: Meter,
}

/// The count of one connection.
#[derive(Clone, Default)]
pub(super) struct Meter(Arc<AtomicUsize>);

/// The page has sent more than a message takes, and no message.
#[derive(Debug)]
pub(super) struct TooManyPieces;

impl std::fmt::Display for TooManyPieces {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a message comes in too many pieces")
    }
}

impl std::error::Error for TooManyPieces {}

impl Meter {
    /// A message was read.
    pub(super) fn begin_anew(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

impl<S> Metered<S> {
    pub(super) fn new(inner: S) -> Self {
        let meter = Meter::default();
        Self { inner, meter }
    }

    pub(super) fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// The connection itself, which nobody counts.
    pub(super) fn inner(&mut self) -> &mut S {
        &mut self.inner
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        let since_message = self.meter.0.fetch_add(read, Ordering::Relaxed) + read;
        Poll::Ready(match since_message > MAX_BYTES_PER_MESSAGE {
            true => Err(io::Error::other(TooManyPieces)),
            false => Ok(()),
        })
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    #[tokio::test]
    async fn messages_may_go_on_for_ever_and_one_message_may_not() -> io::Result<()> {
        let mut metered = Metered::new(tokio::io::repeat(0));
        let meter = metered.meter();
        let mut buffer = vec![0; MAX_BYTES_PER_MESSAGE];
        for _ in 0..3 {
            metered.read_exact(&mut buffer).await?;
            meter.begin_anew();
        }
        metered.read_exact(&mut buffer).await?;
        let error = metered.read_u8().await.map(drop).unwrap_err();
        assert!(
            error
                .get_ref()
                .is_some_and(|error| error.is::<TooManyPieces>())
        );
        Ok(())
    }
}
