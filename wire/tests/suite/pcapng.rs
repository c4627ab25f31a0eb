//! What an exchange is as a file for Wireshark. That tshark reads it is tested where tshark is.

use std::net::SocketAddr;

use wire::packet::{Carries, Link, Packet, Summary};
use wire::pcapng::{NoPackets, pcapng};
use wire::trace::{Client, Part};
use wire::{Action, Address, ConnectionId, Data, End, Event, Trace};

use super::blocks::{File, texts};
use super::made::{self, address, event};

const COMMENT: u16 = 1;
const NAME: u16 = 2;
const APPLICATION: u16 = 4;

/// Midnight of 2026-11-21, UTC.
const MIDNIGHT_NS: u64 = 1_795_219_200_000_000_000;

fn trace(lesson: &str, events: Vec<Event>) -> Trace {
    let steps = Part {
        clients: vec![Client {
            name: Some("b".to_owned()),
            connection: ConnectionId(1),
        }],
        ticks: Vec::new(),
        events,
    };
    made::trace(lesson, steps)
}

fn connect() -> Action {
    Action::Connect {
        local: address(50_001),
        peer: address(9090),
    }
}

fn file(trace: &Trace) -> File {
    File::read(&pcapng(trace, &trace.steps).unwrap())
}

/// Flags and payload length of every packet, from whichever end.
fn told(file: &File) -> Vec<String> {
    let tell = |packet: &super::blocks::Captured| {
        let summary = Summary::of(file.link(packet), &packet.bytes).unwrap();
        let from = if summary.source.port() == 9090 {
            "server"
        } else {
            "client"
        };
        match &summary.carries {
            Carries::Tcp(segment) => {
                format!("{from} {} {}", segment.flags, summary.payload_length)
            }
            other => format!("{from} {other:?} {}", summary.payload_length),
        }
    };
    file.packets.iter().map(tell).collect()
}

#[test]
fn packets_made_from_calls_say_so_everywhere() {
    let trace = trace(
        "tcp_ok",
        vec![
            event(5_000_000, End::Client, connect()),
            event(9_000_000, End::Client, Action::Write(Data::whole("hello"))),
            event(20_000_000, End::Client, Action::Close),
        ],
    );
    let file = file(&trace);
    assert_eq!(
        told(&file),
        [
            "client SYN 0",
            "server SYN, ACK 0",
            "client ACK 0",
            "client PSH, ACK 5",
            "server ACK 0",
            "client FIN, ACK 0",
            "server ACK 0"
        ]
    );
    assert_eq!(texts(&file.section, APPLICATION), ["wirebook 0.1.0"]);
    assert!(texts(&file.section, COMMENT)[0].contains("synthetic were never on a network"));
    assert_eq!(texts(&file.interfaces[0].1, NAME), ["synthetic"]);
    for packet in &file.packets {
        assert!(texts(&packet.options, COMMENT)[0].starts_with("Synthetic: "));
        assert_eq!(packet.length, packet.bytes.len());
    }
    let times: Vec<u64> = file.packets.iter().map(|packet| packet.time).collect();
    assert!(times.is_sorted() && times[0] > MIDNIGHT_NS && times[6] < MIDNIGHT_NS + 21_000_000);
    // Each call is told at the packet next to it.
    assert_eq!(
        texts(&file.packets[2].options, COMMENT)[1],
        "1 µs after it: client connect from 127.0.0.1:50001 to 127.0.0.1:9090, connection #1 of client b"
    );
    assert!(texts(&file.packets[3].options, COMMENT)[1].contains("client write \"hello\" (5 B)"));
}

#[test]
fn captured_packets_stay_as_they_are_and_tell_what_the_programs_did() {
    let bytes = [&[0; 12][..], &[0x08, 0, 0x45, 0]].concat();
    let packet = |number, length| {
        Action::Packet(Packet {
            number,
            from: End::Client,
            link: Link::Ethernet,
            length,
            bytes: bytes.clone(),
        })
    };
    let mut events = vec![
        event(100_000, End::Wire, packet(1, 16)),
        event(130_000, End::Client, connect()),
        event(
            170_000,
            End::Server,
            Action::Accept {
                peer: address(50_001),
            },
        ),
        event(200_000, End::Wire, packet(2, 70)),
        event(9_000_000, End::Server, Action::Close),
    ];
    events[4].source = Some(wire::Source {
        file: "native/src/lessons/tcp_ok.rs".into(),
        line: 20,
    });
    let file_of = |lesson| file(&trace(lesson, events.clone()));
    let file = file_of("tcp_ok");
    assert_eq!(file.packets.len(), 2);
    assert_eq!(file.packets[1].bytes, bytes);
    assert_eq!(file.packets[1].length, 70);
    assert_eq!(file.packets[0].time, MIDNIGHT_NS + 100_000);
    assert_eq!(file.interfaces.len(), 1);
    assert_eq!(file.interfaces[0].0, 1);
    assert_eq!(texts(&file.interfaces[0].1, NAME), ["captured"]);
    let comments = |packet: usize| texts(&file.packets[packet].options, COMMENT);
    assert!(comments(0)[0].starts_with("30 µs after it: client connect"));
    assert!(comments(1)[0].starts_with("30 µs before it: server accept"));
    assert_eq!(
        comments(1)[1],
        "8 ms after it: server close, connection #1 of client b, native/src/lessons/tcp_ok.rs line 20"
    );
    let file = file_of("sim_ok");
    assert_eq!(texts(&file.interfaces[0].1, NAME), ["simulated"]);
    assert!(texts(&file.packets[0].options, COMMENT)[0].starts_with("Simulated: "));
}

