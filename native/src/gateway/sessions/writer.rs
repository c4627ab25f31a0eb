//! What a page is told: the queue, packed into frames, and a ping when there is nothing to say.

use bytes::Bytes;
use futures_util::sink::SinkExt as _;
use futures_util::stream::SplitSink;
use tokio::time::MissedTickBehavior;
use tokio_tungstenite::tungstenite::Message;
use wire::session::close;

use super::{Ending, Socket, ending_of};
use crate::gateway::Shared;
use crate::gateway::limits::MAX_PACKED_BYTES;
use crate::gateway::queue::Queue;

/// Writes until the page does not take it.
pub(super) async fn write(
    sink: &mut SplitSink<&mut Socket, Message>,
    queue: &Queue,
    shared: &Shared,
) -> Ending {
    let mut pings = tokio::time::interval(shared.limits.ping);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    loop {
        let message = tokio::select! {
            frame = queue.take(MAX_PACKED_BYTES) => Message::Binary(frame.into()),
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        match shared
            .pulse
            .timeout(shared.limits.write, sink.send(message))
            .await
        {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return ending_of(&error),
            Err(_) => {
                return Ending::Closed(
                    close::TOO_SLOW,
                    "the page did not take what was sent to it",
                );
            }
        }
    }
}
