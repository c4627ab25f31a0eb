//! What must be observed for a step to tick: `server accept`, `client read "ok"`, ...
//!
//! ```text
//! END connect | accept | end | half-close | close | reset
//! END read | write | receive | send  [BYTES]
//! END lose | hold | duplicate        [BYTES]
//! END wait | cancel                  [OPERATION]
//! END error                          [FAILURE]
//! END option                         [OPTION]
//! END nothing for SECONDS s
//! END state STATE
//! wire KIND [from END]
//! wire drop | arrive | delay | duplicate | corrupt  KIND [from END]
//! ```
//!
//! `END` is `client`, `server` or `relay`. `STATE` is a state of TCP, as in `TIME-WAIT`. `KIND` is
//! a kind of packet, as in `SYN` (see [`crate::flows::Kind`]), or `any`. `BYTES` is `"TEXT"`, `hex "00 05"`, or `like "TEXT"`, in
//! which `*` stands for any bytes and `?` for any one. They must occur in what this end has read
//! (written, ...) on one connection since the step began, however many calls that took: a stream
//! has no messages. For datagrams they must occur in one of them.
//! Every pattern but silence may end with `N times`: it must be observed so often since the step
//! began.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::event::{Action, End, Event, Failure, Operation, SocketOption};
use crate::flows::{Kind, Sight};
use crate::kernel::TcpState;
use crate::network;
pub use crate::phrase::PhraseError;
use crate::phrase::{Token, Tokens};
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
    /// How often; at least once.
    pub times: u16,
}

/// What must be observed at that end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// An action without further detail.
    Happens(Happening),
    /// Bytes that moved; `None` takes any.
    Moves(Direction, Option<Pattern>),
    /// A call that waits; `None` takes any.
    Waits(Option<Operation>),
    /// A call that was given up; `None` takes any.
    Cancels(Option<Operation>),
    /// A call that failed; `None` takes any.
    Fails(Option<Failure>),
    /// A socket option that was set or read; `None` takes any.
    Options(Option<SocketOption>),
    /// Nothing is read, written or closed for this long.
    Nothing {
        /// In whole seconds.
        for_secs: u64,
    },
    /// The system says that this end's connection is in this state.
    State(TcpState),
    /// Something about a packet.
    Packet {
        /// What.
        verb: PacketVerb,
        /// Of which kind; `None` takes any.
        kind: Option<Kind>,
        /// Who sent it; `None` takes any.
        from: Option<End>,
    },
}

/// What can be seen of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PacketVerb {
    /// [`Action::Packet`]
    Leave,
    /// [`crate::packet::Fate::Arrive`]
    Arrive,
    /// [`crate::packet::Fate::Drop`]
    Drop,
    /// [`crate::packet::Fate::Delay`]
    Delay,
    /// [`crate::packet::Fate::Duplicate`]
    Duplicate,
    /// [`crate::packet::Fate::Corrupt`]
    Corrupt,
}

/// Bytes to look for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pattern {
    /// Just these.
    Exactly(Vec<u8>),
    /// These, where `*` stands for any bytes and `?` for any one.
    Like(Vec<u8>),
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
    /// [`Action::Lose`]
    Lose,
    /// [`Action::Hold`]
    Hold,
    /// [`Action::Duplicate`]
    Duplicate,
}

const ENDS: [(End, &str); 4] = [
    (End::Client, "client"),
    (End::Server, "server"),
    (End::Relay, "relay"),
    (End::Wire, "wire"),
];

/// That a packet leaves goes without saying: the word is that of its event.
const PACKET_VERBS: [(PacketVerb, &str); 6] = [
    (PacketVerb::Leave, "packet"),
    (PacketVerb::Arrive, "arrive"),
    (PacketVerb::Drop, "drop"),
    (PacketVerb::Delay, "delay"),
    (PacketVerb::Duplicate, "duplicate"),
    (PacketVerb::Corrupt, "corrupt"),
];

