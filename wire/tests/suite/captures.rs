//! Real packets, taken apart as tshark takes them apart: `captures/*.pcapng` were captured by
//! `captures/make.py`, and `captures/*.json` keep what tshark says of them, in the fields of
//! `captures/fields.txt`. That tshark still says so is tested where tshark is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use wire::dissect::{Field, packet_of};
use wire::packet::Link;

use super::blocks::File;
use super::made::covers;

/// What tshark says of a packet: each field, with a value for each time that it is there.
type Said = BTreeMap<String, Vec<String>>;

/// A capture: its name, its packets with what they begin with, and what tshark says of them.
type Capture = (String, Vec<(Link, Vec<u8>)>, Vec<Said>);

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/captures");

fn captures() -> Vec<Capture> {
    let mut captures = Vec::new();
    for entry in fs::read_dir(FOLDER).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "pcapng") {
            continue;
        }
        let file = File::read(&fs::read(&path).unwrap());
        let packets = file.packets.iter();
        let packets = packets.map(|packet| (file.link(packet), packet.bytes.clone()));
        let said = fs::read_to_string(path.with_extension("json")).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        captures.push((
            name,
            packets.collect(),
            serde_json::from_str(&said).unwrap(),
        ));
    }
    assert!(captures.len() >= 18, "only {} captures", captures.len());
    captures
}

/// The fields at a path, whatever encloses them, in order.
fn at<'a>(
    fields: &'a [Field],
    path: &[&str],
    above: &mut Vec<&'a str>,
    found: &mut Vec<&'a Field>,
) {
    for field in fields {
        above.push(&field.name);
        if above.ends_with(path) {
            found.push(field);
        }
        at(&field.parts, path, above, found);
        above.pop();
    }
}

/// Our value in tshark's way.
fn written(field: &Field, form: &str) -> String {
    let word = field.value.split(' ').next().unwrap_or_default();
    let number = || -> u64 { word.parse().unwrap() };
    match form {
        "same" => field.value.clone(),
        "word" | "first" | "answers" => match word {
            "yes" => "1".to_owned(),
            "no" => "0".to_owned(),
            _ => word.to_owned(),
        },
        "bit" => match word {
            "yes" | "set" => "1".to_owned(),
            "no" | "not" => "0".to_owned(),
            other => panic!("{other} is no bit"),
        },
        "hex" => format!("0x{}", field.value.replace(' ', "")),
        "hexadecimal" => format!("{:#06x}", number()),
        "hexadecimal6" => format!("{:#08x}", number()),
        "hexadecimal8" => format!("{:#010x}", number()),
        "words" => (number() * 4).to_string(),
        "eighth" => (number() / 8).to_string(),
        "status" => match field.note.split([' ', ':']).next().unwrap() {
            "right" => "1".to_owned(),
            // What is left to the network card looks wrong to whoever captures.
            "wrong" => "0".to_owned(),
            "not" if field.note.starts_with("not filled in") => "0".to_owned(),
            "not" => "2".to_owned(),
            "none" => "3".to_owned(),
            other => panic!("{other} is no status"),
        },
        other => panic!("{other} is no form"),
    }
}

#[test]
fn tshark_agrees_field_by_field() {
    let table = fs::read_to_string(Path::new(FOLDER).join("fields.txt")).unwrap();
    let mut differences = Vec::new();
    let mut agreed: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, packets, said) in captures() {
        assert_eq!(packets.len(), said.len(), "{name}");
        for (number, ((link, bytes), said)) in (1..).zip(packets.iter().zip(&said)) {
            let fields = packet_of("udp_dns", *link, bytes);
            for line in table.lines().filter(|line| !line.starts_with('#')) {
                let [path, theirs, form] = line.split('|').map(str::trim).collect::<Vec<_>>()[..]
                else {
                    panic!("{line}");
                };
                let names: Vec<&str> = path.split(" / ").collect();
                let mut found = Vec::new();
                at(&fields, &names, &mut Vec::new(), &mut found);
                let mut ours: Vec<String> =
                    found.iter().map(|field| written(field, form)).collect();
                let mut theirs_said: Vec<String> = theirs
                    .split('+')
                    .flat_map(|field| said.get(field).cloned().unwrap_or_default())
                    .collect();
                match form {
                    "first" => {
                        ours.truncate(1);
                        theirs_said.truncate(ours.len());
                    }
                    // tshark tells it of answers alone.
                    "answers" if theirs_said.is_empty() => continue,
                    _ => {}
                }
                if ours == theirs_said {
                    *agreed.entry(theirs).or_default() += ours.len();
                } else {
                    differences.push(format!(
                        "{name} {number}: {path}: we say {ours:?}, tshark {theirs} {theirs_said:?}"
                    ));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    let theirs = rows.filter_map(|line| line.split('|').nth(1));
    let missing: Vec<_> = theirs
        .map(str::trim)
        .filter(|theirs| !agreed.contains_key(theirs))
        .collect();
    assert_eq!(missing, [""; 0], "no packet has these");
}

fn check_cover(link: Link, bytes: &[u8]) {
    covers(&packet_of("frame_length", link, bytes), bytes.len());
}

#[test]
fn real_packets_cut_or_changed_anywhere_are_shown_all_the_same() {
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for (_, packets, _) in captures() {
        for (link, whole) in packets {
            // Long packets differ from short ones in their data alone, and many packets only in
            // numbers: one of each shape, headers first, tells all.
            let shape: Vec<u8> = (0..whole.len())
                .filter(|at| matches!(at, 12..24 | 46..48))
                .map(|at| whole[at])
                .collect();
            if seen.contains(&shape) {
                continue;
            }
            seen.push(shape);
            for length in 0..=whole.len() {
                check_cover(link, &whole[..length]);
            }
            // What a long packet has behind its headers, and those of a packet that it encloses,
            // is data: one bit of it is like another.
            let headers = if whole.len() > 600 { 200 } else { whole.len() };
            for bit in 0..headers * 8 {
                let mut changed = whole.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                check_cover(link, &changed);
            }
        }
    }
    assert!(seen.len() > 60, "only {} shapes", seen.len());
}

#[test]
fn a_name_in_a_packet_is_read_from_the_start_of_its_message() {
    let (_, packets, _) = captures().into_iter().find(|one| one.0 == "dns").unwrap();
    let (link, bytes) = &packets[1];
    let fields = packet_of("udp_dns", *link, bytes);
    let mut found = Vec::new();
    at(&fields, &["Answer 2"], &mut Vec::new(), &mut found);
    assert_eq!(found[0].value, "wirebook.test A 192.0.2.1");
}
