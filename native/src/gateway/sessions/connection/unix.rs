//! A client of the reader's on a Unix socket.

use std::fs;
use std::io;
use std::path::PathBuf;

use tokio::net::UnixSocket;
use tokio_util::sync::CancellationToken;
use wire::event::SocketOption;
use wire::{Address, ConnectionId};

use super::Task;
use super::stream::{Client, Writer};
use crate::gateway::router::Expected;
use crate::tap::net::UnixStream;
use crate::tap::net::unix::OwnedWriteHalf;

/// A socket with a path of its own. Clients need none; this one has it so that the router knows
/// whose connection it is when the server accepts it.
pub(super) struct NamedSocket {
    pub(super) socket: UnixSocket,
    name: Name,
}

/// The file; it goes as soon as the connection stands or cannot stand.
struct Name(PathBuf);

impl Drop for Name {
    fn drop(&mut self) {
        // Gone already if somebody has removed it.
        let _ = fs::remove_file(&self.0);
    }
}

impl NamedSocket {
    /// Binds beside the server, under a name that nobody else has.
    pub(super) fn bind(
        socket: UnixSocket,
        server: &Address,
        id: ConnectionId,
    ) -> io::Result<(Self, Address)> {
        let Address::Unix(server) = server else {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        };
        let path = format!("{server}-{}", id.0);
        let name = Name(PathBuf::from(&path));
        // Left over from a gateway that was killed: the server's name is ours now, and so is this.
        let _ = fs::remove_file(&path);
        socket.bind(&path)?;
        Ok((Self { socket, name }, Address::Unix(path)))
    }
}

impl Writer for OwnedWriteHalf {
    fn set_option(&self, option: SocketOption, value: i64) -> io::Result<()> {
        Self::set_option(self, option, value)
    }
}

/// From connect to close. Everything on the way is observed by the watched socket.
pub(super) async fn live(socket: NamedSocket, mut expected: Expected, mut task: Task) {
    let Address::Unix(peer) = task.peer.clone() else {
        return;
    };
    let NamedSocket { socket, name } = socket;
    let connecting = UnixStream::connect_client(
        socket,
        &peer,
        task.clock.clone(),
        task.conversation(),
        CancellationToken::new(),
    );
    let mut client = Client::new(&task);
    let Some(stream) = client.connect(connecting, &mut task).await else {
        return;
    };
    drop(name);
    expected.stands();
    let (mut read_half, mut write_half) = stream.into_split();
    client
        .exchange(&mut read_half, &mut write_half, &mut task)
        .await;
    // Closing is one act, without a half-close before it.
    write_half.forget();
}
