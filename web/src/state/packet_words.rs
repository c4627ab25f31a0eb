//! A packet in words: short for its row, in full for who hears it.

use wire::flows::Marks;
use wire::packet::{Carries, Cause, Fate, Flags, Packet, Segment, Summary};
use wire::{End, Event};

use super::packets::Told;
use super::words::{elapsed, size};

/// What a row says of a packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PacketWords {
    /// What it is, e.g. `SYN`.
    pub(crate) kind: String,
    /// Its numbers, e.g. `seq 0  win 65495`.
    pub(crate) numbers: String,
    /// What it means among the others, and what became of it.
    pub(crate) marks: Vec<String>,
    /// All of it as a sentence.
    pub(crate) spoken: String,
    /// Whether it is known not to have arrived.
    pub(crate) is_lost: bool,
}

/// A packet in words.
pub(crate) fn packet_words(event: &Event, packet: &Packet, told: Option<&Told>) -> PacketWords {
    let mut words = PacketWords::default();
    let summary = Summary::of(packet.link, &packet.bytes);
    words.kind = match &summary {
        None => ["packet, ", &size(packet.length as usize)].concat(),
        Some(summary) => kind(packet, summary),
    };
    let mut numbers = Vec::new();
    if let Some(sight) = told.and_then(|told| told.sight.as_ref())
        && let Carries::Tcp(segment) = &sight.summary.carries
    {
        numbers = tcp_numbers(segment, &sight.summary, &sight.marks);
        words.marks = meanings(&sight.marks);
    }
    fates(event.time_ns, told, &mut words);
    let short = |(word, _, value): &(&str, _, String)| [*word, " ", value].concat();
    words.numbers = numbers.iter().map(short).collect::<Vec<_>>().join("  ");
    let from = match packet.from {
        End::Client => "wire, from you: ",
        End::Relay => "wire, from the relay: ",
        End::Server | End::Wire => "wire, from the server: ",
    };
    let in_full = |(_, word, value): &(_, &str, String)| [*word, " ", value].concat();
    let mut parts = vec![words.kind.clone()];
    parts.extend(numbers.iter().map(in_full));
    parts.extend(words.marks.iter().cloned());
    words.spoken = [from, &parts.join(", ")].concat();
    words
}

/// What it is: the bits that matter, the payload.
fn kind(packet: &Packet, summary: &Summary) -> String {
    let length = size(summary.payload_length as usize);
    match &summary.carries {
        Carries::Udp => ["UDP ", &length].concat(),
        Carries::Icmp => ["ICMP ", &icmp(packet, summary)].concat(),
        Carries::Other(protocol) => ["protocol ", &protocol.to_string()].concat(),
        Carries::Tcp(segment) => {
            let mut names = Vec::new();
            for (flag, name) in [
                (Flags::SYN, "SYN"),
                (Flags::FIN, "FIN"),
                (Flags::RST, "RST"),
            ] {
                if segment.flags.has(flag) {
                    names.push(name);
                }
            }
            // Every segment but the first acknowledges: it is the news only of one without other.
            let is_syn = segment.flags.has(Flags::SYN);
            let has_data = summary.payload_length > 0;
            if segment.flags.has(Flags::ACK) && (is_syn || names.is_empty() && !has_data) {
                names.push("ACK");
            }
            let mut kind = names.join("-");
            if has_data {
                kind.push_str(if kind.is_empty() { "data " } else { " data " });
                kind.push_str(&length);
            }
            kind
        }
    }
}

/// Why something was not delivered (RFC 792; RFC 4443, 3.1), else type and code.
fn icmp(packet: &Packet, summary: &Summary) -> String {
    let at = summary.payload.start.saturating_sub(8);
    let byte = |index: usize| packet.bytes.get(at + index).copied().unwrap_or_default();
    let what = match (summary.source.is_ipv4(), byte(0), byte(1)) {
        (true, 3, 0) => "network unreachable",
        (true, 3, 1) => "host unreachable",
        (true, 3, 3) | (false, 1, 4) => "port unreachable",
        (true, 3, 4) | (false, 2, _) => "packet too big",
        (_, kind, code) => {
            return ["type ", &kind.to_string(), " code ", &code.to_string()].concat();
        }
    };
    what.to_owned()
}

/// The numbers of a segment: in short, in full, and what they are.
fn tcp_numbers(
    segment: &Segment,
    summary: &Summary,
    marks: &Marks,
) -> Vec<(&'static str, &'static str, String)> {
    let mut numbers = Vec::new();
    let flags = segment.flags;
    let has_data = summary.payload_length > 0;
    let sequence = if has_data {
        let end = marks.seq.wrapping_add(summary.payload_length);
        [&marks.seq.to_string(), "..", &end.to_string()].concat()
    } else {
        marks.seq.to_string()
    };
    let takes_numbers = summary.sequence_length() > 0 || flags.has(Flags::RST) || marks.probe;
    if takes_numbers {
        numbers.push(("seq", "sequence number", sequence));
    }
    if let Some(ack) = marks.ack.filter(|_| flags.has(Flags::ACK)) {
        numbers.push(("ack", "acknowledgment number", ack.to_string()));
    }
    if !has_data && !flags.has(Flags::RST) {
        numbers.push(("win", "window", marks.window.to_string()));
    }
    numbers
}

fn meanings(marks: &Marks) -> Vec<String> {
    let mut words: Vec<String> = [
        (marks.retransmission, "retransmission"),
        (marks.zero_window, "zero window"),
        (marks.window_update, "window update"),
        (marks.probe, "probe"),
        (marks.out_of_order, "out of order"),
    ]
    .into_iter()
    .filter(|(is_so, _)| *is_so)
    .map(|(_, word)| word.to_owned())
    .collect();
    if marks.duplicate_ack > 0 {
        words.push(["duplicate ACK ", &marks.duplicate_ack.to_string()].concat());
    }
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
        words.marks.push(word);
    }
    words.is_lost = is_dropped && arrivals == 0;
}
