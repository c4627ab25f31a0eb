//! The fuzz targets, for a moment: good inputs, changed by a seed. `WIREBOOK_FUZZ_SECONDS` makes it
//! longer, and cargo-fuzz, which looks where the program branches, finds more (tests/fuzz).

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::time::{Duration, Instant};

use wire::session::{LessonIndex, Refused};
use wire::{ConnectionId, ToGateway, ToPage, Trace};

#[path = "../../tests/fuzz/targets.rs"]
mod targets;

/// How many changed inputs each target gets, however slow the machine is.
const ROUNDS: u64 = 3_000;

/// The largest input that is changed, in bytes: what is slow finds little.
const MAX_INPUT: usize = 40_000;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// SplitMix64 (Steele, Lea, Flood, 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// A good input with a few changes, perhaps with a part of another one.
fn change(chance: &mut Chance, good: &[u8], other: &[u8]) -> Vec<u8> {
    const TELLING: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, b'"', b'\\', b' '];
    let mut bytes = good.to_vec();
    for _ in 0..=chance.below(4) {
        let at = chance.below(bytes.len());
        match chance.below(7) {
            0 => bytes.truncate(at),
            1 if !bytes.is_empty() => bytes[at] ^= 1 << chance.below(8),
            2 if !bytes.is_empty() => bytes[at] = TELLING[chance.below(TELLING.len())],
            3 if !bytes.is_empty() => bytes[at] = chance.next() as u8,
            4 => bytes.insert(at, TELLING[chance.below(TELLING.len())]),
            5 => {
                let end = (at + chance.below(40)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let from = chance.below(other.len());
                let to = (from + chance.below(40)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    bytes
}

/// Packets of the captures: cut out of their files at the blocks' borders.
fn captured() -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for entry in fs::read_dir([REPOSITORY, "/wire/tests/captures"].concat()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "pcapng") {
            continue;
        }
        let file = fs::read(&path).unwrap();
        let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let (mut at, mut choice) = (0, 0);
        while at < file.len() {
            match number(at) {
                1 => choice = if number(at + 8) & 0xffff == 1 { 2 } else { 3 },
                6 => {
                    let packet = &file[at + 28..at + 28 + number(at + 20)];
                    packets.push([&[choice][..], packet].concat());
                }
                _ => {}
            }
            at += number(at + 4);
        }
    }
    packets
}

fn traces() -> Vec<Trace> {
    let folder = fs::read_dir([REPOSITORY, "/book/traces"].concat()).unwrap();
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        Trace::from_json(&text).unwrap()
    };
    folder.map(read).collect()
}

/// Frames of either direction.
fn frames(traces: &[Trace]) -> Vec<Vec<u8>> {
    let connection = ConnectionId(7);
    let asked = [
        ToGateway::Hello {
            version: wire::session::VERSION,
            token: "secret".to_owned(),
        },
        ToGateway::Send {
            connection,
            bytes: b"hello".to_vec(),
        },
        ToGateway::Look {
            lesson: "tcp_ok".to_owned(),
            packets: true,
            kernel: true,
        },
        ToGateway::Ping { nonce: 1 },
    ];
    let mut frames: Vec<Vec<u8>> = asked
        .iter()
        .map(|one| encoded(|to| one.encode(to)))
        .collect();
    let refused = ToPage::Refused(Refused {
        what: wire::session::Asked::Connection(connection),
        why: "It is closed.".to_owned(),
    });
    frames.push(encoded(|to| refused.encode(to)));
    for event in traces.iter().flat_map(|trace| &trace.steps.events) {
        let told = ToPage::Event {
            lesson: LessonIndex::default(),
            event: event.clone(),
        };
        frames.push(encoded(|to| told.encode(to)));
    }
    frames
}

fn encoded(encode: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut frame = Vec::new();
    encode(&mut frame);
    frame
}

/// Phrases of the book, as its chapters write them.
fn phrases() -> Vec<Vec<u8>> {
    let mut phrases = Vec::new();
    for entry in fs::read_dir([REPOSITORY, "/book/src"].concat()).unwrap() {
        let Ok(text) = fs::read_to_string(entry.unwrap().path()) else {
            continue;
        };
        for line in text.lines() {
            let Some((key, value)) = line.split_once('=') else {
                continue;
            };
            if matches!(key.trim(), "play" | "seen" | "network") {
                let phrase = value.trim().trim_matches(['\'', '"']);
                phrases.push(phrase.as_bytes().to_vec());
            }
        }
    }
    phrases
}

#[test]
fn the_targets_hold_for_what_is_made_of_good_inputs() {
    let traces = traces();
    let packets = captured();
    let bodies = |packet: &Vec<u8>| packet.get(43..).unwrap_or_default().to_vec();
    let seconds = std::env::var("WIREBOOK_FUZZ_SECONDS").ok();
    let seconds: Option<u64> = seconds.and_then(|seconds| seconds.parse().ok());
    for (name, target) in targets::ALL {
        let mut good = match name {
            "packets" => packets.clone(),
            "payloads" => packets.iter().map(bodies).collect(),
            "session" => frames(&traces),
            "trace" => traces
                .iter()
                .map(|one| postcard::to_allocvec(one).unwrap())
                .collect(),
            "json" => traces
                .iter()
                .map(|one| one.to_json().unwrap().into_bytes())
                .collect(),
            "phrases" => phrases(),
            other => panic!("nobody has inputs for {other}"),
        };
        good.retain(|input| input.len() <= MAX_INPUT);
        assert!(good.len() > 10, "{name} has {} inputs", good.len());
        for input in &good {
            target(input);
        }
        let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let mut chance = Chance(1);
        let mut round = 0;
        while round < ROUNDS || end.is_some_and(|end| Instant::now() < end) {
            let (one, other) = (chance.below(good.len()), chance.below(good.len()));
            let input = change(&mut chance, &good[one], &good[other]);
            if std::panic::catch_unwind(|| target(&input)).is_err() {
                panic!("{name}: round {round}: {}", wire::text::to_hex(&input));
            }
            round += 1;
        }
    }
}
