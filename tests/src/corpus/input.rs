//! What a file of the corpus says: what is sent, in which way, and what must come of it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use wire::{Seen, ToGateway, text};

/// One hostile input.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// For a person: what is wrong with it, and who says so.
    pub what: String,
    /// Who meets it.
    pub to: To,
    /// What is sent, in order.
    pub send: Vec<Part>,
    /// What must come of it, and nothing else.
    pub outcome: Outcome,
}

/// Who meets the input.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum To {
    /// The gateway's port, from the first byte on.
    Http,
    /// A WebSocket that was opened rightly, before its hello.
    Websocket,
    /// A session: a page that has said a right hello.
    Session,
    /// The server of this lesson, by a program that is no page.
    Lesson(String),
    /// The same, by a process of its own, which is suspended when the server has accepted it.
    /// What is sent is a line for bash, in which descriptor 3 is the connection.
    Process(String),
}

/// Something that is sent, or done.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Part {
    /// What.
    pub what: What,
    /// How often, behind one another.
    pub times: usize,
    /// Whether each byte is written by itself.
    pub bytewise: bool,
    /// No longer than until this is seen: by the session, or by the page that watches the lesson.
    pub until: Option<Seen>,
}

/// What a part is.
#[derive(Debug)]
pub enum What {
    /// Text in which `$HOST` and its like are replaced.
    Text(String),
    /// These bytes.
    Bytes(Vec<u8>),
    /// One frame of a WebSocket, right or wrong.
    Frame(Frame),
    /// A hello of this version, with this token.
    Hello {
        /// The right one if it is left out.
        version: Option<u16>,
        /// `$TOKEN` is the right one.
        token: String,
    },
    /// Messages in one frame.
    Messages(Vec<ToGateway>, Tail),
    /// Something that is no sending.
    Act(Act),
    /// Nothing: it only waits until something is seen.
    Wait,
}

/// What becomes of the end of messages, and of their frame's payload.
#[derive(Clone, Debug, Default)]
pub struct Tail {
    /// So many bytes are cut from it.
    pub cut: usize,
    /// These are put behind it.
    pub extra: Vec<u8>,
    /// What is sent on a connection is followed by so many zeros.
    pub fill: usize,
}

/// What a program can do besides sending.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Sends no more.
    HalfClose,
    /// Ends the connection with RST.
    Reset,
    /// Reads no more of what comes back.
    StopReading,
}

/// A frame as RFC 6455, 5.2 draws it. What is left out is right.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frame {
    /// FIN
    #[serde(default = "yes")]
    pub fin: bool,
    /// RSV1, RSV2 and RSV3, as a number of three bits.
    #[serde(default)]
    pub rsv: u8,
    /// The opcode.
    pub opcode: u8,
    /// Whether it is masked.
    #[serde(default = "yes")]
    pub masked: bool,
    /// The length that it claims; that of its payload if it is left out.
    pub length: Option<u64>,
    /// Its payload: text,
    pub text: Option<String>,
    /// bytes in hexadecimal,
    pub hex: Option<String>,
    /// and so many zeros.
    #[serde(default)]
    pub zeros: usize,
}

impl Frame {
    /// What it carries.
    pub fn payload(&self) -> Result<Vec<u8>> {
        let mut payload = self.text.clone().unwrap_or_default().into_bytes();
        payload.extend(text::from_hex(self.hex.as_deref().unwrap_or_default())?);
        payload.resize(payload.len() + self.zeros, 0);
        Ok(payload)
    }
}

/// What must come of an input. What is not said here must not happen.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The status of each response, in order.
    #[serde(default, deserialize_with = "one_or_more")]
    pub status: Vec<u16>,
    /// Words in the content of the last response.
    pub says: Option<String>,
    /// Whether the answer may be lost, because the connection ends while it is still written to.
    #[serde(default)]
    pub may_be_lost: bool,
    /// The code of the close frame; 1005 for one without a code.
    pub close: Option<u16>,
    /// Words in the reason of the close frame.
    pub reason: Option<String>,
    /// Words of each refusal, in order.
    #[serde(default)]
    pub refused: Vec<String>,
    /// What is observed, as in the step of a lab: by the session, or by a page that watches.
    #[serde(default, deserialize_with = "phrases")]
    pub seen: Vec<Seen>,
    /// All that a program gets back.
    pub answer: Option<String>,
    /// The most pongs that come back.
    #[serde(default)]
    pub pongs: usize,
    /// Whether it goes on: a session answers, a program's connection stays. Otherwise the gateway
    /// must end the connection.
    #[serde(default)]
    pub goes_on: bool,
}

