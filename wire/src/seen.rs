//! What must be observed for a step to tick: `server accept`, `client read "ok"`, ...
//!
//! ```text
//! END connect | accept | end | half-close | close | reset
//! END read | write | receive | send  ["TEXT"]
//! END wait | cancel                  [OPERATION]
//! END error                          [FAILURE]
//! END nothing for SECONDS s
//! ```
//!
//! `END` is `client` or `server`. `TEXT` must occur in what this end has read (written, ...) on one
//! connection since the step began, however many calls that took: a stream has no messages.
//! For datagrams it must occur in one of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::event::{Action, End, Event, Failure, Operation};
pub use crate::phrase::PhraseError;
use crate::phrase::Tokens;
use crate::text;

/// The longest `nothing for`, in seconds: a reader should not wait longer.
const MAX_NOTHING_SECS: u64 = 60;

/// What must be observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// At which end.
    pub end: End,
    /// What.
    pub what: What,
}

/// What must be observed at that end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// An action without further detail.
    Happens(Happening),
    /// Bytes that moved; `None` takes any.
    Moves(Direction, Option<Vec<u8>>),
    /// A call that waits; `None` takes any.
    Waits(Option<Operation>),
    /// A call that was given up; `None` takes any.
    Cancels(Option<Operation>),
    /// A call that failed; `None` takes any.
    Fails(Option<Failure>),
    /// Nothing is read, written or closed for this long.
    Nothing {
        /// In whole seconds.
        for_secs: u64,
    },
}

/// Actions that a pattern names by their word alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happening {
    /// [`Action::Connect`]
    Connect,
    /// [`Action::Accept`]
    Accept,
    /// [`Action::EndOfStream`]
    EndOfStream,
    /// [`Action::ShutDown`]
    ShutDown,
    /// [`Action::Close`]
    Close,
    /// [`Action::Reset`]
    Reset,
}

/// The calls that move bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Direction {
    /// [`Action::Read`]
    Read,
    /// [`Action::Write`]
    Write,
    /// [`Action::Receive`]
    Receive,
    /// [`Action::Send`]
    Send,
}

const ENDS: [(End, &str); 2] = [(End::Client, "client"), (End::Server, "server")];

const HAPPENINGS: [(Happening, &str); 6] = [
    (Happening::Connect, "connect"),
    (Happening::Accept, "accept"),
    (Happening::EndOfStream, "end"),
    (Happening::ShutDown, "half-close"),
    (Happening::Close, "close"),
    (Happening::Reset, "reset"),
];

const DIRECTIONS: [(Direction, &str); 4] = [
    (Direction::Read, "read"),
    (Direction::Write, "write"),
    (Direction::Receive, "receive"),
    (Direction::Send, "send"),
];

impl Happening {
    fn is(self, action: &Action) -> bool {
        HAPPENINGS
            .iter()
            .any(|(happening, word)| *happening == self && *word == action.verb())
    }
}

impl Direction {
    /// Whether `action` moved bytes this way.
    pub(crate) fn is(self, action: &Action) -> bool {
        DIRECTIONS
            .iter()
            .any(|(direction, word)| *direction == self && *word == action.verb())
    }

    /// Whether each call moves one message of its own, as datagrams do.
    pub(crate) fn keeps_boundaries(self) -> bool {
        matches!(self, Self::Receive | Self::Send)
    }
}

impl Seen {
    /// Whether this one event alone is what must be observed.
    /// Text in a stream and silence need more than one event: see [`crate::Progress`].
    pub(crate) fn is_shown_by(&self, event: &Event) -> bool {
        let action = &event.action;
        event.end == self.end
            && match &self.what {
                What::Happens(happening) => happening.is(action),
                What::Moves(direction, None) => direction.is(action),
                What::Moves(_, Some(_)) | What::Nothing { .. } => false,
                What::Waits(expected) => {
                    matches!(action, Action::Wait { operation }
                        if expected.is_none_or(|expected| expected == *operation))
                }
                What::Cancels(expected) => {
                    matches!(action, Action::Cancel { operation }
                        if expected.is_none_or(|expected| expected == *operation))
                }
                What::Fails(expected) => {
                    matches!(action, Action::Error { kind, .. }
                        if expected.is_none_or(|expected| expected == *kind))
                }
            }
    }
}

