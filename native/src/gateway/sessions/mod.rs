//! One page's session: a WebSocket, and the connections to lessons that live and end with it.
//!
//! - [`meter`]: how much may be sent without saying anything;
//! - [`greeting`]: the hello that must come first;
//! - [`commands`]: what the page asks, read no faster than it may ask and than it takes answers;
//! - [`writer`]: what the page is told, and whether it still listens;
//! - [`connection`]: one client socket, in a task of its own.

mod alarm;
mod commands;
mod connection;
mod greeting;
mod meter;
mod pace;
mod writer;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::sink::SinkExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};
use wire::session::{MAX_FRAME_BYTES, close};

use self::commands::Commands;
use self::meter::{Metered, TooManyPieces};
use super::Shared;
use super::limits::{MAX_PACKED_BYTES, MAX_WEBSOCKET_BUFFER_BYTES, WEBSOCKET_READ_BYTES};
use super::queue::Queue;

type Socket = WebSocketStream<Metered<TcpStream>>;

/// Why a session ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// The page closed it, or is gone without a word.
    Left,
    /// The gateway closes it, with this code and these words.
    Closed(u16, &'static str),
}

/// Serves one page until it leaves, breaks a rule, or `stop`.
/// `read_ahead` is what came behind the request for an upgrade.
pub(super) async fn run(
    stream: TcpStream,
    read_ahead: Bytes,
    shared: Arc<Shared>,
    stop: CancellationToken,
) {
    let config = WebSocketConfig::default()
        .read_buffer_size(WEBSOCKET_READ_BYTES)
        .write_buffer_size(MAX_PACKED_BYTES)
        .max_write_buffer_size(MAX_WEBSOCKET_BUFFER_BYTES)
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES));
    let stream = Metered::new(stream);
    let read_ahead = read_ahead.into();
    let mut socket =
        WebSocketStream::from_partially_read(stream, read_ahead, Role::Server, Some(config)).await;
    let ending = tokio::select! {
        ending = serve(&mut socket, &shared) => ending,
        () = stop.cancelled() => Ending::Closed(close::GOING_AWAY, "the gateway is stopping"),
    };
    info!(?ending, "a session ended");
    // Bounded as a whole: a page that reads nothing cannot hold it open.
    let closing = tokio::time::timeout(shared.limits.close, end(socket, ending));
    if closing.await.is_err() {
        debug!("a page did not end its side in time");
    }
}

async fn serve(socket: &mut Socket, shared: &Arc<Shared>) -> Ending {
    let first = match greeting::greet(socket, shared).await {
        Ok(first) => first,
        Err(ending) => return ending,
    };
    let Ok(_place) = Arc::clone(&shared.sessions).try_acquire_owned() else {
        return Ending::Closed(
            close::TOO_MANY_SESSIONS,
            "too many pages are open at once: close some",
        );
    };
    info!("a session began");
    let queue = Arc::new(Queue::new(&shared.limits));
    queue.push_answer(shared.welcome());
    let mut commands = Commands::new(Arc::clone(shared), Arc::clone(&queue));
    let meter = socket.get_ref().meter();
    let (mut sink, mut stream) = socket.split();
    // Two futures that never wait for each other; whichever ends, ends both. Each is polled only
    // when it was woken itself: with what happens every few microseconds the writer wakes often,
    // and each time the socket would be asked for commands.
    let both: [BoxFuture<'_, Ending>; 2] = [
        commands.follow(first, &mut stream, &meter).boxed(),
        writer::write(&mut sink, &queue, shared).boxed(),
    ];
    let mut both: FuturesUnordered<_> = both.into_iter().collect();
    both.next().await.unwrap_or(Ending::Left)
}

/// What an error of the WebSocket means for the session.
fn ending_of(error: &Error) -> Ending {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            Ending::Closed(CloseCode::Size.into(), "a message may have 64 KiB")
        }
        Error::Protocol(_) | Error::Capacity(_) | Error::WriteBufferFull(_) => Ending::Closed(
            CloseCode::Protocol.into(),
            "this is not the WebSocket protocol",
        ),
        Error::Utf8(_) => Ending::Closed(CloseCode::Invalid.into(), "a text was not UTF-8"),
        Error::Io(error)
            if error
                .get_ref()
                .is_some_and(|error| error.is::<TooManyPieces>()) =>
        {
            Ending::Closed(
                CloseCode::Policy.into(),
                "a message comes in too many pieces",
            )
        }
        _ => Ending::Left,
    }
}

async fn end(mut socket: Socket, ending: Ending) {
    let closed = match ending {
        // A page that has closed waits for the same frame (RFC 6455, 5.5.1).
        Ending::Left => socket.flush().await,
        Ending::Closed(code, reason) => {
            let frame = CloseFrame {
                code: code.into(),
                reason: reason.into(),
            };
            socket.close(Some(frame)).await
        }
    };
    if let Err(error) = closed {
        debug!(%error, "a close frame was not sent");
    }
    // Unread bytes would turn the end into a reset, which may overtake the close frame.
    let io = socket.get_mut().inner();
    if io.shutdown().await.is_ok() {
        let mut rest = vec![0; 4096];
        while matches!(io.read(&mut rest).await, Ok(1..)) {}
    }
}