const HAPPENINGS: [(Happening, &str); 6] = [
    (Happening::Connect, "connect"),
    (Happening::Accept, "accept"),
    (Happening::EndOfStream, "end"),
    (Happening::ShutDown, "half-close"),
    (Happening::Close, "close"),
    (Happening::Reset, "reset"),
];

const DIRECTIONS: [(Direction, &str); 7] = [
    (Direction::Read, "read"),
    (Direction::Write, "write"),
    (Direction::Receive, "receive"),
    (Direction::Send, "send"),
    (Direction::Lose, "lose"),
    (Direction::Hold, "hold"),
    (Direction::Duplicate, "duplicate"),
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
        !matches!(self, Self::Read | Self::Write)
    }
}

impl Pattern {
    /// The fewest bytes in which it can occur.
    pub(crate) fn shortest(&self) -> usize {
        match self {
            Self::Exactly(bytes) => bytes.len(),
            Self::Like(bytes) => bytes.iter().filter(|byte| **byte != b'*').count(),
        }
    }

    /// Whether it occurs somewhere in `bytes`.
    pub fn occurs_in(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Exactly(wanted) => {
                let mut windows = bytes.windows(wanted.len().max(1));
                wanted.is_empty() || windows.any(|window| window == wanted)
            }
            // The parts between the stars, each as early as can be, behind one another.
            Self::Like(pattern) => {
                let mut rest = bytes;
                pattern.split(|byte| *byte == b'*').all(|part| {
                    let fits = |window: &[u8]| {
                        let mut pairs = window.iter().zip(part);
                        pairs.all(|(byte, wanted)| *wanted == b'?' || byte == wanted)
                    };
                    let place = match part.len() {
                        0 => Some(0),
                        length => rest.windows(length).position(fits),
                    };
                    place.is_some_and(|place| {
                        rest = &rest[place + part.len()..];
                        true
                    })
                })
            }
        }
    }
}

impl Seen {
    /// Whether what an event tells of a packet is what must be observed.
    pub(crate) fn is_shown_by_packet(&self, event: &Event, sight: &Sight) -> bool {
        let What::Packet { verb, kind, from } = &self.what else {
            return false;
        };
        event.end == self.end
            && name(&PACKET_VERBS, *verb) == event.action.verb()
            && kind.is_none_or(|kind| kind.is(sight))
            && from.is_none_or(|from| from == sight.from)
    }

