//! What to do in a lab, as the tests and the recorder do it: `connect`, `send "hello\n"`, ...

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use crate::phrase::PhraseError;
use crate::phrase::Tokens;
use crate::text;

/// One thing to do, in the words of the composer's buttons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Play {
    /// `connect`
    Connect,
    /// `send "TEXT"`
    Send(Vec<u8>),
    /// `half-close`
    HalfClose,
    /// `close`
    Close,
    /// `reset`
    Reset,
}

impl FromStr for Play {
    type Err = PhraseError;

    fn from_str(phrase: &str) -> Result<Self, PhraseError> {
        let mut tokens = Tokens::new(phrase);
        let word = tokens.word("connect, send, half-close, close or reset")?;
        let play = match word.as_str() {
            "connect" => Self::Connect,
            "send" => Self::Send(tokens.optional_text()?.ok_or_else(|| {
                tokens.problem("send wants a quoted text, as in send \"hello\\n\"")
            })?),
            "half-close" => Self::HalfClose,
            "close" => Self::Close,
            "reset" => Self::Reset,
            _ => {
                return Err(tokens.problem(format!(
                    "expected connect, send, half-close, close or reset, found {word}"
                )));
            }
        };
        tokens.end()?;
        Ok(play)
    }
}

impl fmt::Display for Play {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => formatter.write_str("connect"),
            Self::Send(bytes) => write!(formatter, "send \"{}\"", text::to_escaped(bytes)),
            Self::HalfClose => formatter.write_str("half-close"),
            Self::Close => formatter.write_str("close"),
            Self::Reset => formatter.write_str("reset"),
        }
    }
}
