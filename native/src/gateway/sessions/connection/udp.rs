//! A UDP socket that receives all the time and sends what it is told.

use std::io;

use tokio_util::sync::CancellationToken;
use wire::event::Failure;
use wire::{Action, Operation};

use super::{Command, Task, later};
use crate::gateway::limits::IDLE_CONNECTION_TIME;
use crate::gateway::router::Expected;
use crate::tap::net::UdpSocket;

/// The largest datagram over IPv4: 65,535 less the headers of IP and UDP (RFC 768, RFC 791).
const MAX_DATAGRAM_BYTES: usize = 65_507;

/// From bind to close. `_expected` ends with the socket.
pub(super) async fn live(socket: std::net::UdpSocket, _expected: Expected, mut task: Task) {
    match connected(socket, &task) {
        Ok(socket) => {
            exchange(&socket, &mut task).await;
            task.record(Action::Close);
        }
        Err(error) => task.record(Action::Error {
            operation: Operation::Connect,
            kind: Failure::Other,
            message: error.to_string(),
        }),
    }
}

/// Only tells the kernel whom to send to and whom to hear; nothing goes over the wire, so nothing
/// is observed.
fn connected(socket: std::net::UdpSocket, task: &Task) -> io::Result<UdpSocket> {
    socket.connect(task.peer)?;
    Ok(UdpSocket::watch_client(
        tokio::net::UdpSocket::from_std(socket)?,
        task.clock.clone(),
        task.conversation(),
        CancellationToken::new(),
    ))
}

async fn exchange(socket: &UdpSocket, task: &mut Task) {
    let mut buffer = vec![0; MAX_DATAGRAM_BYTES];
    let mut deadline = later(IDLE_CONNECTION_TIME);
    loop {
        let queue = &task.queue;
        tokio::select! {
            held = task.commands.recv() => match held.map(|held| held.command) {
                // An error, e.g. a datagram too large, is observed and ends nothing.
                Some(Command::Send(bytes)) => _ = socket.send(&bytes).await,
                Some(Command::ShutDown | Command::Reset) => {}
                Some(Command::Close) | None => return,
            },
            // Errors are told by ICMP for an earlier datagram, one each, and end nothing.
            _ = async { queue.room().await; socket.recv(&mut buffer).await } => {}
            () = tokio::time::sleep_until(deadline) => return task.tell_idle(),
        }
        deadline = later(IDLE_CONNECTION_TIME);
    }
}
