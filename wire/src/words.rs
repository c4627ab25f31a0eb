//! A packet in words: what it is, its numbers, and what it means among those before it.

use crate::flows::Marks;
use crate::packet::{Carries, Flags, Packet, Segment, Summary};

/// A packet in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketWords {
    /// What it is, e.g. `SYN`, `data 5 bytes`.
    pub kind: String,
    /// Its numbers: the word in short, in full, and the number.
    pub numbers: Vec<(&'static str, &'static str, String)>,
    /// What it means among those before it, e.g. `retransmission`.
    pub meanings: Vec<String>,
}

impl PacketWords {
    /// A packet in words; without its marks nothing is known of those before it.
    pub fn of(packet: &Packet, marks: Option<&Marks>) -> Self {
        let mut words = Self::default();
        let Some(summary) = Summary::of(packet.link, &packet.bytes) else {
            words.kind = ["packet, ", &bytes(packet.length)].concat();
            return words;
        };
        words.kind = kind(packet, &summary);
        if let (Carries::Tcp(segment), Some(marks)) = (&summary.carries, marks) {
            words.numbers = numbers(segment, &summary, marks);
            words.meanings = meanings(marks);
        }
        words
    }
}

fn bytes(count: u32) -> String {
    let mut bytes = count.to_string();
    bytes.push_str(if count == 1 { " byte" } else { " bytes" });
    bytes
}

/// What it is: the bits that matter, the payload.
fn kind(packet: &Packet, summary: &Summary) -> String {
    let length = bytes(summary.payload_length);
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
fn numbers(
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
        numbers.push(("ack", "acknowledgement number", ack.to_string()));
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
