//! What is kept of an exchange is the same for every run of it, and what differs is told.

use wire::event::{ConnectionId, Failure, Operation};
use wire::packet::Link;
use wire::trace::{Answered, Client, Part, Trace};
use wire::{Action, Data, End, Event, Kernel, Packet, Source, TcpState, Worker};

use super::made::{self, address};

/// What differs between two runs of the same program.
struct Run {
    first_connection: u64,
    first_sequence: u64,
    time_ns: u64,
    task: u64,
    client_port: u16,
    server_port: u16,
}

const ONE: Run = Run {
    first_connection: 7,
    first_sequence: 100,
    time_ns: 5_000,
    task: 21,
    client_port: 40_001,
    server_port: 33_333,
};

const OTHER: Run = Run {
    first_connection: 2,
    first_sequence: 3,
    time_ns: 9,
    task: 4,
    client_port: 51_234,
    server_port: 44_444,
};

fn event(end: End, action: Action) -> Event {
    made::event(0, end, action)
}

fn part(events: impl IntoIterator<Item = Event>) -> Part {
    let events: Vec<_> = (1..)
        .zip(events)
        .map(|(sequence, event)| Event { sequence, ..event })
        .collect();
    Part {
        clients: vec![Client {
            name: None,
            connection: ConnectionId(1),
        }],
        ticks: vec![events.len() as u32],
        events,
    }
}

fn trace(events: impl IntoIterator<Item = Event>) -> Trace {
    made::trace("tcp_ok", part(events))
}

fn run(run: &Run) -> Part {
    let client = address(run.client_port);
    let told = format!("you are {client}");
    let events = [
        (
            End::Client,
            Action::Connect {
                local: client.clone(),
                peer: address(run.server_port),
            },
        ),
        (End::Server, Action::Accept { peer: client }),
        (End::Server, Action::Write(Data::whole(told.clone()))),
        (End::Client, Action::Read(Data::whole(told))),
    ];
    let mut part = part(events.into_iter().map(|(end, action)| event(end, action)));
    let connection = ConnectionId(run.first_connection);
    part.clients[0].connection = connection;
    for (index, event) in part.events.iter_mut().enumerate() {
        event.sequence = run.first_sequence + 2 * index as u64;
        event.time_ns = run.time_ns + 10 * index as u64;
        event.connection = Some(connection);
        event.worker = (event.end == End::Server).then_some(Worker::Task(run.task));
    }
    part
}

#[test]
fn two_runs_of_the_same_exchange_are_kept_alike() {
    let mut parts = [ONE, OTHER].map(|one| {
        let mut part = run(&one);
        part.normalise(&address(one.server_port), &address(9090));
        part
    });
    assert_eq!(parts[0], parts[1]);
    let events = &mut parts[0].events;
    assert_eq!(
        events[0].action,
        Action::Connect {
            local: address(50_001),
            peer: address(9090)
        }
    );
    assert_eq!(
        events[3].action,
        Action::Read(Data::whole("you are 127.0.0.1:50001"))
    );
    assert_eq!((events[3].sequence, events[3].time_ns), (4, 30));
    assert_eq!(events[1].worker, Some(Worker::Task(1)));
}

fn read(text: &str) -> Event {
    event(End::Client, Action::Read(Data::whole(text)))
}

#[test]
fn in_how_many_calls_bytes_moved_and_who_waited_is_no_difference() {
    let wait = event(
        End::Client,
        Action::Wait {
            operation: Operation::Read,
        },
    );
    let would_block = event(
        End::Client,
        Action::Error {
            operation: Operation::Read,
            kind: Failure::WouldBlock,
            message: "Resource temporarily unavailable".to_owned(),
        },
    );
    let recorded = trace([wait, read("hello")]);
    let mut now = trace([read("hel"), would_block, read("lo")]);
    now.recorded.date = "2027-01-01".to_owned();
    now.steps.events[1].time_ns = 1_000_000;
    assert_eq!(recorded.drift(&now), None);
}

#[test]
fn a_difference_is_shown_with_what_stands_around_it() {
    let close = event(End::Client, Action::Close);
    let refused = event(
        End::Client,
        Action::Error {
            operation: Operation::Read,
            kind: Failure::Reset,
            message: "words of the system".to_owned(),
        },
    );
    let recorded = trace([read("ok"), close.clone()]);
    let drift = recorded
        .drift(&trace([read("no"), refused, close]))
        .unwrap();
    assert_eq!(
        drift.to_string(),
        "connection 1, client (- recorded, + now):\n\
        \u{20} - step 1   read \"ok\"\n\
        \u{20} +          read \"no\"\n\
        \u{20} +          error read reset\n\
        \u{20}            close"
    );
}

#[test]
fn datagrams_keep_their_borders() {
    let receive = |text: &str| {
        let data = Data::whole(text);
        let peer = address(9090);
        event(End::Client, Action::Receive { peer, data })
    };
    let recorded = trace([receive("hello")]);
    let drift = recorded.drift(&trace([receive("hel"), receive("lo")]));
    assert!(drift.is_some());
}

