//! What must hold whatever arrives. A target panics where it does not.
//!
//! cargo-fuzz calls these from `fuzz_targets`, and `wire/tests/fuzz.rs` with what it makes of good
//! inputs by a seed.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use wire::dissect::{self, Field};
use wire::flows::Flows;
use wire::network::NetworkSettings;
use wire::packet::{Link, Packet, Summary};
use wire::{Action, ConnectionId, End, Event, Play, Seen, ToGateway, ToPage, Trace};

/// Takes some bytes and panics if something does not hold.
pub(crate) type Target = fn(&[u8]);

/// Every target, with its name.
pub(crate) const ALL: [(&str, Target); 6] = [
    ("packets", packets),
    ("payloads", payloads),
    ("session", session),
    ("trace", trace),
    ("json", json),
    ("phrases", phrases),
];

/// Lessons whose payloads are taken apart in ways of their own.
const LESSONS: [&str; 4] = ["tcp_ok", "udp_dns", "frame_length", "frame_fixed"];

/// Ranges lie inside the bytes, parts inside their whole, and the top level has every byte once.
fn check_cover(fields: &[Field], length: usize) {
    fn inside(parts: &[Field], whole: &Field, depth: usize) {
        assert!(depth < 32, "fields in fields without end");
        for part in parts {
            assert!(part.range.start <= part.range.end);
            assert!(part.range.start >= whole.range.start && part.range.end <= whole.range.end);
            inside(&part.parts, part, depth + 1);
        }
    }
    let mut at = 0;
    for field in fields {
        assert_eq!(field.range.start, at, "a gap before {}", field.name);
        at = field.range.end;
        inside(&field.parts, field, 0);
    }
    assert_eq!(at, length, "bytes that no field stands for");
}

/// A packet of either link; the first byte chooses it and the lesson.
pub(crate) fn packets(bytes: &[u8]) {
    let Some((choice, bytes)) = bytes.split_first() else {
        return;
    };
    let link = if choice & 1 == 1 {
        Link::Ip
    } else {
        Link::Ethernet
    };
    let lesson = LESSONS[usize::from(choice >> 1) % LESSONS.len()];
    check_cover(&dissect::packet_of(lesson, link, bytes), bytes.len());
    if let Some(summary) = Summary::of(link, bytes) {
        assert!(summary.payload.start <= summary.payload.end);
        assert!(summary.payload.end <= bytes.len());
    }
    let mut flows = Flows::default();
    for from in [End::Client, End::Server, End::Client] {
        let packet = Packet {
            number: 1,
            from,
            link,
            length: bytes.len() as u32,
            bytes: bytes.to_vec(),
        };
        let event = Event {
            sequence: 1,
            time_ns: 1,
            connection: Some(ConnectionId(1)),
            end: End::Wire,
            action: Action::Packet(packet),
            worker: None,
            source: None,
        };
        flows.observe(&event);
    }
}

/// The bytes of a transfer, in the protocol of every lesson.
pub(crate) fn payloads(bytes: &[u8]) {
    for lesson in LESSONS {
        for is_datagram in [false, true] {
            let fields = dissect::by(lesson, bytes, is_datagram);
            check_cover(&fields, bytes.len());
        }
    }
}

/// Frames of the session: what can be read can be written and read again.
pub(crate) fn session(bytes: &[u8]) {
    if let Ok(messages) = ToGateway::decode(bytes) {
        let mut frame = Vec::new();
        for message in &messages {
            message.encode(&mut frame);
        }
        assert_eq!(ToGateway::decode(&frame), Ok(messages));
    }
    if let Ok(messages) = ToPage::decode(bytes) {
        let mut frame = Vec::new();
        for message in &messages {
            message.encode(&mut frame);
        }
        assert_eq!(ToPage::decode(&frame), Ok(messages));
    }
}

/// A kept exchange, as links carry it.
pub(crate) fn trace(bytes: &[u8]) {
    if let Ok(trace) = postcard::from_bytes::<Trace>(bytes) {
        use_trace(trace);
    }
}

/// A kept exchange, as files carry it.
pub(crate) fn json(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(trace) = Trace::from_json(text) {
        let again = trace.to_json().unwrap_or_default();
        assert_eq!(Trace::from_json(&again).ok().as_ref(), Some(&trace));
        use_trace(trace);
    }
}

/// What is done with an exchange from elsewhere.
fn use_trace(mut trace: Trace) {
    if let Ok(file) = wire::pcapng::pcapng(&trace, &trace.steps) {
        check_blocks(&file);
    }
    assert_eq!(trace.drift(&trace.clone()), None);
    let address = trace.server.address.clone();
    trace.steps.normalise(&address, &address);
}

/// A pcapng file is a row of blocks, each of which says its length at both ends.
fn check_blocks(mut file: &[u8]) {
    while !file.is_empty() {
        let length = |at: usize| -> usize {
            let bytes = file.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, |bytes| u32::from_le_bytes(bytes) as usize)
        };
        let whole = length(4);
        assert!(whole >= 12 && whole % 4 == 0 && whole <= file.len());
        assert_eq!(length(whole - 4), whole);
        file = &file[whole..];
    }
}

/// The phrases of a lab: what is understood is said again in words that mean the same.
pub(crate) fn phrases(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    check_phrase::<Seen>(text);
    check_phrase::<Play>(text);
    check_phrase::<NetworkSettings>(text);
}

fn check_phrase<T: FromStr + Display + PartialEq + Debug>(text: &str) {
    if let Ok(phrase) = text.parse::<T>() {
        let said = phrase.to_string();
        assert_eq!(said.parse::<T>().ok().as_ref(), Some(&phrase), "{said}");
    }
}
