use wire::event::{Action, ConnectionId, Data, End, Event};
use wire::lab::Control;
use wire::packet::{Cause, Fate, Link, Packet};
use wire::session::{Server, Transport};
use wire::{ToGateway, ToPage};

use crate::state::lab::tests::spec;
use crate::state::{Input, Lab, Reel, exchange, packet_words};

const FIN: u8 = 1;
pub(in crate::state) const SYN: u8 = 2;
const RST: u8 = 4;
pub(in crate::state) const ACK: u8 = 16;

/// A segment of TCP on IPv4, between port 50000 at the client and 9090 at the server.
pub(in crate::state) fn segment(
    from: End,
    seq: u32,
    ack: u32,
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = vec![
        0x45,
        0,
        0,
        (40 + payload.len()) as u8,
        0,
        0,
        0x40,
        0,
        64,
        6,
        0,
        0,
    ];
    bytes.extend([127, 0, 0, 1, 127, 0, 0, 1]);
    let (source, destination) = match from {
        End::Client => (50_000_u16, 9_090_u16),
        _ => (9_090, 50_000),
    };
    bytes.extend(source.to_be_bytes());
    bytes.extend(destination.to_be_bytes());
    bytes.extend(seq.to_be_bytes());
    bytes.extend(ack.to_be_bytes());
    bytes.extend([0x50, flags, 0xff, 0xd7, 0, 0, 0, 0]);
    bytes.extend(payload);
    bytes
}

pub(in crate::state) fn event(sequence: u64, end: End, action: Action) -> Event {
    Event {
        sequence,
        time_ns: sequence,
        connection: Some(ConnectionId(1)),
        end,
        action,
        worker: None,
        source: None,
    }
}

pub(in crate::state) fn packet(sequence: u64, from: End, bytes: Vec<u8>) -> Event {
    let packet = Packet {
        number: sequence as u32,
        from,
        link: Link::Ip,
        length: bytes.len() as u32,
        bytes,
    };
    event(sequence, End::Wire, Action::Packet(packet))
}

pub(in crate::state) fn fate(sequence: u64, packet: u32, fate: Fate) -> Event {
    event(sequence, End::Wire, Action::Fate { packet, fate })
}

fn heard(event: Event) -> Input {
    Input::Message(ToPage::Event { lesson: 0, event })
}

/// A lab that looks at packets, and has heard these events.
pub(in crate::state) fn lab(events: impl IntoIterator<Item = Event>) -> Lab {
    let mut spec = spec();
    spec.controls = vec![Control::Packets];
    let mut lab = Lab::new(spec, 1, 0);
    for event in events {
        lab.update(heard(event));
    }
    lab
}

/// What the row of the packet says.
fn row(lab: &Lab, sequence: u64) -> String {
    let event = lab.trace.event(sequence * 2).unwrap();
    let Action::Packet(packet) = &event.action else {
        panic!("{event:?} is no packet");
    };
    let words = packet_words(event, packet, lab.packets.told(sequence));
    let marks = words.marks.iter().chain(&words.fates).map(String::as_str);
    let parts = [&*words.kind, &*words.numbers].into_iter().chain(marks);
    let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(" | ")
}

fn conversation() -> Vec<Event> {
    use End::{Client, Server};
    vec![
        packet(1, Client, segment(Client, 7_000, 0, SYN, b"")),
        packet(3, Server, segment(Server, 90, 7_001, SYN | ACK, b"")),
        packet(5, Client, segment(Client, 7_001, 91, ACK, b"")),
        packet(7, Client, segment(Client, 7_001, 91, ACK, b"hello")),
        packet(9, Server, segment(Server, 91, 7_006, ACK, b"")),
        packet(11, Client, segment(Client, 7_006, 91, FIN | ACK, b"")),
        packet(13, Server, segment(Server, 91, 0, RST, b"")),
    ]
}

const TOLD: [(u64, &str); 7] = [
    (1, "SYN | seq 0  win 65495"),
    (3, "SYN-ACK | seq 0  ack 1  win 65495"),
    (5, "ACK | ack 1  win 65495"),
    (7, "data 5 bytes | seq 1..6  ack 1"),
    (9, "ACK | ack 6  win 65495"),
    (11, "FIN | seq 6  ack 1  win 65495"),
    (13, "RST | seq 1"),
];

#[test]
fn a_packet_says_what_it_is_with_numbers_that_count_from_the_first() {
    let lab = lab(conversation());
    for (sequence, expected) in TOLD {
        assert_eq!(row(&lab, sequence), expected);
    }
    let event = lab.trace.event(2).unwrap();
    let Action::Packet(packet) = &event.action else {
        panic!("{event:?} is no packet");
    };
    assert_eq!(
        packet_words(event, packet, lab.packets.told(1)).spoken,
        "wire, from you: SYN, sequence number 0, window 65495"
    );
}