    /// Whether this one event alone is what must be observed.
    /// Text in a stream and silence need more than one event: see [`crate::Progress`].
    pub(crate) fn is_shown_by(&self, event: &Event) -> bool {
        let action = &event.action;
        event.end == self.end
            && match &self.what {
                What::Happens(happening) => happening.is(action),
                What::Moves(direction, None) => direction.is(action),
                What::Moves(_, Some(_)) | What::Nothing { .. } | What::Packet { .. } => false,
                What::State(expected) => {
                    matches!(action, Action::Kernel(kernel) if kernel.state == *expected)
                }
                What::Waits(expected) => {
                    matches!(action, Action::Wait { operation }
                        if expected.is_none_or(|expected| expected == *operation))
                }
                What::Options(expected) => {
                    matches!(action, Action::Option { option, .. }
                        if expected.is_none_or(|expected| expected == *option))
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
        let times = tokens.times()?;
        let end = tokens.word("client, server, relay or wire")?;
        let end = tokens.lookup(&ENDS, &end)?;
        if end == End::Wire {
            let what = on_the_wire(&mut tokens)?;
            tokens.end()?;
            let times = times.unwrap_or(1);
            return Ok(Self { end, what, times });
        }
        let verb = tokens.word("what is seen, e.g. accept, read \"ok\", wait read")?;
        let what = match verb.as_str() {
            "wait" => What::Waits(operation(&mut tokens)?),
            "cancel" => What::Cancels(operation(&mut tokens)?),
            "error" => What::Fails(match tokens.optional_word("a failure")? {
                None => None,
                Some(word) => Some(tokens.lookup(&Failure::ALL, &word)?),
            }),
            "option" => What::Options(match tokens.optional_word("an option")? {
                None => None,
                Some(word) => Some(tokens.lookup(&SocketOption::ALL, &word)?),
            }),
            "nothing" => nothing(&mut tokens)?,
            "state" => {
                let state = tokens.word("a state of TCP, e.g. ESTABLISHED")?;
                What::State(tokens.lookup(&TcpState::ALL, &state)?)
            }
            verb => {
                if let Ok(direction) = tokens.lookup(&DIRECTIONS, verb) {
                    What::Moves(direction, pattern(&mut tokens)?)
                } else if let Ok(happening) = tokens.lookup(&HAPPENINGS, verb) {
                    What::Happens(happening)
                } else {
                    return Err(tokens.problem(format!(
                        "{verb} is none of connect, accept, read, write, receive, send, end, \
                         lose, hold, duplicate, half-close, close, reset, option, wait, cancel, \
                         error, state, nothing"
                    )));
                }
            }
        };
        tokens.end()?;
        if times.is_some() && matches!(what, What::Nothing { .. }) {
            return Err(tokens.problem("silence is not counted: leave out `times`"));
        }
        Ok(Self {
            end,
            what,
            times: times.unwrap_or(1),
        })
    }
}

/// `SYN from client`, `drop data`, ...
fn on_the_wire(tokens: &mut Tokens<'_>) -> Result<What, PhraseError> {
    let mut ahead = tokens.clone();
    let word = ahead.word("a kind of packet, e.g. SYN, data, any, or drop SYN")?;
    let verb = match tokens.lookup(&PACKET_VERBS, &word) {
        Ok(verb) => {
            *tokens = ahead;
            verb
        }
        Err(_) => PacketVerb::Leave,
    };
    let kind = Kind::read(tokens)?;
    let from = network::from(tokens)?;
    Ok(What::Packet { verb, kind, from })
}

/// `"TEXT"`, `hex "00 05"` or `like "TEXT"`, if anything is left.
fn pattern(tokens: &mut Tokens<'_>) -> Result<Option<Pattern>, PhraseError> {
    let wrong = "expected bytes as in \"hello\\n\", hex \"00 05\" or like \"GET *\"";
    let kind = match tokens.next()? {
        None => return Ok(None),
        Some(Token::Text(bytes)) => return Ok(Some(Pattern::Exactly(bytes))),
        Some(Token::Word(kind)) => kind,
    };
    let Some(Token::Text(text)) = tokens.next()? else {
        return Err(tokens.problem(wrong));
    };
    match kind.as_str() {
        "like" => Ok(Some(Pattern::Like(text))),
        "hex" => {
            let digits = String::from_utf8_lossy(&text);
            let bytes = text::from_hex(&digits).map_err(|error| tokens.problem(error.to_string()));
            bytes.map(|bytes| Some(Pattern::Exactly(bytes)))
        }
        _ => Err(tokens.problem(wrong)),
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
                    Some(Pattern::Exactly(bytes)) => {
                        write!(formatter, " \"{}\"", text::to_escaped(bytes))
                    }
                    Some(Pattern::Like(bytes)) => {
                        write!(formatter, " like \"{}\"", text::to_escaped(bytes))
                    }
                }
            }
            What::Waits(operation) => detail(formatter, "wait", operation.as_ref()),
            What::Cancels(operation) => detail(formatter, "cancel", operation.as_ref()),
            What::Fails(kind) => detail(formatter, "error", kind.as_ref()),
            What::Options(option) => detail(formatter, "option", option.as_ref()),
            What::Nothing { for_secs } => write!(formatter, "nothing for {for_secs} s"),
            What::State(state) => write!(formatter, "state {state}"),
            What::Packet { verb, kind, from } => {
                if *verb != PacketVerb::Leave {
                    write!(formatter, "{} ", name(&PACKET_VERBS, *verb))?;
                }
                formatter.write_str(Kind::word(*kind))?;
                match from {
                    None => Ok(()),
                    Some(from) => write!(formatter, " from {from}"),
                }
            }
        }?;
        match self.times {
            1 => Ok(()),
            times => write!(formatter, " {times} times"),
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
