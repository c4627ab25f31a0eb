//! One end of one conversation, as the recorder knows it.

use std::cell::Cell;
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;

use wire::event::{Failure, MAX_EVENT_BYTES};
use wire::{Action, ConnectionId, Data, End, Event, Operation, Source, Worker};

use super::clock::STEP;
use super::{Clock, Conversation, Sink, Stamp, call, tally};

/// Makes events out of what a socket did.
pub(super) struct Observer {
    clock: Clock,
    sink: Arc<dyn Sink>,
    connection: Option<ConnectionId>,
    end: End,
    /// Whether a program of the book uses the socket, or the gateway in the reader's stead.
    is_programs: bool,
}

impl Observer {
    /// Of a conversation. The client's end is the gateway acting for the reader.
    pub(super) fn of(clock: Clock, conversation: Conversation, end: End) -> Arc<Self> {
        Arc::new(Self {
            clock,
            sink: conversation.sink,
            connection: Some(conversation.id),
            end,
            is_programs: end != End::Client,
        })
    }

    /// Of a conversation whose client is a program of the book.
    pub(super) fn of_client_program(clock: Clock, conversation: Conversation) -> Arc<Self> {
        Arc::new(Self {
            clock,
            sink: conversation.sink,
            connection: Some(conversation.id),
            end: End::Client,
            is_programs: true,
        })
    }

    /// Of a socket at this end that belongs to no conversation.
    pub(super) fn of_listening(clock: Clock, sink: Arc<dyn Sink>, end: End) -> Arc<Self> {
        Arc::new(Self {
            clock,
            sink,
            connection: None,
            end,
            is_programs: true,
        })
    }

    /// Now.
    pub(super) fn stamp(&self) -> Stamp {
        self.clock.stamp()
    }

    /// Now, with room for the slices of `byte_count` bytes.
    pub(super) fn stamp_for(&self, byte_count: usize) -> Stamp {
        let slices = byte_count.div_ceil(MAX_EVENT_BYTES).max(1);
        self.clock.stamps(slices as u64)
    }

    /// Records what the current call did.
    pub(super) fn record(self: &Arc<Self>, stamp: Stamp, operation: Operation, action: Action) {
        call::moved(self, operation);
        self.record_at(stamp, action, call::location());
    }

    /// Records a transfer of the current call, in slices. The stamp has room for them.
    pub(super) fn record_bytes(
        self: &Arc<Self>,
        first: Stamp,
        operation: Operation,
        bytes: &[u8],
        action: impl Fn(Data) -> Action,
    ) {
        call::moved(self, operation);
        self.record_slices(first, bytes, action, call::location());
    }

    /// Records what the line at `location` did to these bytes, in slices. The stamp has room for
    /// them.
    pub(super) fn record_slices(
        &self,
        first: Stamp,
        bytes: &[u8],
        action: impl Fn(Data) -> Action,
        location: Option<&'static Location<'static>>,
    ) {
        let mut stamp = first;
        let mut rest = bytes;
        loop {
            let (slice, after) = rest.split_at(rest.len().min(MAX_EVENT_BYTES));
            let data = Data {
                bytes: slice.to_vec(),
                more: !after.is_empty(),
            };
            self.record_at(stamp, action(data), location);
            if after.is_empty() {
                return;
            }
            stamp.sequence += STEP;
            rest = after;
        }
    }

    /// Records that the current call cannot go on at once, if that is news.
    pub(super) fn record_wait(self: &Arc<Self>, operation: Operation) {
        // The gateway reads its end of a connection all the time so that the reader sees what
        // comes; that is no call of the reader's.
        let is_listening_in =
            !self.is_programs && matches!(operation, Operation::Read | Operation::Receive);
        if !is_listening_in && call::waits(self, operation) {
            self.record_at(self.stamp(), Action::Wait { operation }, call::location());
        }
    }

    /// Records that the current call failed here, unless that has been recorded.
    pub(super) fn record_failure(self: &Arc<Self>, operation: Operation, error: &io::Error) {
        if call::failed(self, operation) {
            self.record_error(operation, error, call::location());
        }
    }

