//! Reading and writing as in `std::io`, where each call tells which line made it.
//!
//! The traits have std's names and methods, and work on all that std's work on; the rest *is* std's.

pub use std::io::{BufReader, BufWriter, Error, ErrorKind, Result, Take};

use crate::tap::call::watched_call;

/// For each method: std's of the same name, as a call that is watched.
macro_rules! calls {
    ($std:ident: $($name:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {$(
        #[doc = concat!("As std's [`", stringify!($name), "`](std::io::", stringify!($std),
            "::", stringify!($name), ").")]
        #[track_caller]
        fn $name(&mut self $(, $argument: $type)*) -> Result<$output> {
            watched_call(|| std::io::$std::$name(self $(, $argument)*))
        }
    )*};
}

/// Reading from a stream of bytes.
pub trait Read: std::io::Read {
    calls! { Read:
        read(buffer: &mut [u8]) -> usize;
        read_exact(buffer: &mut [u8]) -> ();
        read_to_end(buffer: &mut Vec<u8>) -> usize;
        read_to_string(text: &mut String) -> usize;
    }

    /// As std's [`take`](std::io::Read::take).
    fn take(self, limit: u64) -> Take<Self>
    where
        Self: Sized,
    {
        std::io::Read::take(self, limit)
    }
}

/// Reading from a stream of bytes that looks ahead.
pub trait BufRead: std::io::BufRead {
    calls! { BufRead:
        read_until(byte: u8, buffer: &mut Vec<u8>) -> usize;
        read_line(line: &mut String) -> usize;
    }
}

/// Writing to a stream of bytes.
pub trait Write: std::io::Write {
    calls! { Write:
        write(bytes: &[u8]) -> usize;
        write_all(bytes: &[u8]) -> ();
        flush() -> ();
    }
}

impl<R: std::io::Read + ?Sized> Read for R {}
impl<R: std::io::BufRead + ?Sized> BufRead for R {}
impl<W: std::io::Write + ?Sized> Write for W {}
