//! An exchange as a file for Wireshark and its relatives (draft-ietf-opsawg-pcapng).
//!
//! Packets that were captured are in it as they were. Conversations of which only the calls are
//! known get packets from [`crate::synth`], on an interface of their own, and each of them, the
//! interface and the section say that they are synthetic. What else was observed stands in the
//! comments of the packet that is nearest in time: nothing of the exchange is missing.

mod blocks;
mod words;

use std::fmt;

use self::blocks::{Blocks, LinkType};
use crate::address::Address;
use crate::event::{Action, Event};
use crate::packet::{Link, Packet};
use crate::session::is_simulated;
use crate::synth::{Made, Synth};
use crate::trace::{Part, Trace};

/// The largest file that is written, in bytes.
const MAX_FILE_BYTES: usize = 256 * 1024 * 1024;

/// What each packet says that was made.
const SYNTHETIC: &str = "Synthetic: this packet was not captured. Wirebook made it from the calls of the programs, which are told in the comments.";

/// What each packet says that a simulated network carried.
const SIMULATED: &str = "Simulated: this packet was on a simulated network only.";

/// Why there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoPackets {
    /// A Unix socket copies bytes from program to program.
    Unix,
    /// Nothing was observed that would send a packet.
    Nothing,
    /// The file would be too large.
    TooLarge,
}

impl fmt::Display for NoPackets {
    /// A sentence for the reader.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unix => {
                "There are no packets: the kernel copies the bytes of a Unix socket from one \
                 program to the other, and no network takes part."
            }
            Self::Nothing => "There are no packets: nothing was sent yet.",
            Self::TooLarge => "The exchange is too large for one file.",
        })
    }
}

impl std::error::Error for NoPackets {}

/// What a packet in the file comes from: the interfaces of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Captured(LinkType),
    Simulated(LinkType),
    Synthetic,
}

/// A packet on its way into the file.
struct Entry {
    origin: Origin,
    time_ns: u64,
    bytes: Vec<u8>,
    length: u32,
    comments: Vec<String>,
}

/// The file of a part of `trace`.
pub fn pcapng(trace: &Trace, part: &Part) -> Result<Vec<u8>, NoPackets> {
    if matches!(trace.server.address, Address::Unix(_)) {
        return Err(NoPackets::Unix);
    }
    let entries = entries(trace, part)?;
    if entries.is_empty() {
        return Err(NoPackets::Nothing);
    }
    let mut origins: Vec<Origin> = Vec::new();
    for entry in &entries {
        if !origins.contains(&entry.origin) {
            origins.push(entry.origin);
        }
    }
    let mut blocks = Blocks::default();
    let application = format!("wirebook {}", trace.recorded.version);
    blocks.section(&application, &section_comment(trace, &origins));
    for origin in &origins {
        origin.describe(&mut blocks);
    }
    let midnight_ns = midnight_ns(&trace.recorded.date);
    for entry in &entries {
        let number = origins.iter().position(|origin| *origin == entry.origin);
        blocks.packet(
            number.unwrap_or(0) as u32,
            midnight_ns.saturating_add(entry.time_ns),
            &entry.bytes,
            entry.length,
            &entry.comments,
        );
        if blocks.file.len() > MAX_FILE_BYTES {
            return Err(NoPackets::TooLarge);
        }
    }
    Ok(blocks.file)
}

/// Every packet in order, with the events around it.
fn entries(trace: &Trace, part: &Part) -> Result<Vec<Entry>, NoPackets> {
    let is_simulated = is_simulated(&trace.server.lesson);
    let mut synth = Synth::new(&part.events, trace.server.address.ip());
    let mut entries = Entries {
        part,
        all: Vec::new(),
        waiting: Vec::new(),
    };
    let mut held_bytes = 0;
    for event in &part.events {
        let around = synth.next(event);
        for made in around.before {
            entries.push(Entry::synthetic(made));
        }
        match &event.action {
            Action::Packet(packet) => entries.push(Entry::seen(event, packet, is_simulated)),
            _ => entries.waiting.push(event),
        }
        for made in around.after {
            entries.push(Entry::synthetic(made));
        }
        held_bytes += 2 * event.held_bytes();
        if held_bytes > MAX_FILE_BYTES {
            return Err(NoPackets::TooLarge);
        }
    }
    entries.hand_out(None);
    Ok(entries.all)
}

