//! tshark reads what is exported, and agrees with it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};
use wire::pcapng::{NoPackets, pcapng};
use wire::session::Transport;
use wire::trace::Part;
use wire::{Action, ConnectionId, End, Trace};
use wirebook_tests::requirements;

/// What tshark says about a file.
fn tshark(file: &Path, arguments: &[&str]) -> String {
    let output = Command::new("tshark")
        .arg("-n")
        .arg("-r")
        .arg(file)
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", file.display());
    String::from_utf8(output.stdout).unwrap()
}

/// So that tshark looks at every checksum.
const CHECKED: [&str; 6] = [
    "-o",
    "ip.check_checksum:TRUE",
    "-o",
    "tcp.check_checksum:TRUE",
    "-o",
    "udp.check_checksum:TRUE",
];

/// What is asked of every packet.
const FIELDS: [&str; 8] = [
    "frame.interface_name",
    "frame.comment",
    "_ws.malformed",
    "_ws.short",
    "ip.checksum.status",
    "tcp.checksum.status",
    "udp.checksum.status",
    "icmp.checksum.status",
];

/// Of these, those that say what is wrong with a packet, and those that say that a checksum is
/// right with a 1.
const PROBLEMS: std::ops::Range<usize> = 2..4;
const CHECKSUMS: std::ops::Range<usize> = 4..8;

/// Both directions of each conversation, in no order.
type Conversations = Vec<[Vec<u8>; 2]>;

fn in_order(conversations: impl IntoIterator<Item = [Vec<u8>; 2]>) -> Conversations {
    let mut conversations: Conversations = conversations.into_iter().collect();
    conversations.retain(|both| both.iter().any(|bytes| !bytes.is_empty()));
    conversations.sort();
    conversations
}

/// What the programs wrote.
fn written(part: &Part) -> Conversations {
    let mut written: BTreeMap<ConnectionId, [Vec<u8>; 2]> = BTreeMap::new();
    for event in &part.events {
        let direction = match event.end {
            End::Client => 0,
            End::Server => 1,
            End::Relay | End::Wire => continue,
        };
        if let (Some(id), Action::Write(data) | Action::Send { data, .. }) =
            (event.connection, &event.action)
        {
            written.entry(id).or_default()[direction].extend(&data.bytes);
        }
    }
    in_order(written.into_values())
}

/// What tshark puts together from the packets, in the words of `-z follow`.
fn followed<'a>(lines: impl Iterator<Item = &'a str>) -> Conversations {
    let mut conversations = Conversations::new();
    for line in lines {
        if line.starts_with("Follow: ") {
            conversations.push(<[Vec<u8>; 2]>::default());
        } else if let (Ok(bytes), Some(both)) =
            (wire::text::from_hex(line.trim()), conversations.last_mut())
        {
            // The second of the two speaks indented.
            both[usize::from(line.starts_with('\t'))].extend(bytes);
        }
    }
    in_order(conversations)
}

fn traces() -> Vec<(String, Trace)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../book/traces");
    let mut traces: Vec<(String, Trace)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    traces.sort_by(|one, other| one.0.cmp(&other.0));
    traces
}

/// tshark's words for the packets of a capture, in the fields that we compare with ours.
fn said(capture: &Path, fields: &[&str]) -> Vec<Map<String, Value>> {
    // Each packet by itself, with the numbers that are in it.
    let mut arguments = vec![
        "-o",
        "ip.defragment:FALSE",
        "-o",
        "ipv6.defragment:FALSE",
        "-o",
        "tcp.relative_sequence_numbers:FALSE",
        "-d",
        "udp.port==5300,dns",
        "-T",
        "json",
    ];
    arguments.extend(CHECKED);
    arguments.extend(fields.iter().flat_map(|field| ["-e", *field]));
    let packets: Vec<Value> = serde_json::from_str(&tshark(capture, &arguments)).unwrap();
    let mut said = Vec::new();
    for mut packet in packets {
        let mut layers = packet["_source"]["layers"].take();
        let layers = layers.as_object_mut().unwrap();
        for value in layers
            .values_mut()
            .flat_map(|all| all.as_array_mut().unwrap())
        {
            // Newer ones write truth in words.
            match value.as_str() {
                Some("True") => *value = "1".into(),
                Some("False") => *value = "0".into(),
                _ => {}
            }
        }
        said.push(std::mem::take(layers));
    }
    said
}

