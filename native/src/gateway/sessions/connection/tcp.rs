//! A TCP client of the reader's.

use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Task;
use super::stream::{Client, Closing};
use crate::gateway::router::Expected;
use crate::tap::net::TcpStream;

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
    let (mut read_half, mut write_half) = stream.into_split();
    let closing = client
        .exchange(&mut read_half, &mut write_half, &mut task)
        .await;
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
