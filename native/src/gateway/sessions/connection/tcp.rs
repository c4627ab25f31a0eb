//! A TCP client of the reader's.

use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Task;
use super::stream::{Client, Closing};
use crate::gateway::router::Expected;
use crate::tap::net::{OwnedReadHalf, OwnedWriteHalf, TcpStream};

/// From connect to close. Everything on the way is observed by the watched socket.
pub(super) async fn live(socket: TcpSocket, mut expected: Expected, mut task: Task) {
    let Some(peer) = task.peer.ip() else {
        return;
    };
    let connecting = TcpStream::connect_client(
        socket,
        peer,
        task.clock.clone(),
        task.conversation(),
        CancellationToken::new(),
    );
    let mut client = Client::new(&task);
    let Some(stream) = client.connect(connecting, &mut task).await else {
        return;
    };
    expected.stands();
    let mut ends = Ends::of(stream);
    let closing = match &mut ends.0 {
        Some((read_half, write_half)) => client.exchange(read_half, write_half, &mut task).await,
        None => return,
    };
    let Some((read_half, write_half)) = ends.0.take() else {
        return;
    };
    if closing == Closing::Reset
        && let Err(error) = write_half.set_zero_linger()
    {
        debug!(%error, "a connection is closed instead of reset");
    }
    let close = move || {
        // Closing is one act, without a half-close before it.
        write_half.forget();
        drop(read_half);
    };
    match client.lingers() && closing == Closing::Close {
        // Such a close blocks until all is sent, or the time is up (socket(7)).
        true => _ = tokio::task::spawn_blocking(close).await,
        false => close(),
    }
}

/// Both halves of a stream, which may end with their session at any await: then nobody waits for
/// the close, so it must not linger and block the thread it happens on.
struct Ends(Option<(OwnedReadHalf, OwnedWriteHalf)>);

impl Ends {
    fn of(stream: TcpStream) -> Self {
        Self(Some(stream.into_split()))
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        if let Some((_, write_half)) = &self.0
            && let Err(error) = write_half.end_linger()
        {
            debug!(%error, "a connection may linger");
        }
    }
}
