//! What several of these tests are made of: events, traces, the packets of exhibits.

use std::net::SocketAddr;

use wire::dissect::Field;
use wire::session::{Server, Transport};
use wire::text::from_hex;
use wire::trace::{Part, Recorded, TRACE_VERSION};
use wire::{Action, Address, ConnectionId, End, Event, Trace};

/// The packets of the book's exhibits, with the names of their files.
pub(crate) const EXHIBITS: [(&str, &str); 9] = [
    ("tcp_ok", include_str!("../../../book/packets/tcp_ok.hex")),
    (
        "tcp_ok_ipv6",
        include_str!("../../../book/packets/tcp_ok_ipv6.hex"),
    ),
    (
        "tcp_ok_loopback",
        include_str!("../../../book/packets/tcp_ok_loopback.hex"),
    ),
    (
        "tcp_ok_syn",
        include_str!("../../../book/packets/tcp_ok_syn.hex"),
    ),
    ("udp_dns", include_str!("../../../book/packets/udp_dns.hex")),
    (
        "udp_echo",
        include_str!("../../../book/packets/udp_echo.hex"),
    ),
    (
        "udp_echo_ipv6",
        include_str!("../../../book/packets/udp_echo_ipv6.hex"),
    ),
    (
        "udp_refused",
        include_str!("../../../book/packets/udp_refused.hex"),
    ),
    (
        "udp_refused_ipv6",
        include_str!("../../../book/packets/udp_refused_ipv6.hex"),
    ),
];

/// The bytes of an exhibit.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    from_hex(&lines.collect::<Vec<_>>().join(" ")).unwrap()
}

pub(crate) fn address(port: u16) -> Address {
    SocketAddr::from(([127, 0, 0, 1], port)).into()
}

/// Something that happened on connection 1; its sequence is its time.
pub(crate) fn event(time_ns: u64, end: End, action: Action) -> Event {
    Event {
        sequence: time_ns,
        time_ns,
        connection: Some(ConnectionId(1)),
        end,
        action,
        worker: None,
        source: None,
    }
}

/// A trace of `tcp_ok`'s lab, with the server of this lesson.
pub(crate) fn trace(lesson: &str, steps: Part) -> Trace {
    Trace {
        version: TRACE_VERSION,
        lab: "tcp_ok".to_owned(),
        recorded: Recorded {
            date: "2026-11-21".to_owned(),
            version: "0.1.0".to_owned(),
        },
        server: Server {
            lesson: lesson.to_owned(),
            transport: Transport::Tcp,
            address: address(9090),
        },
        steps,
        questions: Vec::new(),
    }
}

/// Parts lie inside their whole and in order, and the top level has every byte once.
#[track_caller]
pub(crate) fn covers(fields: &[Field], length: usize) {
    fn inside(parts: &[Field], whole: &Field, depth: usize) {
        assert!(depth < 16);
        let mut start = whole.range.start;
        for part in parts {
            assert!(part.range.start >= start && part.range.end <= whole.range.end);
            start = part.range.start;
            inside(&part.parts, part, depth + 1);
        }
    }
    assert!(length == 0 || !fields.is_empty());
    let mut at = 0;
    for field in fields {
        assert_eq!(field.range.start, at);
        at = field.range.end;
        inside(&field.parts, field, 0);
    }
    assert_eq!(at, length);
}
