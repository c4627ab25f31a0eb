//! Ports are as the book has them in packets too, and checksums as right as they were.

use std::net::SocketAddr;

use wire::dissect::{Field, packet};
use wire::packet::{Link, Packet, Summary};
use wire::trace::Part;
use wire::{Action, Address, End};

use super::made::{EXHIBITS, bytes, event};

/// What every checksum says, and every port.
fn told(fields: &[Field], into: &mut [Vec<String>; 2]) {
    for field in fields {
        if field.name.contains("hecksum") {
            into[0].push(field.note.clone());
        } else if field.name.ends_with(" port") {
            into[1].push(field.value.clone());
        }
        told(&field.parts, into);
    }
}

fn normalised(bytes: Vec<u8>, server: SocketAddr, home: SocketAddr) -> Packet {
    let packet = Packet {
        number: 77,
        from: End::Client,
        link: Link::Ethernet,
        length: bytes.len() as u32,
        bytes,
    };
    let mut part = Part {
        events: vec![event(8, End::Wire, Action::Packet(packet))],
        ..Part::default()
    };
    part.normalise(&Address::Ip(server), &Address::Ip(home));
    match part.events.remove(0).action {
        Action::Packet(packet) => packet,
        other => panic!("{other:?}"),
    }
}

#[test]
fn ports_are_renamed_and_checksums_stay_as_right_as_they_were() {
    for (_, text) in EXHIBITS {
        let before = bytes(text);
        let mut said = <[Vec<String>; 2]>::default();
        told(&packet(&before), &mut said);
        // The server's port is the smaller one.
        let ports: Vec<u16> = said[1].iter().map(|port| port.parse().unwrap()).collect();
        let server_port = *ports.iter().min().unwrap();
        let summary = Summary::of(Link::Ethernet, &before).unwrap();
        let server = [summary.source, summary.destination].map(|mut address| {
            address.set_port(server_port);
            address
        });
        let is_at_source =
            summary.source.port() == server_port || ports.len() == 2 && text.contains("refused");
        let server = server[usize::from(!is_at_source)];
        let mut home = server;
        home.set_port(443);
        let after = normalised(before.clone(), server, home);
        assert_eq!(after.number, 1);
        let mut now = <[Vec<String>; 2]>::default();
        told(&packet(&after.bytes), &mut now);
        assert_eq!(now[0], said[0], "{text}");
        let mut expected: Vec<&str> = now[1].iter().map(String::as_str).collect();
        expected.sort_unstable();
        if summary.source.port() == 0 {
            // What an error message encloses is renamed too; its client is known from elsewhere.
            assert!(expected.contains(&"443"), "{text}: {expected:?}");
        } else {
            assert_eq!(expected, ["443", "50001"], "{text}");
        }
        // Nothing but ports and checksums has changed.
        let differ = before
            .iter()
            .zip(&after.bytes)
            .filter(|(one, other)| one != other);
        assert!(differ.count() <= 10 && before.len() == after.bytes.len());
    }
}

#[test]
fn whatever_is_cut_or_changed_is_renamed_without_harm() {
    let home = SocketAddr::from(([127, 0, 0, 1], 443));
    let server = SocketAddr::from(([192, 0, 2, 20], 9090));
    for (_, text) in EXHIBITS {
        let whole = bytes(text);
        for length in 0..whole.len() {
            let cut = normalised(whole[..length].to_vec(), server, home);
            assert_eq!(cut.bytes.len(), length);
        }
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            normalised(changed, server, home);
        }
    }
}
