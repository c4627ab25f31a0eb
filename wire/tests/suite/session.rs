use std::collections::BTreeSet;
use std::net::SocketAddr;

use wire::event::Failure;
use wire::flows::Kind;
use wire::packet::{Cause, Deed, Fate, Link, MAX_PACKET_BYTES};
use wire::session::{
    Abilities, Adjustment, Asked, DecodeError, Flight, MAX_FRAME_BYTES, MAX_SEND_BYTES, Now,
    Packets, Refused, RelaySettings, Server, Stats, Time, Transport, VERSION, Welcome,
};
use wire::{
    Action, Address, ConnectionId, Data, End, Event, Kernel, NetworkSettings, Operation, Packet,
    SocketOption, Source, TcpState, ToGateway, ToPage, Trap,
};

const CONNECTION: ConnectionId = ConnectionId(7);

fn peer() -> wire::Address {
    SocketAddr::from(([127, 0, 0, 1], 50_000)).into()
}

fn every_message_to_the_gateway() -> Vec<ToGateway> {
    vec![
        ToGateway::Hello {
            version: VERSION,
            token: "secret".into(),
        },
        ToGateway::Watch {
            lesson: "tcp_ok".into(),
        },
        ToGateway::Open {
            request: 3,
            lesson: "tcp_ok".into(),
            options: vec![(SocketOption::Linger, -1)],
        },
        ToGateway::Send {
            connection: CONNECTION,
            bytes: b"hello\0\xff".to_vec(),
        },
        ToGateway::ShutDown {
            connection: CONNECTION,
        },
        ToGateway::Close {
            connection: CONNECTION,
        },
        ToGateway::Reset {
            connection: CONNECTION,
        },
        ToGateway::Adjust {
            connection: CONNECTION,
            adjustment: Adjustment::Relay(RelaySettings {
                seed: u64::MAX,
                loss_percent: 30,
                ..RelaySettings::default()
            }),
        },
        ToGateway::Ping { nonce: u32::MAX },
        ToGateway::Look {
            lesson: "tcp_ok".into(),
            packets: true,
            kernel: false,
        },
        ToGateway::Network(NetworkSettings::default()),
        ToGateway::Meddle {
            packet: 7,
            deed: Deed::Delay { by_ms: 300 },
        },
        ToGateway::Trap(Trap {
            deed: Deed::Drop,
            kind: Some(Kind::SynAck),
            from: Some(End::Server),
            times: 2,
        }),
        ToGateway::Time(Time::Jump { time_ns: u64::MAX }),
    ]
}

fn every_action() -> Vec<Action> {
    let local = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 9));
    let mut actions = vec![
        Action::Connect {
            local: local.into(),
            peer: peer(),
        },
        Action::Accept { peer: peer() },
        Action::Read(Data::whole(*b"ok")),
        Action::EndOfStream,
        Action::Write(Data {
            bytes: vec![0; wire::event::MAX_EVENT_BYTES],
            more: true,
        }),
        Action::Receive {
            peer: peer(),
            data: Data::whole(*b""),
        },
        Action::Send {
            peer: peer(),
            data: Data::whole(*b"x"),
        },
        Action::ShutDown,
        Action::Close,
        Action::Reset,
        Action::Connect {
            local: Address::Unix(String::new()),
            peer: Address::Unix("/run/echo".into()),
        },
        Action::Option {
            option: SocketOption::ReceiveBuffer,
            asked: Some(4096),
            value: 8192,
        },
        Action::Lose(Data::whole(*b"x")),
        Action::Hold {
            for_ms: 20,
            data: Data::whole(*b"x"),
        },
        Action::Duplicate(Data::whole(*b"x")),
        Action::Packet(Packet {
            number: 1,
            from: End::Client,
            link: Link::Ethernet,
            length: 70_000,
            bytes: vec![0; MAX_PACKET_BYTES],
        }),
        Action::Fate {
            packet: 1,
            fate: Fate::Drop(Cause::Queue),
        },
        Action::Kernel(Kernel {
            rtt_us: Some(40),
            ..Kernel::of(TcpState::TimeWait)
        }),
    ];
    for (operation, _) in Operation::ALL {
        actions.push(Action::Wait { operation });
        actions.push(Action::Cancel { operation });
    }
    for (kind, _) in Failure::ALL {
        actions.push(Action::Error {
            operation: Operation::Read,
            kind,
            message: "reset by peer".into(),
        });
    }
    actions
}