#[test]
fn what_packets_mean_does_not_depend_on_when_they_are_told() {
    let mut events = conversation();
    events.reverse();
    let lab = lab(events);
    for (sequence, expected) in TOLD {
        assert_eq!(row(&lab, sequence), expected);
    }
}

#[test]
fn a_packet_that_is_sent_again_is_marked() {
    let mut events = conversation();
    events.push(packet(
        15,
        End::Client,
        segment(End::Client, 7_001, 91, ACK, b"hello"),
    ));
    let lab = lab(events);
    assert_eq!(
        row(&lab, 15),
        "data 5 bytes | seq 1..6  ack 1 | retransmission"
    );
}

#[test]
fn what_became_of_a_simulated_packet_is_told_in_its_row() {
    let mut events = conversation();
    events.extend([
        fate(2_000_000, 1, Fate::Arrive),
        fate(2_000_002, 3, Fate::Drop(Cause::Reader)),
        fate(2_000_004, 5, Fate::Duplicate { copy: 50 }),
        fate(2_000_006, 5, Fate::Arrive),
        fate(3_000_008, 50, Fate::Arrive),
        // Of a packet that was never told of.
        fate(3_000_010, 99, Fate::Arrive),
    ]);
    let lab = lab(events);
    assert_eq!(
        row(&lab, 1),
        "SYN | seq 0  win 65495 | arrives after 1.99 ms"
    );
    assert_eq!(
        row(&lab, 3),
        "SYN-ACK | seq 0  ack 1  win 65495 | dropped on purpose"
    );
    assert_eq!(
        row(&lab, 5),
        "ACK | ack 1  win 65495 | doubled | arrives after 2.00 ms | again after 3.00 ms"
    );
    assert_eq!(lab.trace.rows().len(), conversation().len());
}

#[test]
fn packets_have_rows_while_they_are_switched_on_and_calls_always_do() {
    let mut events = conversation();
    events.push(event(6, End::Server, Action::Write(Data::whole("x"))));
    let mut lab = lab(events);
    lab.update(Input::Message(ToPage::Lost {
        lesson: 0,
        packets: 3,
    }));
    assert_eq!(lab.trace.rows().len(), 9);
    lab.update(Input::Packets(false));
    assert_eq!(lab.trace.rows().len(), 1);
    assert_eq!(lab.trace.row_of(12), Some(0));
    // One that comes meanwhile is there afterwards.
    lab.update(heard(packet(
        17,
        End::Client,
        segment(End::Client, 7_006, 91, ACK, b""),
    )));
    assert_eq!(lab.trace.rows().len(), 1);
    lab.update(Input::Packets(true));
    assert_eq!(lab.trace.rows().len(), 10);
}

#[test]
fn a_shared_exchange_has_only_packets_of_which_none_is_missing() {
    let mut lab = lab(conversation());
    assert_eq!(exchange(&lab, "today").unwrap().steps.events.len(), 7);
    lab.update(heard(event(14, End::Client, Action::Close)));
    lab.update(Input::Message(ToPage::Lost {
        lesson: 0,
        packets: 1,
    }));
    lab.update(heard(packet(
        17,
        End::Client,
        segment(End::Client, 7_006, 91, ACK, b""),
    )));
    assert_eq!(exchange(&lab, "today").unwrap().steps.events.len(), 2);
}

fn online() -> Input {
    Input::Online(Server {
        lesson: "tcp_ok".to_owned(),
        transport: Transport::Tcp,
        address: std::net::SocketAddr::from(([127, 0, 0, 1], 9_090)).into(),
    })
}

fn look(packets: bool) -> Vec<ToGateway> {
    vec![ToGateway::Look {
        lesson: "tcp_ok".to_owned(),
        packets,
        kernel: false,
    }]
}

#[test]
fn the_gateway_is_asked_for_packets_whenever_it_comes() {
    let mut asking = lab([]);
    for _ in 0..2 {
        assert_eq!(asking.update(online()), look(true));
        asking.update(Input::Offline);
    }
    let mut quiet = Lab::new(spec(), 1, 0);
    assert_eq!(quiet.update(online()), []);
    assert_eq!(quiet.update(Input::Packets(true)), look(true));
    assert_eq!(quiet.update(Input::Packets(false)), look(false));
    // Where steps may wait for packets, hiding them does not stop them from ticking.
    assert_eq!(asking.update(Input::Packets(false)), look(true));
}

#[test]
fn a_link_to_a_packet_shows_packets_where_they_are_hidden() {
    let shared = exchange(&lab(conversation()), "today").unwrap();
    for (number, rows) in [(0, 0), (3, 3)] {
        let mut lab = Lab::new(spec(), 1, 0);
        let shared = std::sync::Arc::new(shared.clone());
        lab.update(Input::Reel(Reel::Shared(shared, number)));
        assert_eq!(lab.trace.rows().len(), rows);
    }
}
