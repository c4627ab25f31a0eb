use wire::dissect::{Field, packet, packet_of, place};
use wire::packet::{Carries, Link, Summary};

use super::made::{EXHIBITS, bytes, covers};

fn captured(name: &str) -> Vec<u8> {
    bytes(EXHIBITS.iter().find(|(known, _)| *known == name).unwrap().1)
}

fn flat<'a>(fields: &'a [Field], into: &mut Vec<&'a Field>) {
    for field in fields {
        into.push(field);
        flat(&field.parts, into);
    }
}

/// The field at a path says this, and its note begins so.
#[track_caller]
fn check(fields: &[Field], path: &str, value: &str, note: &str) {
    let mut all = Vec::new();
    flat(fields, &mut all);
    let at = place(fields, path).unwrap_or_else(|| panic!("no {path} in {fields:#?}"));
    assert_eq!(all[at].value, value, "{path}");
    assert!(all[at].note.starts_with(note), "{path}: {}", all[at].note);
}

#[test]
fn one_message_is_unpacked_layer_by_layer() {
    let fields = packet(&captured("tcp_ok"));
    let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["Ethernet", "IPv4", "TCP", "Data"]);
    for (path, value, note) in [
        (
            "Ethernet / Destination",
            "02:00:00:00:00:02",
            "one network card; given locally",
        ),
        (
            "Ethernet / EtherType",
            "0x0800 IPv4",
            "what the frame carries",
        ),
        ("IPv4 / Version and header length / Version", "4", ""),
        ("IPv4 / Total length", "57", ""),
        (
            "IPv4 / Flags and fragment offset / Don't fragment",
            "yes",
            "",
        ),
        ("IPv4 / Time to Live", "64", "how many routers"),
        ("IPv4 / Protocol", "6 TCP", ""),
        ("IPv4 / Header checksum", "ae 0f", "right"),
        ("IPv4 / Source", "192.0.2.10", ""),
        ("IPv4 / Destination", "192.0.2.20", ""),
        ("TCP", "ACK, PSH", ""),
        ("TCP / Destination port", "9090", ""),
        ("TCP / Data offset and flags / PSH", "set", "hand the data"),
        ("TCP / Checksum", "ee 8f", "right"),
        ("TCP / Options / Timestamps / Length", "10", ""),
        ("Data", "hello", ""),
    ] {
        check(&fields, path, value, note);
    }
}

#[test]
fn every_layer_has_its_variants() {
    let fields = packet(&captured("tcp_ok_ipv6"));
    check(&fields, "IPv6 / Source", "2001:db8::10", "");
    check(&fields, "IPv6 / Hop Limit", "64", "how many routers");
    check(&fields, "TCP / Checksum", "1c e8", "right");

    let fields = packet(&captured("tcp_ok_syn"));
    check(&fields, "TCP", "SYN", "");
    check(
        &fields,
        "TCP / Options / Maximum segment size",
        "1460",
        "the most data",
    );
    check(&fields, "TCP / Options / Window scale", "10", "windows");

    let fields = packet(&captured("udp_echo"));
    check(&fields, "UDP / Length", "13", "");
    check(&fields, "UDP / Checksum", "82 c2", "right");
    check(&fields, "Data", "hello", "");

    let fields = packet(&captured("udp_dns"));
    check(&fields, "DNS / Question 1", "www.wirebook.test A", "");

    let fields = packet(&captured("udp_refused"));
    check(
        &fields,
        "ICMP",
        "port unreachable: no socket has this port",
        "",
    );
    check(
        &fields,
        "About this packet / UDP / Destination port",
        "9132",
        "",
    );
    check(&fields, "About this packet / Data", "hello", "");

    let fields = packet(&captured("udp_refused_ipv6"));
    check(&fields, "ICMPv6 / Code", "4", "port unreachable");
    check(
        &fields,
        "About this packet / UDP / Destination port",
        "9132",
        "",
    );
}