#[test]
fn a_conversation_without_packets_gets_synthetic_ones_beside_captured_ones() {
    let other = |mut event: Event| {
        event.connection = Some(ConnectionId(2));
        event
    };
    let packet = Packet {
        number: 1,
        from: End::Client,
        link: Link::Ip,
        length: 20,
        bytes: vec![0x45; 20],
    };
    let file = file(&trace(
        "tcp_ok",
        vec![
            event(10_000, End::Client, connect()),
            event(20_000, End::Wire, Action::Packet(packet)),
            other(event(30_000, End::Client, Action::Reset)),
            other(event(40_000, End::Client, connect())),
        ],
    ));
    let names: Vec<_> = file
        .interfaces
        .iter()
        .map(|one| texts(&one.1, NAME)[0])
        .collect();
    assert_eq!(names, ["captured", "synthetic"]);
    let origins: Vec<usize> = file.packets.iter().map(|packet| packet.interface).collect();
    assert_eq!(origins, [0, 1, 1, 1, 1]);
}

#[test]
fn a_close_on_unread_bytes_and_a_refused_connection_are_resets() {
    let write = |time_ns, end| event(time_ns, end, Action::Write(Data::whole("x")));
    let unread = trace(
        "tcp_ok",
        vec![
            event(1_000_000, End::Client, connect()),
            event(
                2_000_000,
                End::Server,
                Action::Accept {
                    peer: address(50_001),
                },
            ),
            write(3_000_000, End::Server),
            event(4_000_000, End::Client, Action::Close),
        ],
    );
    assert_eq!(told(&file(&unread)).last().unwrap(), "client RST, ACK 0");
    let refused = Action::Error {
        operation: wire::Operation::Connect,
        kind: wire::event::Failure::Refused,
        message: String::new(),
    };
    let refused = trace("tcp_refused", vec![event(1_000_000, End::Client, refused)]);
    assert_eq!(told(&file(&refused)), ["client SYN 0", "server RST, ACK 0"]);
}

#[test]
fn where_there_are_no_packets_there_is_a_reason_and_no_file() {
    let mut unix = trace("unix_echo", vec![event(1, End::Client, connect())]);
    unix.server.address = Address::Unix("unix_echo.sock".to_owned());
    assert_eq!(pcapng(&unix, &unix.steps), Err(NoPackets::Unix));
    let wait = Action::Wait {
        operation: wire::Operation::Accept,
    };
    let nothing = trace("tcp_ok", vec![event(1, End::Server, wait)]);
    assert_eq!(pcapng(&nothing, &nothing.steps), Err(NoPackets::Nothing));
}

#[test]
fn whatever_was_kept_becomes_a_file() {
    let actions = [
        Action::Write(Data::whole(vec![7; 70_000])),
        Action::Read(Data::whole("")),
        Action::Send {
            peer: address(0),
            data: Data::whole(vec![7; 66_000]),
        },
        Action::Receive {
            peer: Address::Unix(String::new()),
            data: Data::whole("x"),
        },
        Action::Accept {
            peer: SocketAddr::from(([0; 8], 1)).into(),
        },
        Action::Close,
        Action::ShutDown,
        Action::EndOfStream,
        connect(),
    ];
    let ends = [End::Client, End::Server, End::Relay, End::Wire];
    for first in &actions {
        for second in &actions {
            let events = ends.iter().flat_map(|end| {
                [(u64::MAX, first), (0, second)]
                    .map(|(time_ns, action)| event(time_ns, *end, action.clone()))
            });
            let mut trace = trace("tcp_ok", events.collect());
            trace.recorded.date = "9999-99-99".to_owned();
            if let Ok(bytes) = pcapng(&trace, &trace.steps) {
                File::read(&bytes);
            }
        }
    }
}
