//! A simulated network: what its link does, and what a reader does to it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::event::End;
use crate::flows::Kind;
use crate::packet::Deed;
use crate::phrase::{PhraseError, Tokens};

/// The longest delay and jitter of a link, in ms.
pub const MAX_DELAY_MS: u16 = 10_000;

/// What the link between two hosts does, each way. The same seed gives the same run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkSettings {
    /// Where chance begins.
    pub seed: u64,
    /// How long a packet is under way, in ms, once it is on the link.
    pub delay_ms: u16,
    /// By how much more at most, in ms.
    pub jitter_ms: u16,
    /// How many kbit (1,000 bits) the link takes per second; 0 is without limit.
    pub bandwidth_kbit: u32,
    /// The largest packet that the link takes, in bytes.
    pub mtu: u16,
    /// How many of a hundred packets are lost.
    pub loss_percent: u8,
    /// How many of a hundred come twice.
    pub duplicate_percent: u8,
    /// How many of a hundred come after a later one.
    pub reorder_percent: u8,
    /// How many of a hundred come with a changed bit.
    pub corrupt_percent: u8,
    /// How many packets wait at most for the link to be free; one more is dropped.
    pub queue_packets: u16,
}

impl Default for NetworkSettings {
    /// A link that takes its time and does nothing else.
    fn default() -> Self {
        Self {
            seed: 1,
            delay_ms: 50,
            jitter_ms: 0,
            bandwidth_kbit: 0,
            mtu: 1500,
            loss_percent: 0,
            duplicate_percent: 0,
            reorder_percent: 0,
            corrupt_percent: 0,
            queue_packets: 64,
        }
    }
}

impl NetworkSettings {
    /// Reads `seed=1 delay=50 ...`; what is not named is as in [`NetworkSettings::default`].
    pub(crate) fn read(tokens: &mut Tokens<'_>) -> Result<Self, PhraseError> {
        let mut settings = Self::default();
        while let Some(word) = tokens.optional_word("a setting such as delay=50")? {
            let (key, value) = word.split_once('=').unwrap_or((&word, ""));
            settings.set(key, value).ok_or_else(|| {
                tokens.problem(format!(
                    "{word} is none of seed=N, delay=MS, jitter=MS, bandwidth=KBIT, mtu=BYTES \
                     (from 68), loss=PERCENT, duplicate=PERCENT, reorder=PERCENT, \
                     corrupt=PERCENT, queue=PACKETS (from 1)"
                ))
            })?;
        }
        Ok(settings)
    }

    fn set(&mut self, key: &str, value: &str) -> Option<()> {
        let number: u64 = value.parse().ok()?;
        let percent = || u8::try_from(number).ok().filter(|percent| *percent <= 100);
        let ms = || u16::try_from(number).ok().filter(|ms| *ms <= MAX_DELAY_MS);
        match key {
            "seed" => self.seed = number,
            "delay" => self.delay_ms = ms()?,
            "jitter" => self.jitter_ms = ms()?,
            "bandwidth" => self.bandwidth_kbit = u32::try_from(number).ok()?,
            // Every link takes 68 bytes (RFC 791, 3.2).
            "mtu" => self.mtu = u16::try_from(number).ok().filter(|mtu| *mtu >= 68)?,
            "loss" => self.loss_percent = percent()?,
            "duplicate" => self.duplicate_percent = percent()?,
            "reorder" => self.reorder_percent = percent()?,
            "corrupt" => self.corrupt_percent = percent()?,
            "queue" => {
                self.queue_packets = u16::try_from(number).ok().filter(|packets| *packets > 0)?;
            }
            _ => return None,
        }
        Some(())
    }
}

impl std::str::FromStr for NetworkSettings {
    type Err = PhraseError;

    fn from_str(phrase: &str) -> Result<Self, PhraseError> {
        Self::read(&mut Tokens::new(phrase))
    }
}

impl fmt::Display for NetworkSettings {
    /// As it is read; what is as by default is left out.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let usual = Self::default();
        let settings: [(&str, u64, u64); 10] = [
            ("seed", self.seed, usual.seed),
            ("delay", self.delay_ms.into(), usual.delay_ms.into()),
            ("jitter", self.jitter_ms.into(), usual.jitter_ms.into()),
            (
                "bandwidth",
                self.bandwidth_kbit.into(),
                usual.bandwidth_kbit.into(),
            ),
            ("mtu", self.mtu.into(), usual.mtu.into()),
            ("loss", self.loss_percent.into(), usual.loss_percent.into()),
            (
                "duplicate",
                self.duplicate_percent.into(),
                usual.duplicate_percent.into(),
            ),
            (
                "reorder",
                self.reorder_percent.into(),
                usual.reorder_percent.into(),
            ),
            (
                "corrupt",
                self.corrupt_percent.into(),
                usual.corrupt_percent.into(),
            ),
            (
                "queue",
                self.queue_packets.into(),
                usual.queue_packets.into(),
            ),
        ];
        let mut space = "";
        for (key, value, usual) in settings {
            if value != usual {
                write!(formatter, "{space}{key}={value}")?;
                space = " ";
            }
        }
        Ok(())
    }
}

/// What happens to the first packets from now on that match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trap {
    /// What is done to them.
    pub deed: Deed,
    /// Which packets; `None` takes any.
    pub kind: Option<Kind>,
    /// Who sent them; `None` is either end.
    pub from: Option<End>,
    /// To how many.
    pub times: u16,
}

impl Trap {
    /// Reads what stands behind `drop`, `delay` or `duplicate`: `KIND [300 ms] [from END] [N times]`.
    pub(crate) fn read(deed: &str, tokens: &mut Tokens<'_>) -> Result<Self, PhraseError> {
        let times = tokens.times()?;
        let kind = Kind::read(tokens)?;
        let deed = match deed {
            "drop" => Deed::Drop,
            "duplicate" => Deed::Duplicate,
            _ => {
                let by_ms = tokens.number("a number of milliseconds")?;
                if tokens.word("the unit ms")? != "ms" {
                    return Err(tokens.problem("expected `delay KIND NUMBER ms`"));
                }
                Deed::Delay { by_ms }
            }
        };
        Ok(Self {
            deed,
            kind,
            from: from(tokens)?,
            times: times.unwrap_or(1),
        })
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.deed {
            Deed::Drop => "drop",
            Deed::Delay { .. } => "delay",
            Deed::Duplicate => "duplicate",
        };
        write!(formatter, "{verb} {}", Kind::word(self.kind))?;
        if let Deed::Delay { by_ms } = self.deed {
            write!(formatter, " {by_ms} ms")?;
        }
        if let Some(from) = self.from {
            write!(formatter, " from {from}")?;
        }
        match self.times {
            1 => Ok(()),
            times => write!(formatter, " {times} times"),
        }
    }
}

/// `from client`, `from server` or nothing.
pub(crate) fn from(tokens: &mut Tokens<'_>) -> Result<Option<End>, PhraseError> {
    const ENDS: [(End, &str); 3] = [
        (End::Client, "client"),
        (End::Server, "server"),
        (End::Relay, "relay"),
    ];
    match tokens.optional_word("from client or from server")? {
        None => Ok(None),
        Some(word) if word == "from" => {
            let end = tokens.word("client or server")?;
            tokens.lookup(&ENDS, &end).map(Some)
        }
        Some(word) => Err(tokens.problem(format!("{word} is one word too many"))),
    }
}