impl FromStr for Seen {
    type Err = PhraseError;

    fn from_str(phrase: &str) -> Result<Self, PhraseError> {
        let mut tokens = Tokens::new(phrase);
        let end = tokens.word("client or server")?;
        let end = tokens.lookup(&ENDS, &end)?;
        let verb = tokens.word("what is seen, e.g. accept, read \"ok\", wait read")?;
        let what = match verb.as_str() {
            "wait" => What::Waits(operation(&mut tokens)?),
            "cancel" => What::Cancels(operation(&mut tokens)?),
            "error" => What::Fails(match tokens.optional_word("a failure")? {
                None => None,
                Some(word) => Some(tokens.lookup(&Failure::ALL, &word)?),
            }),
            "nothing" => nothing(&mut tokens)?,
            verb => {
                if let Ok(direction) = tokens.lookup(&DIRECTIONS, verb) {
                    What::Moves(direction, tokens.optional_text()?)
                } else if let Ok(happening) = tokens.lookup(&HAPPENINGS, verb) {
                    What::Happens(happening)
                } else {
                    return Err(tokens.problem(format!(
                        "{verb} is none of connect, accept, read, write, receive, send, end, \
                         half-close, close, reset, wait, cancel, error, nothing"
                    )));
                }
            }
        };
        tokens.end()?;
        Ok(Self { end, what })
    }
}

fn operation(tokens: &mut Tokens<'_>) -> Result<Option<Operation>, PhraseError> {
    match tokens.optional_word("an operation")? {
        None => Ok(None),
        Some(word) => tokens.lookup(&Operation::ALL, &word).map(Some),
    }
}

fn nothing(tokens: &mut Tokens<'_>) -> Result<What, PhraseError> {
    let problem = "expected `nothing for SECONDS s`, as in `nothing for 2 s`";
    if tokens.word("for")? != "for" {
        return Err(tokens.problem(problem));
    }
    let secs = tokens.word("a number of seconds")?;
    let for_secs = secs
        .parse()
        .ok()
        .filter(|secs| (1..=MAX_NOTHING_SECS).contains(secs))
        .ok_or_else(|| {
            tokens.problem(format!(
                "{secs} is not a whole number of seconds from 1 to {MAX_NOTHING_SECS}"
            ))
        })?;
    if tokens.word("the unit s")? != "s" {
        return Err(tokens.problem(problem));
    }
    Ok(What::Nothing { for_secs })
}

impl fmt::Display for Seen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ", self.end)?;
        match &self.what {
            What::Happens(happening) => write!(formatter, "{}", name(&HAPPENINGS, *happening)),
            What::Moves(direction, text) => {
                write!(formatter, "{}", name(&DIRECTIONS, *direction))?;
                match text {
                    None => Ok(()),
                    Some(bytes) => write!(formatter, " \"{}\"", text::to_escaped(bytes)),
                }
            }
            What::Waits(operation) => detail(formatter, "wait", operation.as_ref()),
            What::Cancels(operation) => detail(formatter, "cancel", operation.as_ref()),
            What::Fails(kind) => detail(formatter, "error", kind.as_ref()),
            What::Nothing { for_secs } => write!(formatter, "nothing for {for_secs} s"),
        }
    }
}

fn detail(
    formatter: &mut fmt::Formatter<'_>,
    verb: &str,
    detail: Option<&impl fmt::Display>,
) -> fmt::Result {
    match detail {
        None => formatter.write_str(verb),
        Some(detail) => write!(formatter, "{verb} {detail}"),
    }
}

fn name<T: PartialEq>(table: &[(T, &'static str)], value: T) -> &'static str {
    table
        .iter()
        .find(|(candidate, _)| *candidate == value)
        .map_or("", |(_, word)| word)
}
