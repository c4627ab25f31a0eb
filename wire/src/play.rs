//! What to do in a lab, as the tests and the recorder do it: `connect`, `send "hello\n"`, ...
//!
//! ```text
//! [NAME:] connect | half-close | close | reset | pause | resume
//! [NAME:] send "TEXT" [* COUNT]
//! [NAME:] ask "DOMAIN" TYPE
//! [NAME:] option OPTION VALUE
//! [NAME:] slicer SEED | slicer off
//! [NAME:] deadline MILLISECONDS ms | deadline off
//! [NAME:] relay [seed=N] [loss=N] [duplicate=N] [reorder=N] [delay=N]
//! network [seed=N] [delay=N] [jitter=N] [bandwidth=N] [mtu=N] [loss=N] [duplicate=N] [reorder=N]
//!         [corrupt=N] [queue=N]
//! drop KIND [from END] [N times]
//! duplicate KIND [from END] [N times]
//! delay KIND MILLISECONDS ms [from END] [N times]
//! ```
//!
//! `NAME:` is another client of the same lab, with a connection of its own. An `option` before
//! `connect` is set before the connection is made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::event::SocketOption;
use crate::network::{NetworkSettings, Trap};
use crate::payload;
pub use crate::phrase::PhraseError;
use crate::phrase::{Token, Tokens};
use crate::session::{MAX_SEND_BYTES, RelaySettings};
use crate::text;

const EXPECTED: &str = "connect, send, half-close, close, reset, ask, option, slicer, pause, \
                        resume, deadline, relay, network, drop, delay or duplicate";

/// The longest name of a client, in bytes.
const MAX_NAME_BYTES: usize = 16;

/// One thing to do, and who does it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Play {
    /// Which client of the lab; `None` is the reader's first one.
    pub client: Option<String>,
    /// What it does.
    pub act: Act,
}

/// One thing to do, in the words of the composer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// `connect`
    Connect,
    /// `send "TEXT"`
    Send(#[serde(with = "payload")] Vec<u8>),
    /// `half-close`
    HalfClose,
    /// `close`
    Close,
    /// `reset`
    Reset,
    /// `ask "www.wirebook.test" AAAA`: a DNS query (RFC 1035, 4.1.2) in one datagram
    Ask {
        /// The domain name.
        name: String,
        /// The query type by its mnemonic, e.g. `AAAA`.
        kind: String,
    },
    /// `option no-delay 1`
    Option(SocketOption, i64),
    /// `slicer 7`, `slicer off`
    Slicer(Option<u64>),
    /// `pause`: the client reads no more.
    Pause,
    /// `resume`: it reads again.
    Resume,
    /// `deadline 2000 ms`, `deadline off`
    Deadline(Option<u32>),
    /// `relay seed=7 loss=30`
    Relay(RelaySettings),
    /// `network delay=50 loss=30`: what a simulated link does from now on.
    Network(NetworkSettings),
    /// `drop SYN-ACK`, `delay data 300 ms`: to the first such packets from now on, in a simulated
    /// network.
    Trap(Trap),
}

impl From<Act> for Play {
    fn from(act: Act) -> Self {
        Self { client: None, act }
    }
}

impl FromStr for Play {
    type Err = PhraseError;

    fn from_str(phrase: &str) -> Result<Self, PhraseError> {
        let mut tokens = Tokens::new(phrase);
        let mut word = tokens.word(EXPECTED)?;
        let mut client = None;
        if let Some(name) = word.strip_suffix(':') {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric();
            if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(is_plain) {
                return Err(tokens.problem(format!(
                    "a client's name is 1 to {MAX_NAME_BYTES} letters or digits, as in b: connect"
                )));
            }
            client = Some(name.to_owned());
            word = tokens.word(EXPECTED)?;
        }
        let act = act(&word, &mut tokens)?;
        tokens.end()?;
        Ok(Self { client, act })
    }
}

fn act(word: &str, tokens: &mut Tokens<'_>) -> Result<Act, PhraseError> {
    Ok(match word {
        "connect" => Act::Connect,
        "send" => Act::Send(payload(tokens)?),
        "half-close" => Act::HalfClose,
        "close" => Act::Close,
        "reset" => Act::Reset,
        "pause" => Act::Pause,
        "resume" => Act::Resume,
        "ask" => {
            let name = tokens.next()?;
            let Some(Token::Text(name)) = name else {
                return Err(tokens.problem("ask wants a name, as in ask \"www.wirebook.test\" A"));
            };
            let name = String::from_utf8(name)
                .map_err(|_| tokens.problem("a domain name is text, in UTF-8"))?;
            let kind = tokens.word("a query type, e.g. A, AAAA, CNAME, MX")?;
            Act::Ask { name, kind }
        }
        "option" => {
            let option = tokens.word("a socket option")?;
            let option = tokens.lookup(&SocketOption::ALL, &option)?;
            Act::Option(option, tokens.number("the value of the option")?)
        }
        "slicer" => Act::Slicer(tokens.number_or_off("a seed")?),
        "deadline" => {
            let deadline = tokens.number_or_off("a number of milliseconds")?;
            if deadline.is_some() && tokens.word("the unit ms")? != "ms" {
                return Err(tokens.problem("expected `deadline NUMBER ms`"));
            }
            Act::Deadline(deadline)
        }
        "relay" => Act::Relay(relay(tokens)?),
        "network" => Act::Network(NetworkSettings::read(tokens)?),
        "drop" | "delay" | "duplicate" => Act::Trap(Trap::read(word, tokens)?),
        _ => return Err(tokens.problem(format!("expected {EXPECTED}, found {word}"))),
    })
}

