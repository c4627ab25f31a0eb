//! The hello: nothing is said to a page, and nothing done for it, before its token is right.

use std::sync::Arc;

use futures_util::stream::StreamExt as _;
use tokio_tungstenite::tungstenite::Message;
use tracing::info;
use wire::ToGateway;
use wire::session::{DecodeError, close};

use super::pace::Pace;
use super::{Ending, Socket, ending_of};
use crate::gateway::Shared;

/// Waits for a right hello; returns what came behind it in the same frame.
pub(super) async fn greet(
    socket: &mut Socket,
    shared: &Arc<Shared>,
) -> Result<Vec<ToGateway>, Ending> {
    let Ok(_place) = shared.greetings.try_acquire() else {
        return Err(Ending::Closed(
            close::TOO_MANY_SESSIONS,
            "too many pages open at this moment: try again",
        ));
    };
    let no_hello = Ending::Closed(close::NO_HELLO, "the first message must be a hello");
    let frame = match shared
        .pulse
        .timeout(shared.limits.hello, first_frame(socket, shared))
        .await
    {
        Ok(frame) => frame?,
        Err(_) => return Err(no_hello),
    };
    let mut messages = match ToGateway::decode(&frame) {
        Ok(messages) => messages.into_iter(),
        Err(DecodeError::Version(theirs)) => {
            info!(theirs, "a page of another version came");
            return Err(Ending::Closed(
                close::STALE_PAGE,
                "this page is of another version: load it anew",
            ));
        }
        // Who does not begin with a hello need not hear what else is wrong.
        Err(DecodeError::Malformed { .. }) => return Err(no_hello),
    };
    match messages.next() {
        Some(ToGateway::Hello { token, .. }) if shared.token.is(&token) => Ok(messages.collect()),
        Some(ToGateway::Hello { .. }) => Err(Ending::Closed(
            close::WRONG_TOKEN,
            "the token is not this gateway's: open the link it prints",
        )),
        _ => Err(no_hello),
    }
}

async fn first_frame(socket: &mut Socket, shared: &Shared) -> Result<Vec<u8>, Ending> {
    let meter = socket.get_ref().meter();
    let mut pace = Pace::new(&shared.limits);
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(frame))) => return Ok(frame.into()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                // Who may not say anything yet is not answered faster than who may.
                pace.step().await;
                meter.begin_anew();
            }
            Some(Ok(Message::Text(_))) => {
                return Err(Ending::Closed(
                    close::NO_HELLO,
                    "the first message must be a hello",
                ));
            }
            Some(Ok(Message::Close(_))) | None => return Err(Ending::Left),
            Some(Err(error)) => return Err(ending_of(&error)),
        }
    }
}
