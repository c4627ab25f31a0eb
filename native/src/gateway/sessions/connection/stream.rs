//! A client that reads all the time, unless it is told not to, and writes what it is told.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use wire::event::{MAX_EVENT_BYTES, SocketOption};
use wire::session::{Adjustment, Transport};
use wire::{Action, Operation};

use super::super::alarm::Alarm;
use super::writes::Writes;
use super::{Command, Held, Task, at, later};
use crate::gateway::limits::Limits;

/// The writing half of a stream, of whichever family.
pub(super) trait Writer: AsyncWrite + Unpin + Send {
    /// Sets an option of the socket; what comes of it is observed.
    fn set_option(&self, option: SocketOption, value: i64) -> io::Result<()>;
}

impl Writer for crate::tap::net::OwnedWriteHalf {
    fn set_option(&self, option: SocketOption, value: i64) -> io::Result<()> {
        Self::set_option(self, option, value)
    }
}

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    Close,
    Reset,
}

/// What a client does besides moving bytes.
pub(super) struct Client {
    limits: Arc<Limits>,
    transport: Transport,
    /// What came before the connection stood.
    early: VecDeque<Held>,
    writes: Writes,
    closing: Option<Closing>,
    reads: bool,
    /// Whether the reader decided about no-delay.
    has_no_delay: bool,
    lingers: bool,
    /// How long it waits for an answer.
    patience: Option<Duration>,
    /// Since when it waits for an answer: it has connected, or sent something.
    asked_at: Option<Instant>,
    has_sent: bool,
    /// When it has been idle for too long.
    idle_at: Instant,
}

impl Client {
    pub(super) fn new(task: &Task) -> Self {
        let value_of = |wanted| {
            task.options.iter().rev().find_map(|action| match action {
                Action::Option { option, value, .. } if *option == wanted => Some(*value),
                _ => None,
            })
        };
        Self {
            transport: task.transport,
            early: VecDeque::new(),
            writes: Writes::default(),
            closing: None,
            reads: true,
            has_no_delay: value_of(SocketOption::NoDelay).is_some(),
            lingers: value_of(SocketOption::Linger) > Some(0),
            patience: None,
            asked_at: None,
            has_sent: false,
            idle_at: later(task.limits.idle_connection),
            limits: Arc::clone(&task.limits),
        }
    }

    /// Whether closing may have to wait.
    pub(super) fn lingers(&self) -> bool {
        self.lingers
    }

    /// The stream, or nothing if no connection came about; why not has been observed.
    pub(super) async fn connect<S>(
        &mut self,
        connecting: impl Future<Output = io::Result<S>>,
        task: &mut Task,
    ) -> Option<S> {
        task.record_options();
        let began = Instant::now();
        let mut patience = self.limits.connect;
        let mut gives_up_at = None;
        let mut connecting = pin!(connecting);
        loop {
            tokio::select! {
                connected = &mut connecting => return connected.ok(),
                held = task.commands.recv(), if gives_up_at.is_none() => {
                    let held = held?;
                    match &held.command {
                        Command::Adjust(Adjustment::Deadline(Some(ms))) => {
                            patience = self.limits.connect.min(Duration::from_millis(u64::from(*ms)));
                        }
                        // What was sent before goes first, if it still can.
                        Command::Close | Command::Reset => {
                            gives_up_at = Some(later(self.limits.last_writes));
                        }
                        _ => {}
                    }
                    self.early.push_back(held);
                }
                () = tokio::time::sleep_until(began + patience) => {
                    task.record_timeout(Operation::Connect, "no connection", patience);
                    return None;
                }
                () = at(gives_up_at) => {
                    let operation = Operation::Connect;
                    task.record(Action::Cancel { operation });
                    task.record(Action::Close);
                    return None;
                }
            }
        }
    }

