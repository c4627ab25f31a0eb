//! A TCP client that reads all the time and writes what it is told.

use std::collections::VecDeque;
use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;
use tracing::debug;
use wire::event::{Failure, MAX_EVENT_BYTES};
use wire::{Action, Operation};

use super::{Command, Held, Task, later};
use crate::gateway::limits::{
    CONNECT_TIME, IDLE_CONNECTION_TIME, LAST_WRITES_TIME, MAX_HELD_COMMANDS,
};
use crate::gateway::router::Expected;
use crate::tap::net::{OwnedWriteHalf, TcpStream};

/// From connect to close. Everything on the way is observed by the watched socket.
pub(super) async fn live(socket: TcpSocket, mut expected: Expected, mut task: Task) {
    let connecting = TcpStream::connect_client(
        socket,
        task.peer,
        task.clock.clone(),
        task.conversation(),
        CancellationToken::new(),
    );
    let stream = match tokio::time::timeout(CONNECT_TIME, connecting).await {
        Ok(Ok(stream)) => stream,
        // Observed already.
        Ok(Err(_)) => return,
        Err(_) => {
            return task.record(Action::Error {
                operation: Operation::Connect,
                kind: Failure::TimedOut,
                message: format!("no connection after {} s", CONNECT_TIME.as_secs()),
            });
        }
    };
    expected.stands();
    let (mut read_half, mut write_half) = stream.into_split();
    let closing = exchange(&mut read_half, &mut write_half, &mut task).await;
    if closing == Closing::Reset
        && let Err(error) = write_half.set_zero_linger()
    {
        debug!(%error, "a connection is closed instead of reset");
    }
    // Closing is one act, without a half-close before it.
    write_half.forget();
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    Close,
    Reset,
}

/// What waits for its turn to be written.
struct Writes {
    waiting: VecDeque<Held>,
    /// How much of the first one is written.
    written: usize,
}

impl Writes {
    /// Makes one system call for the first in line.
    async fn advance(&mut self, half: &mut OwnedWriteHalf) -> io::Result<()> {
        let Some(first) = self.waiting.front() else {
            return Ok(());
        };
        let is_done = match &first.command {
            Command::Send(bytes) => {
                self.written += half.write(&bytes[self.written..]).await?;
                self.written >= bytes.len()
            }
            _ => {
                half.shutdown().await?;
                true
            }
        };
        if is_done {
            self.forget_first();
        }
        Ok(())
    }

    fn forget_first(&mut self) {
        self.waiting.pop_front();
        self.written = 0;
    }
}

async fn exchange(
    read_half: &mut (impl tokio::io::AsyncRead + Unpin),
    write_half: &mut OwnedWriteHalf,
    task: &mut Task,
) -> Closing {
    let mut buffer = vec![0; MAX_EVENT_BYTES];
    let mut writes = Writes {
        waiting: VecDeque::new(),
        written: 0,
    };
    let mut closing = None;
    let mut has_ended = false;
    let mut deadline = later(IDLE_CONNECTION_TIME);
    loop {
        if let Some(closing) = closing
            && writes.waiting.is_empty()
        {
            return closing;
        }
        let takes_commands = closing.is_none() && writes.waiting.len() < MAX_HELD_COMMANDS;
        let queue = &task.queue;
        tokio::select! {
            held = task.commands.recv(), if takes_commands => {
                let Some(held) = held else {
                    return Closing::Close;
                };
                deadline = later(IDLE_CONNECTION_TIME);
                match held.command {
                    Command::Send(_) | Command::ShutDown => writes.waiting.push_back(held),
                    // Refused before: no stream passes a relay.
                    Command::Relay(_) => {}
                    Command::Close => closing = Some(Closing::Close),
                    Command::Reset => closing = Some(Closing::Reset),
                }
                if closing.is_some() {
                    deadline = later(LAST_WRITES_TIME);
                }
            }
            // A page that does not take what it caused causes no more: the server feels it.
            result = async { queue.room().await; writes.advance(write_half).await },
                if !writes.waiting.is_empty() =>
            {
                if result.is_err() {
                    // Observed already. A program would give up here; what came in before the
                    // error can still be read.
                    writes.forget_first();
                    if has_ended {
                        return Closing::Close;
                    }
                }
                if closing.is_none() {
                    deadline = later(IDLE_CONNECTION_TIME);
                }
            }
            result = async { queue.room().await; read_half.read(&mut buffer).await }, if !has_ended => {
                match result {
                    Ok(0) => has_ended = true,
                    Ok(_) if closing.is_none() => deadline = later(IDLE_CONNECTION_TIME),
                    Ok(_) => {}
                    // Observed already, and nothing more can come or go.
                    Err(_) => return Closing::Close,
                }
            }
            () = tokio::time::sleep_until(deadline) => {
                return closing.unwrap_or_else(|| {
                    task.tell_idle();
                    Closing::Close
                });
            }
        }
    }
}