/// `"TEXT"`, or `"TEXT" * COUNT` for long payloads.
fn payload(tokens: &mut Tokens<'_>) -> Result<Vec<u8>, PhraseError> {
    let Some(Token::Text(text)) = tokens.next()? else {
        return Err(tokens.problem("send wants a quoted text, as in send \"hello\\n\""));
    };
    let Some(star) = tokens.optional_word("* COUNT")? else {
        return Ok(text);
    };
    if star != "*" {
        return Err(tokens.problem(format!("{star} is one word too many")));
    }
    let count: usize = tokens.number("how many times")?;
    if text.len().saturating_mul(count) > MAX_SEND_BYTES {
        return Err(tokens.problem(format!("one send takes at most {MAX_SEND_BYTES} bytes")));
    }
    Ok(text.repeat(count))
}

fn relay(tokens: &mut Tokens<'_>) -> Result<RelaySettings, PhraseError> {
    let mut settings = RelaySettings::default();
    while let Some(word) = tokens.optional_word("a setting such as loss=30")? {
        let (key, value) = word.split_once('=').unwrap_or((&word, ""));
        let problem = || {
            tokens.problem(format!(
                "{word} is none of seed=N, loss=PERCENT, duplicate=PERCENT, reorder=PERCENT, \
                 delay=MILLISECONDS"
            ))
        };
        let percent = || {
            let number = value.parse().ok().filter(|percent| *percent <= 100);
            number.ok_or_else(problem)
        };
        match key {
            "seed" => settings.seed = value.parse().map_err(|_| problem())?,
            "loss" => settings.loss_percent = percent()?,
            "duplicate" => settings.duplicate_percent = percent()?,
            "reorder" => settings.reorder_percent = percent()?,
            "delay" => settings.delay_ms = value.parse().map_err(|_| problem())?,
            _ => return Err(problem()),
        }
    }
    Ok(settings)
}

impl fmt::Display for Play {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(client) = &self.client {
            write!(formatter, "{client}: ")?;
        }
        self.act.fmt(formatter)
    }
}

impl fmt::Display for Act {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => formatter.write_str("connect"),
            Self::Send(bytes) => match repeated(bytes) {
                Some((byte, count)) => {
                    write!(
                        formatter,
                        "send \"{}\" * {count}",
                        text::to_escaped(&[byte])
                    )
                }
                None => write!(formatter, "send \"{}\"", text::to_escaped(bytes)),
            },
            Self::HalfClose => formatter.write_str("half-close"),
            Self::Close => formatter.write_str("close"),
            Self::Reset => formatter.write_str("reset"),
            Self::Pause => formatter.write_str("pause"),
            Self::Resume => formatter.write_str("resume"),
            Self::Ask { name, kind } => {
                write!(
                    formatter,
                    "ask \"{}\" {kind}",
                    text::to_escaped(name.as_bytes())
                )
            }
            Self::Option(option, value) => write!(formatter, "option {option} {value}"),
            Self::Slicer(Some(seed)) => write!(formatter, "slicer {seed}"),
            Self::Slicer(None) => formatter.write_str("slicer off"),
            Self::Deadline(Some(ms)) => write!(formatter, "deadline {ms} ms"),
            Self::Deadline(None) => formatter.write_str("deadline off"),
            Self::Relay(settings) => settings.fmt(formatter),
            Self::Network(settings) => {
                let settings = settings.to_string();
                match settings.is_empty() {
                    true => formatter.write_str("network"),
                    false => write!(formatter, "network {settings}"),
                }
            }
            Self::Trap(trap) => trap.fmt(formatter),
        }
    }
}

impl fmt::Display for RelaySettings {
    /// As the `relay` phrase; what is 0 is left out.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("relay")?;
        let settings = [
            ("seed", self.seed),
            ("loss", self.loss_percent.into()),
            ("duplicate", self.duplicate_percent.into()),
            ("reorder", self.reorder_percent.into()),
            ("delay", self.delay_ms.into()),
        ];
        for (key, value) in settings {
            if value != 0 {
                write!(formatter, " {key}={value}")?;
            }
        }
        Ok(())
    }
}

/// One byte many times, which nobody wants to read.
fn repeated(bytes: &[u8]) -> Option<(u8, usize)> {
    let (first, rest) = bytes.split_first()?;
    (bytes.len() > 64 && rest.iter().all(|byte| byte == first)).then_some((*first, bytes.len()))
}