/// What is kept of tshark's words is what it says; `wire` compares ours with it. To write it anew
/// after a new capture: `WIREBOOK_GOLDEN=write cargo test -p wirebook-tests --test tshark`.
#[test]
fn what_is_kept_of_tshark_is_what_it_says() {
    if !requirements::met("tshark") {
        return;
    }
    let folder = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../wire/tests/captures"
    ));
    let table = std::fs::read_to_string(folder.join("fields.txt")).unwrap();
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    let fields: Vec<&str> = rows
        .flat_map(|line| line.split('|').nth(1).unwrap().trim().split('+'))
        .collect();
    let mut captures = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let capture = entry.unwrap().path();
        if capture.extension().is_none_or(|ending| ending != "pcapng") {
            continue;
        }
        captures += 1;
        let said = said(&capture, &fields);
        let golden = capture.with_extension("json");
        if std::env::var_os("WIREBOOK_GOLDEN").is_some() {
            let packets = said
                .iter()
                .map(|packet| serde_json::to_string(packet).unwrap());
            let text = packets.collect::<Vec<_>>().join(",\n");
            std::fs::write(&golden, format!("[\n{text}\n]\n")).unwrap();
        }
        let kept = std::fs::read_to_string(&golden).unwrap();
        let kept: Vec<Map<String, Value>> = serde_json::from_str(&kept).unwrap();
        assert_eq!(said, kept, "{}", capture.display());
    }
    assert!(captures >= 18);
}

/// Checks one part of a trace; how many conversations were followed.
fn check(trace: &Trace, part: &Part, path: &Path, label: &str) -> usize {
    let mut arguments = CHECKED.to_vec();
    arguments.extend(["-T", "fields"]);
    arguments.extend(FIELDS.iter().flat_map(|field| ["-e", field]));
    // Each connection is a stream; there is one at least, or tshark has nothing to follow.
    let ids: BTreeSet<_> = part
        .events
        .iter()
        .filter_map(|event| event.connection)
        .collect();
    let is_stream = trace.server.transport.is_stream();
    let protocol = if is_stream { "tcp" } else { "udp" };
    let follow = (0..ids.len()).map(|number| format!("follow,{protocol},raw,{number}"));
    let follow: Vec<String> = follow.flat_map(|one| ["-z".to_owned(), one]).collect();
    arguments.extend(follow.iter().map(String::as_str));
    let output = tshark(path, &arguments);
    let mut lines = output.lines();
    let mut interfaces = BTreeSet::new();
    // The packets come first; an empty line and one of `=` stand between them and the streams.
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let said: Vec<&str> = line.split('\t').collect();
        let is_well_formed = said[PROBLEMS].iter().all(|said| said.is_empty());
        assert!(is_well_formed, "{label}: {line}");
        interfaces.insert(said[0].to_owned());
        let mark = match said[0] {
            "synthetic" => "Synthetic: ",
            "simulated" => "Simulated: ",
            _ => "",
        };
        assert!(said[1].starts_with(mark), "{label}: {line}");
        // Of captured ones the kernel leaves checksums to a card that loopback does not have.
        if said[0] != "captured" {
            let mut checksums = said[CHECKSUMS].iter().flat_map(|said| said.split(','));
            assert!(
                checksums.all(|said| matches!(said, "" | "1")),
                "{label}: {line}"
            );
        }
    }
    // A relay has conversations of its own with the server.
    if part.events.iter().any(|event| event.end == End::Relay) {
        return 0;
    }
    let followed = followed(lines);
    let written = written(part);
    if interfaces.iter().all(|name| name == "synthetic") {
        assert_eq!(followed, written, "{label}");
    }
    // Of what was written, real packets carry what the exchange had time for.
    let is_carried = |both: &[Vec<u8>; 2]| {
        let of_this = |written: &&[Vec<u8>; 2]| {
            written[0].starts_with(&both[0]) && written[1].starts_with(&both[1])
        };
        written.iter().any(|written| of_this(&written))
    };
    assert!(
        followed.iter().all(is_carried),
        "{label}: {followed:?} of {written:?}"
    );
    followed.len()
}

/// Every recorded exchange of the book: its steps, and its questions.
#[test]
fn recorded_exchanges_are_whole_and_well_formed_in_tshark() {
    if !requirements::met("tshark") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut work = Vec::new();
    for (name, trace) in traces() {
        let questions = trace.questions.iter().map(|answered| &answered.part);
        for (part, number) in [&trace.steps].into_iter().chain(questions).zip(0..) {
            let label = format!("{name} {number}");
            match pcapng(&trace, part) {
                Ok(file) => {
                    let path = folder.path().join(format!("{name}_{number}.pcapng"));
                    std::fs::write(&path, file).unwrap();
                    work.push((trace.clone(), part.clone(), path, label));
                }
                Err(why) => {
                    assert_eq!(trace.server.transport, Transport::Unix, "{label}");
                    assert_eq!(why, NoPackets::Unix);
                }
            }
        }
    }
    // tshark takes long to begin, so two begin at a time.
    let (one, other) = work.split_at(work.len() / 2);
    let all = |work: &[(Trace, Part, PathBuf, String)]| -> usize {
        let each = |one: &(Trace, Part, PathBuf, String)| check(&one.0, &one.1, &one.2, &one.3);
        work.iter().map(each).sum()
    };
    let streams = std::thread::scope(|scope| {
        let other = scope.spawn(|| all(other));
        all(one) + other.join().unwrap()
    });
    assert!(streams > 60, "only {streams} conversations were followed");
}
