use wire::event::{ConnectionId, Data, End, Failure, Operation, SocketOption};
use wire::packet::{Cause, Fate, Packet};
use wire::{Kernel, TcpState};

use super::*;

fn event(end: End, action: Action) -> Event {
    Event {
        sequence: 1,
        time_ns: 0,
        connection: Some(ConnectionId(2)),
        end,
        action,
        worker: None,
        source: None,
    }
}

fn check(seen: &str, events: &[Event], expected: &[&str]) {
    let seen = seen.parse().unwrap();
    assert_eq!(sentences(&Part::default(), events, &seen), expected);
}

fn data(bytes: &[u8], more: bool) -> Data {
    Data {
        bytes: bytes.to_vec(),
        more,
    }
}

#[test]
fn each_fact_is_a_sentence() {
    let peer: std::net::SocketAddr = "127.0.0.1:9090".parse().unwrap();
    check(
        "client read",
        &[
            event(End::Server, Action::Accept { peer: peer.into() }),
            event(End::Client, Action::Write(Data::whole("hello"))),
            event(
                End::Server,
                Action::Wait {
                    operation: Operation::Read,
                },
            ),
            event(End::Client, Action::Read(Data::whole("\n"))),
            event(
                End::Client,
                Action::Option {
                    option: SocketOption::NoDelay,
                    asked: Some(1),
                    value: 1,
                },
            ),
            event(
                End::Server,
                Action::Error {
                    operation: Operation::Read,
                    kind: Failure::Reset,
                    message: "<gone>".to_owned(),
                },
            ),
            event(End::Relay, Action::Lose(Data::whole("x"))),
        ],
        &[
            "The server accepted a connection from <code>127.0.0.1:9090</code>.",
            "The client wrote 5 bytes: <code>hello</code>.",
            "The client read 1 byte: <code>\\n</code>.",
            "The client set <code>no-delay</code> to 1; the kernel says 1.",
            "At the server <code>read</code> failed: reset (&lt;gone&gt;).",
            "The relay lost a datagram of 1 byte: <code>x</code>.",
        ],
    );
}

#[test]
fn of_samples_only_a_new_state_is_told() {
    let mut events = Vec::new();
    let states = [
        (End::Client, TcpState::Established, 1),
        (End::Server, TcpState::Established, 1),
        (End::Client, TcpState::Established, 2),
        (End::Client, TcpState::FinWait2, 2),
    ];
    for ((end, state, cwnd), sequence) in states.into_iter().zip(1..) {
        let mut kernel = Kernel::of(state);
        kernel.cwnd = Some(cwnd);
        events.push(Event {
            sequence,
            ..event(end, Action::Kernel(kernel))
        });
    }
    let part = Part {
        events: events.clone(),
        ..Part::default()
    };
    let seen = "client state FIN-WAIT-2".parse().unwrap();
    assert_eq!(
        sentences(&part, &events, &seen),
        [
            "The client is in state ESTABLISHED.",
            "The server is in state ESTABLISHED.",
            "The client is in state FIN-WAIT-2.",
        ]
    );
}

#[test]
fn waits_and_silence_are_told_where_a_step_is_about_them() {
    let wait = event(
        End::Server,
        Action::Wait {
            operation: Operation::Read,
        },
    );
    check(
        "server wait",
        &[wait],
        &["The server waited in <code>read</code>."],
    );
    check(
        "client nothing for 2 s",
        &[],
        &["For 2 s nothing happened at the client."],
    );
}

#[test]
fn the_pieces_of_one_call_are_one_sentence_and_long_ones_are_cut() {
    check(
        "client write",
        &[
            event(End::Client, Action::Write(data(&[b'a'; 150], true))),
            event(End::Client, Action::Write(data(&[b'a'; 150], false))),
            event(End::Client, Action::Write(data(b"b", false))),
        ],
        &[
            &format!(
                "The client wrote 300 bytes: <code>{}</code> and 100 more.",
                "a".repeat(200)
            ),
            "The client wrote 1 byte: <code>b</code>.",
        ],
    );
}

/// A segment of TCP on IPv4 from the client.
fn segment(sequence: u64, number: u32, seq: u32, flags: u8, payload: &[u8]) -> Event {
    let mut bytes = vec![
        0x45,
        0,
        0,
        40 + payload.len() as u8,
        0,
        0,
        0,
        0,
        64,
        6,
        0,
        0,
    ];
    bytes.extend([127, 0, 0, 1, 127, 0, 0, 1, 0xc3, 0x50, 0x23, 0x82]);
    bytes.extend(seq.to_be_bytes());
    bytes.extend([0, 0, 0, 0, 0x50, flags, 2, 0, 0, 0, 0, 0]);
    bytes.extend(payload);
    let packet = Packet {
        number,
        from: End::Client,
        link: wire::packet::Link::Ip,
        length: bytes.len() as u32,
        bytes,
    };
    Event {
        sequence,
        time_ns: sequence,
        ..event(End::Wire, Action::Packet(packet))
    }
}

#[test]
fn a_packet_is_told_with_its_numbers_and_with_what_became_of_it() {
    let fate = |sequence, packet, fate| Event {
        sequence,
        time_ns: sequence,
        ..event(End::Wire, Action::Fate { packet, fate })
    };
    let events = vec![
        segment(1, 1, 700, 2, b""),
        segment(2, 2, 701, 0, b"hello"),
        segment(3, 3, 701, 0, b"hello"),
        fate(50_000_001, 1, Fate::Arrive),
        fate(50_000_002, 2, Fate::Drop(Cause::Chance)),
    ];
    let part = Part {
        events,
        ..Part::default()
    };
    // What one step shows begins in the middle; the numbers count from the first packet.
    assert_eq!(
        sentences(&part, &part.events[1..], &"client read".parse().unwrap()),
        [
            "Wire, from the client: data 5 bytes, sequence number 1..6; lost.",
            "Wire, from the client: data 5 bytes, sequence number 1..6, \
             <em>retransmission</em>.",
        ]
    );
    assert_eq!(
        sentences(&part, &part.events[..1], &"client read".parse().unwrap()),
        ["Wire, from the client: SYN, sequence number 0, window 512; arrived after 50 ms."]
    );
}

#[test]
fn of_a_long_exchange_the_first_and_the_last_are_printed_and_the_rest_is_counted() {
    let events: Vec<Event> = (1..=100)
        .map(|number| segment(number.into(), number, number, 0, b"x"))
        .collect();
    let part = Part {
        events,
        ..Part::default()
    };
    let told = sentences(&part, &part.events, &"client read".parse().unwrap());
    assert_eq!(told.len(), 49);
    assert_eq!(
        told[36],
        "Then came 52 more of these, which the lab in the page shows."
    );
    assert_eq!(
        sentences(&part, &part.events[..48], &"client read".parse().unwrap()).len(),
        48
    );
}

#[test]
fn several_connections_are_told_apart() {
    let client = |name: Option<&str>, connection| Client {
        name: name.map(str::to_owned),
        connection: ConnectionId(connection),
    };
    let part = Part {
        clients: vec![client(None, 1), client(Some("b"), 2)],
        ..Part::default()
    };
    let close = event(End::Client, Action::Close);
    assert_eq!(
        sentences(&part, &[close], &"client close".parse().unwrap()),
        ["Connection 2, client b: the client closed its socket."]
    );
}