#[test]
fn a_checksum_is_right_left_to_the_card_or_wrong() {
    check(
        &packet(&captured("tcp_ok_loopback")),
        "TCP / Checksum",
        "fe 2d",
        "not filled in",
    );
    let mut changed = captured("tcp_ok");
    *changed.last_mut().unwrap() ^= 1;
    check(&packet(&changed), "TCP / Checksum", "ee 8f", "wrong");
    changed.pop();
    check(&packet(&changed), "TCP / Checksum", "ee 8f", "not checked");
    let mut changed = captured("tcp_ok");
    changed[22] -= 1;
    check(
        &packet(&changed),
        "IPv4 / Header checksum",
        "ae 0f",
        "wrong",
    );
    let mut none = captured("udp_echo");
    none[40..42].fill(0);
    check(
        &packet(&none),
        "UDP / Checksum",
        "00 00",
        "none: the sender did not",
    );
}

fn check_cover(bytes: &[u8]) {
    covers(&packet(bytes), bytes.len());
}

#[test]
fn whatever_is_cut_or_changed_is_shown_all_the_same() {
    for (_, text) in EXHIBITS {
        let whole = bytes(text);
        for length in 0..=whole.len() {
            check_cover(&whole[..length]);
        }
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            check_cover(&changed);
            check_cover(&changed[..whole.len() - bit % whole.len()]);
        }
    }
}

#[test]
fn noise_behind_a_valid_start_is_shown_all_the_same() {
    let mut state = 1_u32;
    for (_, text) in EXHIBITS {
        let whole = bytes(text);
        for round in 0..500 {
            let mut changed = whole.clone();
            for byte in changed.iter_mut().skip(14 + round % 60) {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *byte = (state >> 24) as u8;
            }
            check_cover(&changed);
        }
    }
}

#[test]
fn packets_packed_into_each_other_end_somewhere() {
    // ICMP errors, each about the one inside it.
    let refused = captured("udp_refused");
    let mut nested = refused[42..].to_vec();
    for _ in 0..40 {
        nested = [&refused[14..42], &nested].concat();
    }
    check_cover(&[&refused[..14], &nested].concat());
}

#[test]
fn what_a_packet_carries_is_read_as_its_lesson_has_it_with_or_without_ethernet() {
    let mut ip = vec![
        0x45, 0, 0, 45, 0, 0, 0x40, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1,
    ];
    ip.extend([
        0xc3, 0x50, 0x23, 0x82, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x18, 1, 0, 0, 0, 0, 0,
    ]);
    ip.extend(b"\x00\x03abc");
    let mut ethernet = vec![0; 12];
    ethernet.extend([0x08, 0x00]);
    ethernet.extend(&ip);
    for (link, bytes, start) in [(Link::Ip, ip, 40), (Link::Ethernet, ethernet, 54)] {
        let fields = packet_of("frame_length", link, &bytes);
        let at = place(&fields, "Data / Message / Text");
        assert!(at.is_some(), "{fields:?}");
        let data = fields.last().unwrap();
        assert_eq!(data.range, start..start + 5);
        assert_eq!(data.parts[0].parts[1].range, start + 2..start + 5);
        assert_eq!(data.parts[0].parts[1].value, "abc");
    }
}

#[test]
fn of_a_packet_in_fragments_the_first_has_the_ports_in_both_versions() {
    let udp = [0xc3, 0x50, 0x23, 0x82, 0, 100, 0, 0];
    let four = |offset: u8| {
        let mut bytes = vec![0x45, 0, 0, 28, 0, 1, 0x20, offset, 64, 17, 0, 0];
        bytes.extend([127, 0, 0, 1, 127, 0, 0, 1]);
        bytes.extend(udp);
        bytes
    };
    let six = |offset: u8| {
        let mut bytes = vec![0x60, 0, 0, 0, 0, 16, 44, 64];
        bytes.extend([0; 32]);
        bytes.extend([17, 0, 0, offset << 3 | 1, 0, 0, 0, 1]);
        bytes.extend(udp);
        bytes
    };
    for (first, later) in [(four(0), four(1)), (six(0), six(1))] {
        let first = Summary::of(Link::Ip, &first).unwrap();
        assert_eq!(first.carries, Carries::Udp);
        assert_eq!(
            (first.source.port(), first.destination.port()),
            (50_000, 9_090)
        );
        let later = Summary::of(Link::Ip, &later).unwrap();
        assert!(matches!(later.carries, Carries::Other(_)));
        assert_eq!((later.source.port(), later.destination.port()), (0, 0));
    }
}
