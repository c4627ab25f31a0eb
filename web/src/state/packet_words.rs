//! A packet in words: short for its row, in full for who hears it.

use wire::packet::{Cause, Fate, Packet};
use wire::{End, Event};

use super::packets::Told;
use super::words::elapsed;

/// What a row says of a packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PacketWords {
    /// What it is, e.g. `SYN`.
    pub(crate) kind: String,
    /// Its numbers, e.g. `seq 0  win 65495`.
    pub(crate) numbers: String,
    /// What it means among the others.
    pub(crate) marks: Vec<String>,
    /// What became of it.
    pub(crate) fates: Vec<String>,
    /// All of it as a sentence.
    pub(crate) spoken: String,
    /// Whether it is known not to have arrived.
    pub(crate) is_lost: bool,
}

/// A packet in words.
pub(crate) fn packet_words(event: &Event, packet: &Packet, told: Option<&Told>) -> PacketWords {
    let sight = told.and_then(|told| told.sight.as_ref());
    let plain = wire::words::PacketWords::of(packet, sight.map(|sight| &sight.marks));
    let short = |(word, _, value): &(&str, _, String)| [*word, " ", value].concat();
    let numbers: Vec<_> = plain.numbers.iter().map(short).collect();
    let mut words = PacketWords {
        kind: plain.kind,
        numbers: numbers.join("  "),
        marks: plain.meanings,
        ..PacketWords::default()
    };
    fates(event.time_ns, told, &mut words);
    let from = match packet.from {
        End::Client => "wire, from you: ",
        End::Relay => "wire, from the relay: ",
        End::Server | End::Wire => "wire, from the server: ",
    };
    let in_full = |(_, word, value): &(_, &str, String)| [*word, " ", value].concat();
    let mut parts = vec![words.kind.clone()];
    parts.extend(plain.numbers.iter().map(in_full));
    parts.extend(words.marks.iter().chain(&words.fates).cloned());
    words.spoken = [from, &parts.join(", ")].concat();
    words
}

/// What became of a simulated packet that left at `sent_ns`.
fn fates(sent_ns: u64, told: Option<&Told>, words: &mut PacketWords) {
    let mut arrivals = 0;
    let mut is_dropped = false;
    for (time_ns, fate) in told.map_or(&[][..], |told| &told.fates) {
        let word = match fate {
            Fate::Arrive => {
                arrivals += 1;
                let after = elapsed(time_ns.saturating_sub(sent_ns));
                match arrivals {
                    1 => ["arrives after ", &after].concat(),
                    _ => ["again after ", &after].concat(),
                }
            }
            Fate::Drop(cause) => {
                is_dropped = true;
                match cause {
                    Cause::Chance => "lost",
                    Cause::Queue => "lost: the queue is full",
                    Cause::Reader => "dropped on purpose",
                    Cause::Size => "lost: too large for the link",
                }
                .to_owned()
            }
            Fate::Delay { by_ns } => ["held back ", &elapsed(*by_ns)].concat(),
            Fate::Duplicate { .. } => "doubled".to_owned(),
            Fate::Corrupt => "damaged on the way".to_owned(),
        };
        words.fates.push(word);
    }
    words.is_lost = is_dropped && arrivals == 0;
}