    /// Reads and writes until it is time to close.
    pub(super) async fn exchange(
        &mut self,
        read_half: &mut (impl AsyncRead + Unpin),
        write_half: &mut impl Writer,
        task: &mut Task,
    ) -> Closing {
        let mut has_ended = false;
        self.idle_at = later(self.limits.idle_connection);
        for held in std::mem::take(&mut self.early) {
            self.obey(held, write_half);
        }
        let mut idle = pin!(Alarm::at(self.idle_at));
        loop {
            if let Some(closing) = self.closing
                && self.writes.is_empty()
            {
                return closing;
            }
            let answer_due = match self.closing {
                None => self.asked_at.zip(self.patience),
                Some(_) => None,
            };
            let queue = &task.queue;
            idle.as_mut().set(self.idle_at);
            tokio::select! {
                held = task.commands.recv(), if self.closing.is_none() => match held {
                    None => return Closing::Close,
                    Some(held) => self.obey(held, write_half),
                },
                // A page that does not take what it caused causes no more: the server feels it.
                result = async { queue.room().await; self.writes.advance(write_half).await },
                    if !self.writes.is_empty() =>
                {
                    self.asked_at = Some(Instant::now());
                    self.has_sent = true;
                    if result.is_err() {
                        // Observed already. A program would give up here; what came in before the
                        // error can still be read.
                        self.writes.forget_first();
                        if has_ended {
                            return Closing::Close;
                        }
                    }
                    self.is_busy();
                }
                result = async { queue.room().await; read(read_half).await },
                    if self.reads && !has_ended =>
                {
                    self.asked_at = None;
                    match result {
                        Ok(0) => has_ended = true,
                        Ok(_) => self.is_busy(),
                        // Observed already, and nothing more can come or go.
                        Err(_) => return Closing::Close,
                    }
                }
                () = at(answer_due.map(|(asked_at, patience)| asked_at + patience)) => {
                    let patience = self.patience.unwrap_or_default();
                    task.record_timeout(Operation::Read, "no answer", patience);
                    return Closing::Close;
                }
                () = idle.as_mut().rings() => {
                    return self.closing.unwrap_or_else(|| {
                        task.tell_idle();
                        Closing::Close
                    });
                }
            }
        }
    }

    fn is_busy(&mut self) {
        if self.closing.is_none() {
            self.idle_at = later(self.limits.idle_connection);
        }
    }

    fn obey(&mut self, held: Held, write_half: &impl Writer) {
        self.idle_at = later(self.limits.idle_connection);
        match held.command {
            Command::Send(_) | Command::ShutDown => self.writes.push(held),
            Command::Close => self.closing = Some(Closing::Close),
            Command::Reset => self.closing = Some(Closing::Reset),
            Command::Adjust(adjustment) => self.adjust(adjustment, write_half),
        }
        if self.closing.is_some() {
            self.idle_at = later(self.limits.last_writes);
        }
    }

    fn adjust(&mut self, adjustment: Adjustment, write_half: &impl Writer) {
        match adjustment {
            Adjustment::Option(option, value) => {
                // Whether it was set or failed is observed.
                let is_set = write_half.set_option(option, value).is_ok();
                match option {
                    SocketOption::NoDelay => self.has_no_delay = true,
                    SocketOption::Linger if is_set => self.lingers = value > 0,
                    _ => {}
                }
            }
            Adjustment::Slicer(seed) => {
                self.writes.slice(seed);
                if seed.is_some() && self.transport == Transport::Tcp && !self.has_no_delay {
                    // Otherwise the kernel would join pieces again while an ACK is under way.
                    let _ = write_half.set_option(SocketOption::NoDelay, 1);
                }
            }
            Adjustment::Reading(reads) => self.reads = reads,
            Adjustment::Deadline(ms) => {
                self.patience = ms.map(|ms| Duration::from_millis(ms.into()));
                // It counts from what is done next; at first, from having connected.
                self.asked_at = (!self.has_sent).then(Instant::now);
            }
            // Refused before: no stream passes a relay.
            Adjustment::Relay(_) => {}
        }
    }
}

thread_local! {
    /// Where clients read to, one after the other.
    static READ: RefCell<Vec<u8>> = RefCell::new(vec![0; MAX_EVENT_BYTES]);
}

/// Reads what there is and keeps nothing, for what came is observed: a client that waits has no
/// buffer, and there may be thousands.
async fn read(half: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
    poll_fn(|context| {
        READ.with_borrow_mut(|bytes| {
            let mut buffer = ReadBuf::new(bytes);
            ready!(Pin::new(&mut *half).poll_read(context, &mut buffer))?;
            Poll::Ready(Ok(buffer.filled().len()))
        })
    })
    .await
}