    /// Records the end of a socket. No line makes it: it is dropped where its scope ends.
    pub(super) fn record_drop(&self, stamp: Stamp, action: Action) {
        self.record_at(stamp, action, None);
    }

    /// Records an error.
    pub(super) fn record_error(
        &self,
        operation: Operation,
        error: &io::Error,
        location: Option<&'static Location<'static>>,
    ) {
        let action = Action::Error {
            operation,
            kind: failure(error),
            message: error.to_string(),
        };
        self.record_at(self.stamp(), action, location);
    }

    /// Records what the line at `location` did.
    pub(super) fn record_at(
        &self,
        stamp: Stamp,
        action: Action,
        location: Option<&'static Location<'static>>,
    ) {
        // The gateway's own lines would tell the reader nothing.
        let source = location.filter(|_| self.is_programs).map(source);
        let worker = match self.end {
            End::Client | End::Wire => None,
            End::Server | End::Relay => current_worker(),
        };
        self.sink.record(Event {
            sequence: stamp.sequence,
            time_ns: stamp.time_ns,
            connection: self.connection,
            end: self.end,
            action,
            worker,
            source,
        });
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Observer")
            .field("connection", &self.connection)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

fn source(location: &'static Location<'static>) -> Source {
    Source {
        file: location.file().into(),
        line: location.line(),
    }
}

/// The task or the thread that runs now.
fn current_worker() -> Option<Worker> {
    let task = current_task().map(Worker::Task);
    task.or_else(|| tally::current_thread().map(Worker::Thread))
}

thread_local! {
    /// The task that recorded last on this thread, and its number: most often it is the next, too.
    static LAST_TASK: Cell<Option<(tokio::task::Id, u64)>> = const { Cell::new(None) };
}

/// The number of the tokio task that runs now, or is being dropped.
fn current_task() -> Option<u64> {
    let id = tokio::task::try_id()?;
    // Sockets may be dropped while the thread ends, when its locals are gone.
    let last = LAST_TASK.try_with(Cell::get).ok().flatten();
    if let Some((_, number)) = last.filter(|(last, _)| *last == id) {
        return Some(number);
    }
    let number = number_of(id)?;
    let _ = LAST_TASK.try_with(|last| last.set(Some((id, number))));
    Some(number)
}

/// Tokio tells the number only in decimal digits; reading them as they are written spares an
/// allocation.
fn number_of(id: tokio::task::Id) -> Option<u64> {
    struct Digits(u64);

    impl fmt::Write for Digits {
        fn write_str(&mut self, digits: &str) -> fmt::Result {
            for digit in digits.bytes() {
                let digit = u64::from(digit.wrapping_sub(b'0'));
                self.0 = self.0.wrapping_mul(10).wrapping_add(digit);
            }
            Ok(())
        }
    }

    let mut number = Digits(0);
    fmt::write(&mut number, format_args!("{id}")).ok()?;
    Some(number.0)
}

fn failure(error: &io::Error) -> Failure {
    /// EMSGSIZE, which has no [`io::ErrorKind`]; WSAEMSGSIZE on Windows.
    const TOO_LONG: i32 = match () {
        () if cfg!(target_os = "linux") => 90,
        () if cfg!(windows) => 10040,
        () => 40,
    };

    match error.kind() {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        io::ErrorKind::ConnectionReset => Failure::Reset,
        io::ErrorKind::BrokenPipe => Failure::BrokenPipe,
        io::ErrorKind::ConnectionAborted => Failure::Aborted,
        io::ErrorKind::TimedOut => Failure::TimedOut,
        io::ErrorKind::UnexpectedEof => Failure::UnexpectedEnd,
        io::ErrorKind::InvalidData => Failure::InvalidData,
        io::ErrorKind::WouldBlock => Failure::WouldBlock,
        _ if error.raw_os_error() == Some(TOO_LONG) => Failure::TooLong,
        _ => Failure::Other,
    }
}
