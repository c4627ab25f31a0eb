//! Reading and writing as in `tokio::io`, where each call tells which line made it.
//!
//! The traits have tokio's names and methods, and work on all that tokio's work on; the rest *is*
//! tokio's.

use std::future::Future;

use bytes::{Buf, BufMut};
pub use tokio::io::{
    AsyncBufRead, AsyncRead, AsyncWrite, BufReader, BufStream, BufWriter, Error, ErrorKind,
    ReadBuf, Result, Take,
};

use super::call::watched;

/// For each method: tokio's of the same name, as a call that is watched.
macro_rules! calls {
    ($tokio:ident: $($name:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {$(
        #[doc = concat!("As tokio's [`", stringify!($name), "`](tokio::io::", stringify!($tokio),
            "::", stringify!($name), ").")]
        #[track_caller]
        #[allow(clippy::needless_lifetimes, reason = "methods with a buffer need the name")]
        fn $name<'a>(&'a mut self $(, $argument: $type)*) -> impl Future<Output = Result<$output>> + Send
        where
            Self: Unpin,
        {
            watched(tokio::io::$tokio::$name(self $(, $argument)*))
        }
    )*};
}

/// Reading from a stream of bytes.
pub trait AsyncReadExt: AsyncRead + Send {
    calls! { AsyncReadExt:
        read(buffer: &'a mut [u8]) -> usize;
        read_exact(buffer: &'a mut [u8]) -> usize;
        read_to_end(buffer: &'a mut Vec<u8>) -> usize;
        read_to_string(text: &'a mut String) -> usize;
        read_u8() -> u8;
        read_u16() -> u16;
        read_u32() -> u32;
        read_u64() -> u64;
        read_u16_le() -> u16;
        read_u32_le() -> u32;
        read_u64_le() -> u64;
    }

    /// As tokio's [`read_buf`](tokio::io::AsyncReadExt::read_buf).
    #[track_caller]
    fn read_buf<'a, B: BufMut + Send + ?Sized>(
        &'a mut self,
        buffer: &'a mut B,
    ) -> impl Future<Output = Result<usize>> + Send
    where
        Self: Unpin,
    {
        watched(tokio::io::AsyncReadExt::read_buf(self, buffer))
    }

    /// As tokio's [`take`](tokio::io::AsyncReadExt::take).
    fn take(self, limit: u64) -> Take<Self>
    where
        Self: Sized,
    {
        tokio::io::AsyncReadExt::take(self, limit)
    }
}

/// Reading from a stream of bytes that looks ahead.
pub trait AsyncBufReadExt: AsyncBufRead + Send {
    calls! { AsyncBufReadExt:
        read_until(byte: u8, buffer: &'a mut Vec<u8>) -> usize;
        read_line(line: &'a mut String) -> usize;
    }

    /// As tokio's [`lines`](tokio::io::AsyncBufReadExt::lines).
    fn lines(self) -> Lines<Self>
    where
        Self: Sized,
    {
        Lines(tokio::io::AsyncBufReadExt::lines(self))
    }
}

/// Writing to a stream of bytes.
pub trait AsyncWriteExt: AsyncWrite + Send {
    calls! { AsyncWriteExt:
        write(bytes: &'a [u8]) -> usize;
        write_all(bytes: &'a [u8]) -> ();
        write_u8(number: u8) -> ();
        write_u16(number: u16) -> ();
        write_u32(number: u32) -> ();
        write_u64(number: u64) -> ();
        write_u16_le(number: u16) -> ();
        write_u32_le(number: u32) -> ();
        write_u64_le(number: u64) -> ();
        flush() -> ();
        shutdown() -> ();
    }

    /// As tokio's [`write_vectored`](tokio::io::AsyncWriteExt::write_vectored).
    #[track_caller]
    fn write_vectored<'a>(
        &'a mut self,
        slices: &'a [std::io::IoSlice<'_>],
    ) -> impl Future<Output = Result<usize>> + Send
    where
        Self: Unpin,
    {
        watched(tokio::io::AsyncWriteExt::write_vectored(self, slices))
    }

    /// As tokio's [`write_all_buf`](tokio::io::AsyncWriteExt::write_all_buf).
    #[track_caller]
    fn write_all_buf<'a, B: Buf + Send>(
        &'a mut self,
        buffer: &'a mut B,
    ) -> impl Future<Output = Result<()>> + Send
    where
        Self: Sized + Unpin,
    {
        watched(tokio::io::AsyncWriteExt::write_all_buf(self, buffer))
    }
}

impl<R: AsyncRead + Send + ?Sized> AsyncReadExt for R {}
impl<R: AsyncBufRead + Send + ?Sized> AsyncBufReadExt for R {}
impl<W: AsyncWrite + Send + ?Sized> AsyncWriteExt for W {}

/// `tokio::io::Lines`, watched.
#[derive(Debug)]
pub struct Lines<R>(tokio::io::Lines<R>);

impl<R: AsyncBufRead + Unpin + Send> Lines<R> {
    /// As tokio's [`next_line`](tokio::io::Lines::next_line).
    #[track_caller]
    pub fn next_line(&mut self) -> impl Future<Output = Result<Option<String>>> + Send {
        watched(self.0.next_line())
    }

    /// As tokio's [`into_inner`](tokio::io::Lines::into_inner).
    pub fn into_inner(self) -> R {
        self.0.into_inner()
    }
}