fn event(action: Action) -> Event {
    Event {
        sequence: u64::MAX,
        time_ns: 1,
        connection: Some(CONNECTION),
        end: End::Server,
        action,
        worker: Some(wire::Worker::Task(12)),
        source: Some(Source {
            file: "native/src/lessons/tcp_ok.rs".into(),
            line: 21,
        }),
    }
}

fn every_message_to_the_page() -> Vec<ToPage> {
    let mut messages = vec![
        ToPage::Welcome(Welcome {
            version: VERSION,
            build: "abc".into(),
            time_ns: 5,
            servers: vec![
                Server {
                    lesson: "tcp_ok".into(),
                    transport: Transport::Tcp,
                    address: peer(),
                },
                Server {
                    lesson: "udp_echo".into(),
                    transport: Transport::Udp,
                    address: peer(),
                },
            ],
            abilities: Abilities {
                author: true,
                packets: Packets::Missing {
                    why: "no".into(),
                    command: Some("sudo".into()),
                },
                kernel: true,
            },
        }),
        ToPage::Opened {
            request: 3,
            connection: CONNECTION,
        },
        ToPage::Gap { count: 12 },
        ToPage::Pong { nonce: 0 },
        ToPage::Stats {
            lesson: 3,
            stats: Stats {
                workers: 2,
                ..Stats::default()
            },
        },
        ToPage::Lost {
            lesson: 3,
            packets: 9,
        },
        ToPage::Now(Now {
            time_ns: 5,
            is_running: true,
            permille: 100,
            network: NetworkSettings::default(),
            flights: vec![Flight {
                packet: 1,
                from: End::Client,
                sent_ns: 4,
                arrives_ns: 9,
            }],
        }),
        ToPage::Rewound,
    ];
    for what in [
        Asked::Watch,
        Asked::Open(3),
        Asked::Connection(CONNECTION),
        Asked::Anything,
    ] {
        messages.push(ToPage::Refused(Refused {
            what,
            why: "no".into(),
        }));
    }
    for action in every_action() {
        messages.push(ToPage::Event {
            lesson: 1,
            event: event(action),
        });
    }
    messages.push(ToPage::Event {
        lesson: 0,
        event: Event {
            connection: None,
            worker: None,
            source: None,
            end: End::Client,
            ..event(Action::EndOfStream)
        },
    });
    messages
}

/// Counts kinds without a wildcard, so that a new kind of message does not compile until it has a
/// number here, and the test below fails until it has an example above.
fn kind_to_gateway(message: &ToGateway) -> usize {
    match message {
        ToGateway::Hello { .. } => 0,
        ToGateway::Watch { .. } => 1,
        ToGateway::Open { .. } => 2,
        ToGateway::Send { .. } => 3,
        ToGateway::ShutDown { .. } => 4,
        ToGateway::Close { .. } => 5,
        ToGateway::Reset { .. } => 6,
        ToGateway::Ping { .. } => 7,
        ToGateway::Adjust { .. } => 8,
        ToGateway::Look { .. } => 9,
        ToGateway::Network(_) => 10,
        ToGateway::Meddle { .. } => 11,
        ToGateway::Trap(_) => 12,
        ToGateway::Time(_) => 13,
    }
}

fn kind_to_page(message: &ToPage) -> usize {
    match message {
        ToPage::Welcome(_) => 0,
        ToPage::Opened { .. } => 1,
        ToPage::Event { .. } => 2,
        ToPage::Gap { .. } => 3,
        ToPage::Refused(_) => 4,
        ToPage::Pong { .. } => 5,
        ToPage::Stats { .. } => 6,
        ToPage::Lost { .. } => 7,
        ToPage::Now(_) => 8,
        ToPage::Rewound => 9,
    }
}

fn kind_of_action(action: &Action) -> usize {
    match action {
        Action::Connect { .. } => 0,
        Action::Accept { .. } => 1,
        Action::Wait { .. } => 2,
        Action::Read(_) => 3,
        Action::EndOfStream => 4,
        Action::Write(_) => 5,
        Action::Receive { .. } => 6,
        Action::Send { .. } => 7,
        Action::ShutDown => 8,
        Action::Close => 9,
        Action::Reset => 10,
        Action::Error { .. } => 11,
        Action::Cancel { .. } => 12,
        Action::Option { .. } => 13,
        Action::Lose(_) => 14,
        Action::Hold { .. } => 15,
        Action::Duplicate(_) => 16,
        Action::Packet(_) => 17,
        Action::Fate { .. } => 18,
        Action::Kernel(_) => 19,
    }
}