/// A segment of TCP over IPv4 without payload, sent by the client or the server.
fn packet(from: End, flags: u8, seq: u8) -> Event {
    let mut bytes = vec![0; 40];
    bytes[..4].copy_from_slice(&[0x45, 0, 0, 40]);
    bytes[9] = 6;
    let (source, destination) = match from {
        End::Client => (1, 2),
        _ => (2, 1),
    };
    bytes[15] = source;
    bytes[19] = destination;
    bytes[21] = source;
    bytes[23] = destination;
    bytes[27] = seq;
    bytes[32] = 0x50;
    bytes[33] = flags;
    let packet = Packet {
        number: 1,
        from,
        link: Link::Ip,
        length: 40,
        bytes,
    };
    event(End::Wire, Action::Packet(packet))
}

#[test]
fn of_packets_only_how_each_end_begins_and_ends_is_compared() {
    let (client, server) = (End::Client, End::Server);
    let syn = packet(client, 2, 0);
    let syn_ack = packet(server, 18, 0);
    let state = Action::Kernel(Kernel::of(TcpState::Established));
    let recorded = trace([
        syn.clone(),
        syn_ack.clone(),
        packet(client, 16, 1),
        packet(client, 17, 1),
        packet(server, 16, 1),
        packet(server, 17, 1),
        packet(client, 16, 2),
    ]);
    // One acknowledgment less, both ends at once, and the system says something of itself.
    let now = trace([
        syn.clone(),
        syn_ack.clone(),
        packet(client, 16, 1),
        event(client, state),
        packet(server, 17, 1),
        packet(client, 17, 1),
    ]);
    assert_eq!(recorded.drift(&now), None);

    let reset = trace([syn, syn_ack, packet(server, 17, 1), packet(client, 20, 1)]);
    let drift = recorded.drift(&reset).unwrap().to_string();
    let marked = |mark: &str, text: &str| {
        let mut lines = drift.lines().map(str::trim_start);
        lines.any(|line| line.starts_with(mark) && line.ends_with(text))
    };
    assert!(marked("-", "packet FIN from client"), "{drift}");
    assert!(marked("+", "packet RST from client"), "{drift}");
    assert!(marked("", "packet FIN from server"), "{drift}");
}

#[test]
fn what_a_relay_does_by_chance_is_no_difference_but_what_comes_through_is() {
    let at = |end, text: &str| {
        let data = Data::whole(text);
        let peer = address(9140);
        event(end, Action::Receive { peer, data })
    };
    let lose = event(End::Relay, Action::Lose(Data::whole("1 a")));
    let recorded = trace([lose, at(End::Server, "1 a"), at(End::Server, "2 b")]);
    let twice = [
        at(End::Relay, "1 a"),
        at(End::Server, "2 b"),
        at(End::Server, "1 a"),
        at(End::Server, "1 a"),
    ];
    assert_eq!(recorded.drift(&trace(twice)), None);
    let drift = recorded
        .drift(&trace([at(End::Relay, "1 a"), at(End::Server, "1 a")]))
        .unwrap();
    assert!(drift.to_string().contains("  -          receive \"2 b\""));
}

#[test]
fn another_outcome_of_a_question_is_told() {
    let answered = |outcome| Answered {
        outcome,
        part: part([read("ok")]),
    };
    let (mut recorded, mut now) = (trace([]), trace([]));
    recorded.questions.push(answered(0));
    now.questions.push(answered(1));
    assert_eq!(
        recorded.drift(&now).unwrap().to_string(),
        "question 1, which choice it came to:\n  - recorded: choice 1\n  + now:      choice 2"
    );
}

#[test]
fn a_server_whose_lines_have_moved_is_told() {
    let at_line = |line| {
        let mut event = read("ok");
        event.source = Some(Source {
            file: "native/src/lessons/tcp_ok.rs".into(),
            line,
        });
        trace([event])
    };
    assert_eq!(at_line(12).drift(&at_line(12)), None);
    assert_eq!(
        at_line(12).drift(&at_line(14)).unwrap().to_string(),
        "the lines of native/src/lessons/tcp_ok.rs that ran:\n  - recorded: 12\n  + now:      14"
    );
}

#[test]
fn one_byte_many_times_travels_as_a_count() {
    let data = |length| Data::whole(vec![b'x'; length]);
    for length in [0, 1, 31, 32, 16 * 1024] {
        let encoded = postcard::to_allocvec(&data(length)).unwrap();
        assert!(
            encoded.len() < 40,
            "{length} bytes become {}",
            encoded.len()
        );
        assert_eq!(postcard::from_bytes::<Data>(&encoded), Ok(data(length)));
    }
    let mixed = Data::whole([vec![b'x'; 100], vec![b'y']].concat());
    let encoded = postcard::to_allocvec(&mixed).unwrap();
    assert_eq!(postcard::from_bytes::<Data>(&encoded), Ok(mixed));
    // A run of as many as fit into the count.
    let bomb = [1, b'x', 0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    assert!(postcard::from_bytes::<Data>(&bomb).is_err());
}
