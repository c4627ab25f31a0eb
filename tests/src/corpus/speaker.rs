//! Says the parts of a file, one after another.

use std::cell::RefCell;

use anyhow::Result;
use tokio::io::AsyncWriteExt as _;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use wire::session::{SUBPROTOCOL, VERSION};
use wire::{ConnectionId, Seen, ToGateway};

use super::bystander::Bystander;
use super::heard::Heard;
use super::input::{Act, Part, What};
use super::raw;
use super::target::Target;

/// What is written at once where a part is repeated.
pub(super) const BLOCK_BYTES: usize = 64 * 1024;

/// What stands for what in a text.
pub(super) struct Names([(&'static str, String); 5]);

impl Names {
    pub(super) fn of(target: &Target) -> Self {
        let address = target.address;
        Self([
            ("$HOST", address.to_string()),
            ("$ORIGIN", format!("http://{address}")),
            ("$PORT", address.port().to_string()),
            ("$TOKEN", target.token.clone()),
            (
                "$UPGRADE",
                format!(
                    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                     Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"
                ),
            ),
        ])
    }

    pub(super) fn fill(&self, text: &str) -> String {
        let names = self.0.iter();
        names.fold(text.to_owned(), |text, (name, value)| {
            text.replace(name, value)
        })
    }
}

/// Says the parts of a file.
pub(super) struct Speaker<'a> {
    pub(super) names: Names,
    /// Somebody else's connection.
    pub(super) foreign: ConnectionId,
    pub(super) hears: watch::Receiver<Heard>,
    /// Whether what comes back is read no more.
    pub(super) deaf: CancellationToken,
    /// Whether the connection is to be dropped as it is.
    pub(super) gone: CancellationToken,
    /// What it waits for that only the bystander sees.
    pub(super) wanted: &'a Wanted,
}

/// Something that one side waits for and the other one sees.
#[derive(Default)]
pub(super) struct Wanted {
    step: RefCell<Option<Seen>>,
    was_seen: Notify,
}

impl Wanted {
    /// Looks whether the bystander has seen it by now.
    pub(super) fn look(&self, bystander: &Bystander) {
        let is_seen = |step: &mut Seen| bystander.has_seen(std::slice::from_ref(step));
        if self.step.borrow_mut().take_if(is_seen).is_some() {
            self.was_seen.notify_one();
        }
    }
}

impl Speaker<'_> {
    /// Waits until this is seen, by whoever can see it.
    async fn sees(&self, step: &Seen) -> Result<()> {
        self.wanted.step.replace(Some(step.clone()));
        let step = std::slice::from_ref(step);
        let mut hears = self.hears.clone();
        tokio::select! {
            heard = hears.wait_for(|heard| heard.has_seen(step)) => heard.map(drop)?,
            () = self.wanted.was_seen.notified() => {}
        }
        Ok(())
    }

    pub(super) async fn say_all(
        &self,
        parts: &[Part],
        mut stream: OwnedWriteHalf,
    ) -> Result<OwnedWriteHalf> {
        for part in parts {
            let bytes = match &part.what {
                What::Text(text) => self.names.fill(text).into_bytes(),
                What::Bytes(bytes) => bytes.clone(),
                What::Frame(frame) => frame.encode()?,
                What::Hello { version, token } => frame_of(&[ToGateway::Hello {
                    version: version.unwrap_or(VERSION),
                    token: self.names.fill(token),
                }]),
                What::Messages(messages, tail) => {
                    let mut messages = self.with_connections(messages).await?;
                    for message in &mut messages {
                        if let ToGateway::Send { bytes, .. } = message {
                            bytes.resize(bytes.len() + tail.fill, 0);
                        }
                    }
                    let mut payload = encoded(&messages);
                    payload.truncate(payload.len().saturating_sub(tail.cut));
                    payload.extend(&tail.extra);
                    raw::binary(&payload)
                }
                What::Act(Act::HalfClose) => {
                    stream.shutdown().await?;
                    continue;
                }
                What::Act(Act::StopReading) => {
                    self.deaf.cancel();
                    continue;
                }
                What::Act(Act::Reset) => {
                    stream.as_ref().set_zero_linger()?;
                    // Dropped, it would send a FIN first.
                    stream.forget();
                    self.gone.cancel();
                    return std::future::pending().await;
                }
                What::Wait => Vec::new(),
            };
            let Some(step) = &part.until else {
                say(&mut stream, &bytes, part).await?;
                continue;
            };
            let say = async {
                say(&mut stream, &bytes, part).await?;
                std::future::pending::<Result<()>>().await
            };
            tokio::select! {
                seen = self.sees(step) => seen?,
                never = say => never?,
            }
        }
        Ok(stream)
    }

    /// The messages with names filled in, and the ids that the gateway gave: in a file 1 is the first
    /// connection that it opens, and 0 the bystander's. Others are what they are.
    async fn with_connections(&self, messages: &[ToGateway]) -> Result<Vec<ToGateway>> {
        let mut messages = messages.to_vec();
        for message in &mut messages {
            let connection = match message {
                ToGateway::Watch { lesson }
                | ToGateway::Open { lesson, .. }
                | ToGateway::Look { lesson, .. } => {
                    *lesson = self.names.fill(lesson);
                    continue;
                }
                ToGateway::Send { connection, .. }
                | ToGateway::ShutDown { connection }
                | ToGateway::Close { connection }
                | ToGateway::Reset { connection }
                | ToGateway::Adjust { connection, .. } => connection,
                _ => continue,
            };
            *connection = match connection.0 {
                0 => self.foreign,
                number @ 1..100 => {
                    let index = usize::try_from(number)? - 1;
                    let mut hears = self.hears.clone();
                    let heard = hears.wait_for(|heard| heard.opened.len() > index).await?;
                    heard.opened[index]
                }
                _ => *connection,
            };
        }
        Ok(messages)
    }
}

async fn say(stream: &mut OwnedWriteHalf, bytes: &[u8], part: &Part) -> Result<()> {
    if part.bytewise {
        for byte in bytes.repeat(part.times) {
            stream.write_all(&[byte]).await?;
            tokio::task::yield_now().await;
        }
        return Ok(());
    }
    // Much is said in blocks, so that it need not be in memory.
    let at_once = (BLOCK_BYTES / bytes.len().max(1)).clamp(1, part.times.max(1));
    let block = bytes.repeat(at_once);
    for _ in 0..part.times / at_once {
        stream.write_all(&block).await?;
    }
    let rest = bytes.repeat(part.times % at_once);
    Ok(stream.write_all(&rest).await?)
}

pub(super) fn frame_of(messages: &[ToGateway]) -> Vec<u8> {
    raw::binary(&encoded(messages))
}

fn encoded(messages: &[ToGateway]) -> Vec<u8> {
    let mut payload = Vec::new();
    messages
        .iter()
        .for_each(|message| message.encode(&mut payload));
    payload
}