#[track_caller]
fn covers<T>(examples: &[T], kind: impl Fn(&T) -> usize, kinds: usize) {
    let shown: BTreeSet<usize> = examples.iter().map(kind).collect();
    assert_eq!(shown, (0..kinds).collect());
}

#[test]
fn the_examples_cover_every_kind() {
    covers(&every_message_to_the_gateway(), kind_to_gateway, 14);
    covers(&every_message_to_the_page(), kind_to_page, 10);
    covers(&every_action(), kind_of_action, 20);
}

#[test]
fn every_message_comes_back_alone_and_packed_in_one_frame() {
    let messages = every_message_to_the_gateway();
    let mut packed = Vec::new();
    for message in &messages {
        let mut frame = Vec::new();
        message.encode(&mut frame);
        message.encode(&mut packed);
        assert_eq!(
            ToGateway::decode(&frame).as_deref(),
            Ok(&[message.clone()][..])
        );
    }
    assert_eq!(ToGateway::decode(&packed), Ok(messages));

    let messages = every_message_to_the_page();
    let mut packed = Vec::new();
    for message in &messages {
        let mut frame = Vec::new();
        message.encode(&mut frame);
        message.encode(&mut packed);
        assert_eq!(
            ToPage::decode(&frame).as_deref(),
            Ok(&[message.clone()][..])
        );
    }
    assert_eq!(ToPage::decode(&packed), Ok(messages));
}

#[test]
fn an_empty_frame_holds_no_message() {
    assert_eq!(ToGateway::decode(b""), Ok(Vec::new()));
    assert_eq!(ToPage::decode(b""), Ok(Vec::new()));
}

#[test]
fn a_frame_cut_anywhere_is_an_error_and_never_a_panic() {
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for message in every_message_to_the_gateway() {
        let mut frame = Vec::new();
        message.encode(&mut frame);
        frames.push(frame);
    }
    for frame in frames {
        for end in 1..frame.len() {
            assert!(
                ToGateway::decode(&frame[..end]).is_err(),
                "{frame:?} cut at {end}"
            );
        }
    }
    for message in every_message_to_the_page() {
        let mut frame = Vec::new();
        message.encode(&mut frame);
        for end in (1..frame.len()).take(256) {
            assert!(
                ToPage::decode(&frame[..end]).is_err(),
                "{message:?} cut at {end}"
            );
        }
    }
}

#[test]
fn any_short_frame_is_decoded_without_a_panic() {
    for first in 0..=255 {
        for second in 0..=255 {
            for frame in [
                &[first, second][..],
                &[first, second, 255, 255, 255, 255, 255][..],
            ] {
                let _ = ToGateway::decode(frame);
                let _ = ToPage::decode(frame);
            }
        }
    }
}

#[test]
fn a_length_beyond_the_frame_is_refused_without_reserving_memory_for_it() {
    // Send to connection 7, claiming 2^56 bytes.
    let frame = [3, 7, 255, 255, 255, 255, 255, 255, 255, 127];
    assert_eq!(
        ToGateway::decode(&frame),
        Err(DecodeError::Malformed { offset: 0 })
    );
}

#[test]
fn what_follows_a_message_must_be_a_message_too() {
    let mut frame = Vec::new();
    ToGateway::Ping { nonce: 1 }.encode(&mut frame);
    frame.push(200);
    assert_eq!(
        ToGateway::decode(&frame),
        Err(DecodeError::Malformed { offset: 2 })
    );
}

#[test]
fn a_hello_of_another_version_is_told_apart_whatever_follows_it() {
    let mut frame = Vec::new();
    ToGateway::Hello {
        version: VERSION + 1,
        token: "secret".into(),
    }
    .encode(&mut frame);
    frame.extend_from_slice(b"\xff\xff what a later version may add");
    assert_eq!(
        ToGateway::decode(&frame),
        Err(DecodeError::Version(VERSION + 1))
    );
}

#[test]
fn the_largest_send_fits_into_a_frame() {
    let mut frame = Vec::new();
    ToGateway::Send {
        connection: ConnectionId(u64::MAX),
        bytes: vec![0; MAX_SEND_BYTES],
    }
    .encode(&mut frame);
    assert!(frame.len() <= MAX_FRAME_BYTES);
}

#[test]
fn a_hello_of_another_version_is_known_however_it_is_written() {
    // Its number in two bytes where one would do; version 1; no token.
    assert_eq!(
        ToGateway::decode(&[0x80, 0, 1, 0]),
        Err(DecodeError::Version(1))
    );
}
