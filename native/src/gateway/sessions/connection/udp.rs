//! A UDP socket that receives all the time, unless it is told not to, and sends what it is told; or
//! that a program of the book sends from.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use socket2::SockRef;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::event::Failure;
use wire::session::Adjustment;
use wire::{Action, Operation};

use super::{Command, Held, Task, at, later, set_option};
use crate::gateway::router::Expected;
use crate::lessons::Serving;
use crate::tap::net::UdpSocket;

/// The largest datagram over IPv4: 65,535 less the headers of IP and UDP (RFC 768, RFC 791).
const MAX_DATAGRAM_BYTES: usize = 65_507;

/// From bind to close. `_expected` ends with the socket.
pub(super) async fn live(socket: std::net::UdpSocket, _expected: Expected, mut task: Task) {
    task.record_options();
    let ended = match (connected(socket, &task), task.client) {
        (Ok(socket), None) => {
            let (clock, conversation) = (task.clock.clone(), task.conversation());
            let cut = CancellationToken::new();
            let socket = UdpSocket::watch_client(socket, clock, conversation, cut);
            exchange(&socket, &mut task).await;
            Ok(())
        }
        (Ok(socket), Some(start)) => {
            let (clock, conversation) = (task.clock.clone(), task.conversation());
            let cut = CancellationToken::new();
            let socket = UdpSocket::watch_client_program(socket, clock, conversation, cut);
            let (messages, inbox) = mpsc::channel(1);
            hand_over(messages, start(socket, inbox), &mut task).await
        }
        (Err(error), _) => {
            return task.record(Action::Error {
                operation: Operation::Connect,
                kind: Failure::Other,
                message: error.to_string(),
            });
        }
    };
    if let Err(error) = ended {
        task.record(Action::Error {
            operation: Operation::Send,
            kind: match error.kind() {
                io::ErrorKind::TimedOut => Failure::TimedOut,
                _ => Failure::Other,
            },
            message: error.to_string(),
        });
    }
    task.record(Action::Close);
}

/// Only tells the kernel whom to send to and whom to hear; nothing goes over the wire, so nothing
/// is observed.
fn connected(socket: std::net::UdpSocket, task: &Task) -> io::Result<tokio::net::UdpSocket> {
    let peer = task.peer.ip();
    socket.connect(peer.ok_or(io::ErrorKind::AddrNotAvailable)?)?;
    tokio::net::UdpSocket::from_std(socket)
}

async fn exchange(socket: &UdpSocket, task: &mut Task) {
    let mut buffer = vec![0; MAX_DATAGRAM_BYTES];
    let mut deadline = later(task.limits.idle_connection);
    let mut receives = true;
    let mut patience = None;
    // When it sent what has no answer yet.
    let mut asked_at = None;
    loop {
        let queue = &task.queue;
        let answer_due = asked_at.zip(patience).map(|(at, patience)| at + patience);
        tokio::select! {
            held = task.commands.recv() => match held.map(|held| held.command) {
                // An error, e.g. a datagram too large, is observed and ends nothing.
                Some(Command::Send(bytes)) => {
                    let _ = socket.send(&bytes).await;
                    asked_at = Some(Instant::now());
                }
                Some(Command::Adjust(adjustment)) => match adjustment {
                    Adjustment::Option(option, value) => {
                        task.record(set_option(&SockRef::from(socket), option, value));
                    }
                    Adjustment::Reading(is_reading) => receives = is_reading,
                    Adjustment::Deadline(ms) => {
                        patience = ms.map(|ms| Duration::from_millis(ms.into()));
                        // It counts from what is sent next.
                        asked_at = None;
                    }
                    Adjustment::Relay(settings) => task.set_relay(settings),
                    // Refused before: datagrams are not cut.
                    Adjustment::Slicer(_) => {}
                },
                Some(Command::ShutDown | Command::Reset) => {}
                Some(Command::Close) | None => return,
            },
            // Errors are told by ICMP for an earlier datagram, one each, and end nothing.
            _ = async { queue.room().await; socket.recv(&mut buffer).await }, if receives => {
                asked_at = None;
            }
            () = at(answer_due) => {
                task.record_timeout(Operation::Receive, "no answer", patience.unwrap_or_default());
                return;
            }
            () = tokio::time::sleep_until(deadline) => return task.tell_idle(),
        }
        deadline = later(task.limits.idle_connection);
    }
}

/// Hands messages to a program until it ends, or the reader ends it.
async fn hand_over(
    messages: mpsc::Sender<Vec<u8>>,
    mut program: Serving,
    task: &mut Task,
) -> io::Result<()> {
    let mut waiting = VecDeque::new();
    let mut deadline = later(task.limits.idle_connection);
    loop {
        tokio::select! {
            held = task.commands.recv() => {
                match held {
                    Some(Held { command: Command::Send(bytes), _place, _room }) => {
                        waiting.push_back((bytes, _place, _room));
                    }
                    Some(Held { command: Command::Adjust(adjustment), .. }) => {
                        // Anything else was refused before: the program is as it is.
                        if let Adjustment::Relay(settings) = adjustment {
                            task.set_relay(settings);
                        }
                    }
                    Some(Held { command: Command::Close, .. }) | None => return Ok(()),
                    Some(Held { command: Command::ShutDown | Command::Reset, .. }) => {}
                }
            }
            Ok(place) = messages.reserve(), if !waiting.is_empty() => {
                if let Some((bytes, ..)) = waiting.pop_front() {
                    place.send(bytes);
                }
            }
            ended = &mut program => return ended,
            () = tokio::time::sleep_until(deadline) => {
                task.tell_idle();
                return Ok(());
            }
        }
        deadline = later(task.limits.idle_connection);
    }
}
