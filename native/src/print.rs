//! What is printed: by lessons, and as a log.
//!
//! Whoever reads the terminal may stop reading (Ctrl-S, a pager) or go away (`| head -1`). `std`'s
//! `println!` would then block the one thread that serves everything, or panic. Here a line is
//! handed to a thread of its own, which writes it; what has no room is counted and said later.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that wait at most for whoever reads.
const MAX_WAITING_BYTES: usize = 1024 * 1024;

/// `std::println!` in its place, which neither blocks nor panics: for lessons, whose text is the
/// same with either.
macro_rules! println {
    ($($argument:tt)*) => {
        $crate::print::line(::std::format_args!($($argument)*))
    };
}

/// Prints one line to stdout.
pub fn line(text: fmt::Arguments<'_>) {
    STDOUT.hand_over(format!("{text}\n").into_bytes());
}

/// Where the log goes: stderr. What is written at once stays together.
pub fn log() -> impl Write {
    Log
}

/// Waits until everything is written, or no longer than this.
pub fn flush(patience: Duration) {
    STDOUT.wait_until_written(patience);
    STDERR.wait_until_written(patience);
}

static STDOUT: Printer = Printer::new("stdout", || Box::new(io::stdout()));
static STDERR: Printer = Printer::new("stderr", || Box::new(io::stderr()));

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        STDERR.hand_over(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A thread that writes, and what it has still to write.
struct Printer {
    name: &'static str,
    open: fn() -> Box<dyn Write>,
    waiting: Mutex<Waiting>,
    filled: Condvar,
    written: Condvar,
    is_started: OnceLock<bool>,
}

struct Waiting {
    lines: VecDeque<Vec<u8>>,
    /// Of these and of the one that is being written.
    bytes: usize,
    /// Lines that had no room.
    lost: u64,
}

impl Printer {
    const fn new(name: &'static str, open: fn() -> Box<dyn Write>) -> Self {
        Self {
            name,
            open,
            waiting: Mutex::new(Waiting {
                lines: VecDeque::new(),
                bytes: 0,
                lost: 0,
            }),
            filled: Condvar::new(),
            written: Condvar::new(),
            is_started: OnceLock::new(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // No code panics while it holds the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_over(&'static self, line: Vec<u8>) {
        self.is_started.get_or_init(|| {
            let thread = thread::Builder::new().name(self.name.to_owned());
            // Without a thread nothing is printed, and the program goes on.
            thread.spawn(|| self.write_all(&mut (self.open)())).is_ok()
        });
        let mut waiting = self.waiting();
        if waiting.bytes + line.len() > MAX_WAITING_BYTES {
            waiting.lost += 1;
            return;
        }
        waiting.bytes += line.len();
        waiting.lines.push_back(line);
        drop(waiting);
        self.filled.notify_one();
    }

    /// The life of the thread.
    fn write_all(&self, out: &mut dyn Write) {
        loop {
            self.write_next(out);
        }
    }

    fn write_next(&self, out: &mut dyn Write) {
        let waiting = self.waiting();
        let mut waiting = self
            .filled
            .wait_while(waiting, |waiting| waiting.lines.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        let line = waiting.lines.pop_front().unwrap_or_default();
        // What was lost came after all that waited.
        let lost = match waiting.lines.is_empty() {
            true => std::mem::take(&mut waiting.lost),
            false => 0,
        };
        drop(waiting);
        // If nobody can read it any more there is nobody to tell.
        let _ = out.write_all(&line);
        if lost > 0 {
            let _ = writeln!(
                out,
                "({lost} lines were not printed: nobody read them in time)"
            );
        }
        let _ = out.flush();
        self.waiting().bytes -= line.len();
        self.written.notify_all();
    }

    fn wait_until_written(&self, patience: Duration) {
        if self.is_started.get() != Some(&true) {
            return;
        }
        let waiting = self.waiting();
        // Either way it is over then.
        let _ = self
            .written
            .wait_timeout_while(waiting, patience, |waiting| waiting.bytes > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// A printer whose thread is the test itself.
    fn printer() -> &'static Printer {
        let printer = Printer::new("nobody", || Box::new(io::sink()));
        printer.is_started.set(true).unwrap();
        Box::leak(Box::new(printer))
    }

    #[test]
    fn lines_come_in_their_order() {
        let printer = printer();
        let mut out = Vec::new();
        printer.hand_over(b"one\n".to_vec());
        printer.hand_over(b"two\n".to_vec());
        printer.write_next(&mut out);
        printer.write_next(&mut out);
        assert_eq!(text(&out), "one\ntwo\n");
    }

    #[test]
    fn what_nobody_reads_is_bounded_and_counted() {
        const LINE_BYTES: usize = 16 * 1024;
        let printer = printer();
        let kept = MAX_WAITING_BYTES / LINE_BYTES;
        for _ in 0..kept + 7 {
            printer.hand_over(vec![b'x'; LINE_BYTES]);
        }
        let mut out = Vec::new();
        for _ in 0..kept {
            assert!(!text(&out).contains("not printed"));
            printer.write_next(&mut out);
        }
        assert!(text(&out).ends_with("(7 lines were not printed: nobody read them in time)\n"));
        printer.hand_over(b"again\n".to_vec());
        printer.write_next(&mut out);
        assert!(text(&out).ends_with(")\nagain\n"));
    }

    #[test]
    fn a_reader_that_is_gone_ends_nothing() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let printer = printer();
        printer.hand_over(b"one\n".to_vec());
        printer.write_next(&mut Gone);
        assert_eq!(printer.waiting().bytes, 0);
    }
}
