//! What came back, and whether it is what had to come.

use anyhow::{Context, Result, bail, ensure};
use wire::session::Refused;
use wire::{ConnectionId, Event, Progress, Seen, ToPage, text};

use super::input::{Outcome, To};
use super::raw::{opcode, take_frame};

/// All that came back on one connection.
#[derive(Default)]
pub(super) struct Heard {
    /// Every byte, whatever it means.
    pub(super) bytes: Vec<u8>,
    /// Of these, what is no whole frame yet.
    rest: Vec<u8>,
    /// The events of the session.
    pub(super) events: Vec<Event>,
    /// What was not done for the session.
    pub(super) refused: Vec<Refused>,
    /// The connections that were opened, in order.
    pub(super) opened: Vec<ConnectionId>,
    /// The numbers of the session's own pings that were answered.
    pub(super) answered: Vec<u32>,
    /// Pongs of the WebSocket.
    pongs: usize,
    /// The close frame: code and reason.
    close: Option<(u16, String)>,
    /// Whether the other side has ended the connection.
    pub(super) has_ended: bool,
}

/// RFC 6455, 7.4.1: no code was there.
const NO_CODE: u16 = 1005;

impl Heard {
    /// Takes note of bytes, which are frames if a WebSocket is open.
    pub(super) fn take(&mut self, bytes: &[u8], is_websocket: bool) -> Result<()> {
        self.bytes.extend(bytes);
        if !is_websocket {
            return Ok(());
        }
        self.rest.extend(bytes);
        while let Some((opcode, payload)) = take_frame(&mut self.rest) {
            ensure!(self.close.is_none(), "a frame came behind the close frame");
            match opcode {
                opcode::BINARY => {
                    for message in ToPage::decode(&payload)? {
                        self.take_message(message);
                    }
                }
                opcode::PONG => self.pongs += 1,
                opcode::CLOSE => {
                    let (code, reason) = match payload.split_first_chunk() {
                        Some((code, reason)) => (u16::from_be_bytes(*code), reason),
                        None => (NO_CODE, &payload[..]),
                    };
                    self.close = Some((code, String::from_utf8(reason.to_vec())?));
                }
                // A ping of the gateway.
                9 => {}
                other => bail!("the gateway sent a frame with opcode {other}"),
            }
        }
        Ok(())
    }

    fn take_message(&mut self, message: ToPage) {
        match message {
            ToPage::Opened { connection, .. } => self.opened.push(connection),
            ToPage::Event { event, .. } => self.events.push(event),
            ToPage::Refused(refused) => self.refused.push(refused),
            ToPage::Pong { nonce } => self.answered.push(nonce),
            _ => {}
        }
    }

    /// Whether all of this was observed, in this order.
    pub(super) fn has_seen(&self, steps: &[Seen]) -> bool {
        has_seen(&self.events, steps)
    }

    /// Compares it with what had to come; nothing else may have come.
    pub(super) fn check(&mut self, outcome: &Outcome, to: &To) -> Result<()> {
        if !outcome.goes_on {
            ensure!(self.has_ended, "the gateway did not end the connection");
        }
        match to {
            To::Http => self.check_responses(outcome),
            To::Websocket | To::Session => self.check_session(outcome),
            To::Lesson(_) | To::Process(_) => self.check_answer(outcome),
        }
    }

    fn check_answer(&self, outcome: &Outcome) -> Result<()> {
        if let Some(answer) = &outcome.answer {
            ensure!(
                self.bytes == text::from_escaped(answer)?,
                "it answered {}",
                text::to_escaped(&self.bytes)
            );
        }
        Ok(())
    }

    fn check_responses(&mut self, outcome: &Outcome) -> Result<()> {
        if self.bytes.is_empty() && outcome.may_be_lost {
            return Ok(());
        }
        let (responses, rest) = responses(&self.bytes)?;
        let statuses: Vec<_> = responses.iter().map(|(status, _)| *status).collect();
        ensure!(statuses == outcome.status, "the responses are {statuses:?}");
        if let Some(words) = &outcome.says {
            let content = responses.last().map(|(_, content)| content.as_slice());
            let content = String::from_utf8_lossy(content.unwrap_or_default());
            ensure!(content.contains(words), "it says {content:?}");
        }
        let frames = rest.to_vec();
        self.take(&frames, true)?;
        self.check_session(outcome)
    }

    fn check_session(&self, outcome: &Outcome) -> Result<()> {
        let close = self.close.as_ref();
        ensure!(
            close.map(|(code, _)| *code) == outcome.close,
            "closed with {close:?}"
        );
        if let Some(words) = &outcome.reason {
            let reason = close.map_or("", |(_, reason)| reason);
            ensure!(reason.contains(words), "closed because {reason:?}");
        }
        let why: Vec<_> = self.refused.iter().map(|refused| &refused.why).collect();
        ensure!(why.len() == outcome.refused.len(), "refused: {why:?}");
        for (why, words) in why.iter().zip(&outcome.refused) {
            ensure!(why.contains(words.as_str()), "{why:?} has no {words:?}");
        }
        ensure!(
            self.pongs <= outcome.pongs,
            "{} pongs came back",
            self.pongs
        );
        ensure!(
            self.has_seen(&outcome.seen),
            "what is observed is\n{}",
            crate::session::transcript(&self.events)
        );
        Ok(())
    }
}

/// Whether all of this was observed, in this order.
pub(super) fn has_seen<'a>(events: impl IntoIterator<Item = &'a Event>, steps: &[Seen]) -> bool {
    let mut progress = Progress::new(steps.iter().cloned(), 0);
    let mut events: Vec<_> = events.into_iter().collect();
    events.sort_by_key(|event| event.sequence);
    for event in events {
        progress.observe(event);
    }
    progress.is_complete()
}

/// Status and content.
type Response = (u16, Vec<u8>);

/// Each response (RFC 9112), all of which have a length; and what is behind a change of protocol.
fn responses(mut bytes: &[u8]) -> Result<(Vec<Response>, &[u8])> {
    let mut responses = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let end = end.with_context(|| format!("no response: {}", text::to_escaped(bytes)))?;
        let head = std::str::from_utf8(&bytes[..end])?;
        let status = head
            .strip_prefix("HTTP/1.")
            .and_then(|rest| rest.get(2..5))
            .and_then(|status| status.parse().ok())
            .with_context(|| format!("no status line: {head:?}"))?;
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .map_or(Ok(0), |(_, length)| length.parse::<usize>())?;
        let content = bytes[end + 4..].iter().take(length).copied().collect();
        responses.push((status, content));
        bytes = bytes.get(end + 4 + length..).unwrap_or_default();
        if status == 101 {
            break;
        }
    }
    Ok((responses, bytes))
}