impl Input {
    /// Reads a file. One that does not say what must come of it is an error.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)?;
        let input: Self = toml::from_str(&text)?;
        ensure!(!input.what.is_empty(), "it does not say what it is");
        let outcome = &input.outcome;
        let says_something = !outcome.status.is_empty()
            || outcome.close.is_some()
            || !outcome.refused.is_empty()
            || !outcome.seen.is_empty()
            || outcome.answer.is_some()
            || text.contains("goes_on");
        ensure!(says_something, "its outcome says nothing");
        Ok(input)
    }
}

/// A part as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    text: Option<String>,
    hex: Option<String>,
    frame: Option<Frame>,
    hello: Option<Hello>,
    messages: Option<Vec<ToGateway>>,
    act: Option<Act>,
    until: Option<String>,
    #[serde(default)]
    cut: usize,
    extra: Option<String>,
    #[serde(default)]
    fill: usize,
    #[serde(default = "one")]
    times: usize,
    #[serde(default)]
    bytewise: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hello {
    version: Option<u16>,
    token: String,
}

impl TryFrom<Written> for Part {
    type Error = anyhow::Error;

    fn try_from(written: Written) -> Result<Self> {
        let tail = Tail {
            cut: written.cut,
            extra: text::from_hex(written.extra.as_deref().unwrap_or_default())?,
            fill: written.fill,
        };
        let has_tail = tail.cut > 0 || tail.fill > 0 || !tail.extra.is_empty();
        ensure!(
            !has_tail || written.messages.is_some(),
            "only messages have a tail"
        );
        let mut all = [
            written.text.map(What::Text),
            written
                .hex
                .map(|hex| text::from_hex(&hex))
                .transpose()?
                .map(What::Bytes),
            written.frame.map(What::Frame),
            written
                .hello
                .map(|Hello { version, token }| What::Hello { version, token }),
            written
                .messages
                .map(|messages| What::Messages(messages, tail)),
            written.act.map(What::Act),
        ]
        .into_iter()
        .flatten();
        let until = written.until.map(|phrase| phrase.parse()).transpose()?;
        let waits = until.is_some().then_some(What::Wait);
        let what = all.next().or(waits).context("a part that says nothing")?;
        ensure!(all.next().is_none(), "a part is one thing only");
        Ok(Self {
            what,
            times: written.times,
            bytewise: written.bytewise,
            until,
        })
    }
}

fn yes() -> bool {
    true
}

fn one() -> usize {
    1
}

fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u16>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Numbers {
        One(u16),
        More(Vec<u16>),
    }
    Ok(match Numbers::deserialize(deserializer)? {
        Numbers::One(number) => vec![number],
        Numbers::More(numbers) => numbers,
    })
}

fn phrases<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Seen>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|phrase| phrase.parse().map_err(D::Error::custom))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Input> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("input.toml");
        std::fs::write(&path, text)?;
        Input::read(&path)
    }

    const RIGHT: &str = "what = 'a'\nto = 'http'\nsend = [{ text = 'x' }]\n";

    #[test]
    fn a_file_must_say_what_comes_of_it_and_nothing_unknown() {
        assert!(read(&format!("{RIGHT}outcome = {{ status = 400 }}")).is_ok());
        assert!(read(&format!("{RIGHT}outcome = {{ status = [400, 200] }}")).is_ok());
        for wrong in [
            "",
            "outcome = {}",
            "outcome = { says = 'words' }",
            "outcome = { status = 400, colour = 'red' }",
            "outcome = { status = 400 }\nsender = 1",
        ] {
            assert!(read(&format!("{RIGHT}{wrong}")).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_part_is_one_thing() {
        for part in [
            "{}",
            "{ text = 'x', hex = '00' }",
            "{ hex = '0' }",
            "{ text = 'x', cut = 1 }",
            "{ until = 'nobody sleeps' }",
        ] {
            let text = format!("what='a'\nto='http'\nsend=[{part}]\noutcome={{status=400}}");
            assert!(read(&text).is_err(), "{part}");
        }
    }
}