/// Packets, and what is to be told at them.
struct Entries<'a> {
    part: &'a Part,
    all: Vec<Entry>,
    /// Events behind the last packet.
    waiting: Vec<&'a Event>,
}

impl Entries<'_> {
    fn push(&mut self, mut next: Entry) {
        self.hand_out(Some(&mut next));
        self.all.push(next);
    }

    /// Tells each event that waits at the packet before or behind it, whichever is nearer in time.
    fn hand_out(&mut self, mut next: Option<&mut Entry>) {
        for event in self.waiting.drain(..) {
            let last = self.all.last_mut();
            let nearest = match (last, next.as_deref_mut()) {
                (Some(last), Some(next)) => {
                    let is_last = event.time_ns.abs_diff(last.time_ns)
                        <= event.time_ns.abs_diff(next.time_ns);
                    Some(if is_last { last } else { next })
                }
                (last, next) => last.or(next),
            };
            if let Some(entry) = nearest {
                let mut comment = words::at(event.time_ns, entry.time_ns);
                comment.push_str(&words::line(event, self.part));
                entry.comments.push(comment);
            }
        }
    }
}

impl Entry {
    fn synthetic(made: Made) -> Self {
        Self {
            origin: Origin::Synthetic,
            time_ns: made.time_ns,
            length: made.bytes.len() as u32,
            bytes: made.bytes,
            comments: vec![SYNTHETIC.to_owned()],
        }
    }

    fn seen(event: &Event, packet: &Packet, is_simulated: bool) -> Self {
        let link = match packet.link {
            Link::Ethernet => LinkType::Ethernet,
            Link::Ip => LinkType::Raw,
        };
        let mut comments = Vec::new();
        if is_simulated {
            comments.push(format!("{SIMULATED} It is packet {}.", packet.number));
        }
        Self {
            origin: match is_simulated {
                true => Origin::Simulated(link),
                false => Origin::Captured(link),
            },
            time_ns: event.time_ns,
            bytes: packet.bytes.clone(),
            length: packet.length,
            comments,
        }
    }
}

fn section_comment(trace: &Trace, origins: &[Origin]) -> String {
    let mut comment = format!(
        "An exchange of the lab {} of Wirebook with its server {} at {}, of {}. The first event \
         stands at midnight, UTC, of that day.",
        trace.lab, trace.server.lesson, trace.server.address, trace.recorded.date
    );
    for origin in origins {
        comment.push(' ');
        comment.push_str(origin.comment());
    }
    comment
}

impl Origin {
    fn comment(self) -> &'static str {
        match self {
            Self::Captured(_) => {
                "Packets of the interface captured are as the kernel gave them; where a checksum \
                 is called wrong, the kernel had left it to a network card, and the loopback \
                 interface has none."
            }
            Self::Simulated(_) => {
                "Packets of the interface simulated were on a simulated network only."
            }
            Self::Synthetic => {
                "Packets of the interface synthetic were never on a network: they are made from \
                 the calls of the programs, because no packets were captured."
            }
        }
    }

    fn describe(self, blocks: &mut Blocks) {
        let (link, name) = match self {
            Self::Captured(link) => (link, "captured"),
            Self::Simulated(link) => (link, "simulated"),
            Self::Synthetic => (LinkType::Raw, "synthetic"),
        };
        blocks.interface(link, name, self.comment());
    }
}

/// When a day as in `2026-11-21` began, in ns since 1970; 0 for what is no day.
fn midnight_ns(date: &str) -> u64 {
    let mut numbers = date.splitn(3, '-').map(str::parse::<u64>);
    let (Some(Ok(year)), Some(Ok(month)), Some(Ok(day))) =
        (numbers.next(), numbers.next(), numbers.next())
    else {
        return 0;
    };
    if !(1970..=2500).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return 0;
    }
    // Years that begin in March have their leap day at the end.
    let years = if month > 2 { year } else { year - 1 };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = years * 365 + years / 4 - years / 100 + years / 400 + of_year - 719_468;
    days * 86_400 * 1_000_000_000
}
