//! What must be observed, as authors write it: read from its phrase, and written back.

use std::fmt;
use std::str::FromStr;

use super::{Direction, Happening, PacketVerb, Pattern, Seen, What};
use crate::event::{End, Failure, Operation, SocketOption};
use crate::flows::Kind;
use crate::kernel::TcpState;
use crate::network;
use crate::phrase::{PhraseError, Token, Tokens};
use crate::text;

/// The longest `nothing for`, in seconds: a reader should not wait longer.
const MAX_NOTHING_SECS: u64 = 60;

const ENDS: [(End, &str); 4] = [
    (End::Client, "client"),
    (End::Server, "server"),
    (End::Relay, "relay"),
    (End::Wire, "wire"),
];

/// That a packet leaves goes without saying: the word is that of its event.
pub(super) const PACKET_VERBS: [(PacketVerb, &str); 6] = [
    (PacketVerb::Leave, "packet"),
    (PacketVerb::Arrive, "arrive"),
    (PacketVerb::Drop, "drop"),
    (PacketVerb::Delay, "delay"),
    (PacketVerb::Duplicate, "duplicate"),
    (PacketVerb::Corrupt, "corrupt"),
];

pub(super) const HAPPENINGS: [(Happening, &str); 6] = [
    (Happening::Connect, "connect"),
    (Happening::Accept, "accept"),
    (Happening::EndOfStream, "end"),
    (Happening::ShutDown, "half-close"),
    (Happening::Close, "close"),
    (Happening::Reset, "reset"),
];

pub(super) const DIRECTIONS: [(Direction, &str); 7] = [
    (Direction::Read, "read"),
    (Direction::Write, "write"),
    (Direction::Receive, "receive"),
    (Direction::Send, "send"),
    (Direction::Lose, "lose"),
    (Direction::Hold, "hold"),
    (Direction::Duplicate, "duplicate"),
];

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

/// The word for this.
pub(super) fn name<T: PartialEq>(table: &[(T, &'static str)], value: T) -> &'static str {
    table
        .iter()
        .find(|(candidate, _)| *candidate == value)
        .map_or("", |(_, word)| word)
}
