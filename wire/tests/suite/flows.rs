use wire::flows::{Flows, Kind, Sight};
use wire::packet::{Carries, Cause, Fate, Flags, Link, Summary};
use wire::{Action, End, Event, Packet, Progress, Seen};

use super::made;

const CLIENT: (u8, u16) = (1, 50_000);
const SERVER: (u8, u16) = (2, 9090);

/// A segment without options over IPv4, whose checksums nobody looks at.
fn segment(
    (from, to): ((u8, u16), (u8, u16)),
    seq: u32,
    ack: u32,
    flags: Flags,
    window: u16,
    payload: &[u8],
) -> Vec<u8> {
    let total = 40 + payload.len() as u16;
    let mut bytes = vec![0x45, 0];
    bytes.extend(total.to_be_bytes());
    bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, from.0, 10, 0, 0, to.0]);
    bytes.extend(from.1.to_be_bytes());
    bytes.extend(to.1.to_be_bytes());
    bytes.extend(seq.to_be_bytes());
    bytes.extend(ack.to_be_bytes());
    bytes.extend([0x50, flags.0]);
    bytes.extend(window.to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

const SYN: Flags = Flags::SYN;
const ACK: Flags = Flags::ACK;
const SYN_ACK: Flags = Flags(18);
const FIN_ACK: Flags = Flags(17);
const RST_ACK: Flags = Flags(20);

/// An exchange whose client begins at 4,294,967,295, the last of all sequence numbers.
struct World {
    flows: Flows,
    number: u32,
}

impl World {
    fn new() -> Self {
        Self {
            flows: Flows::default(),
            number: 0,
        }
    }

    fn client(&mut self, seq: u32, ack: u32, flags: Flags, window: u16, payload: &[u8]) -> Sight {
        let seq = u32::MAX.wrapping_add(seq);
        let ack = if flags.has(ACK) { 700 + ack } else { 0 };
        self.sees(
            End::Client,
            segment((CLIENT, SERVER), seq, ack, flags, window, payload),
        )
    }

    fn server(&mut self, seq: u32, ack: u32, flags: Flags, window: u16, payload: &[u8]) -> Sight {
        let ack = u32::MAX.wrapping_add(ack);
        self.sees(
            End::Server,
            segment((SERVER, CLIENT), 700 + seq, ack, flags, window, payload),
        )
    }

    fn sees(&mut self, from: End, bytes: Vec<u8>) -> Sight {
        self.number += 1;
        let action = packet(self.number, from, bytes);
        self.flows
            .observe(&event(u64::from(self.number), action))
            .unwrap()
    }

    fn fate(&mut self, packet: u32, fate: Fate) -> Option<Sight> {
        self.flows
            .observe(&event(99, Action::Fate { packet, fate }))
    }

    fn shake_hands(&mut self) {
        self.client(0, 0, SYN, 1000, b"");
        self.server(0, 1, SYN_ACK, 1000, b"");
        self.client(1, 1, ACK, 1000, b"");
    }
}

fn packet(number: u32, from: End, bytes: Vec<u8>) -> Action {
    Action::Packet(Packet {
        number,
        from,
        link: Link::Ip,
        length: bytes.len() as u32,
        bytes,
    })
}

fn event(sequence: u64, action: Action) -> Event {
    made::event(sequence, End::Wire, action)
}

fn kinds(sight: &Sight) -> Vec<&'static str> {
    let is = |(kind, word): &(Kind, &'static str)| kind.is(sight).then_some(*word);
    Kind::ALL.iter().filter_map(is).collect()
}

#[test]
fn numbers_are_relative_and_go_on_behind_the_last() {
    let mut world = World::new();
    let syn = world.client(0, 0, SYN, 1000, b"");
    assert_eq!((syn.marks.seq, syn.marks.ack), (0, None));
    assert_eq!(kinds(&syn), ["SYN"]);
    let syn_ack = world.server(0, 1, SYN_ACK, 1000, b"");
    assert_eq!((syn_ack.marks.seq, syn_ack.marks.ack), (0, Some(1)));
    assert_eq!(kinds(&syn_ack), ["SYN-ACK"]);
    let ack = world.client(1, 1, ACK, 1000, b"");
    assert_eq!((ack.marks.seq, ack.marks.ack), (1, Some(1)));
    assert_eq!(kinds(&ack), ["ACK"]);
    let data = world.client(1, 1, ACK, 1000, b"hello");
    assert_eq!((data.marks.seq, data.marks.in_flight), (1, 5));
    assert_eq!(kinds(&data), ["data"]);
    let fin = world.server(1, 6, FIN_ACK, 1000, b"ok");
    assert_eq!((fin.marks.ack, fin.marks.in_flight), (Some(6), 3));
    assert_eq!(kinds(&fin), ["FIN", "data"]);
    assert_eq!(world.client(6, 4, ACK, 1000, b"").marks.in_flight, 0);
    assert_eq!(kinds(&world.client(6, 4, RST_ACK, 0, b"")), ["RST"]);
}

#[test]
fn what_is_sent_again_is_told() {
    let mut world = World::new();
    world.client(0, 0, SYN, 1000, b"");
    assert_eq!(
        kinds(&world.client(0, 0, SYN, 1000, b"")),
        ["SYN", "retransmission"]
    );
    world.server(0, 1, SYN_ACK, 1000, b"");
    world.client(1, 1, ACK, 1000, b"abc");
    world.client(4, 1, ACK, 1000, b"def");
    let again = world.client(1, 1, ACK, 1000, b"abc");
    assert_eq!(kinds(&again), ["data", "retransmission"]);
    assert_eq!(again.marks.in_flight, 6);
    // It begins with what was sent, and goes on with what was not.
    assert_eq!(kinds(&world.client(4, 1, ACK, 1000, b"defghi")), ["data"]);
}

#[test]
fn acknowledgments_are_duplicates_only_while_data_is_under_way() {
    let mut world = World::new();
    world.shake_hands();
    assert_eq!(kinds(&world.server(1, 1, ACK, 1000, b"")), ["ACK"]);
    assert_eq!(kinds(&world.server(1, 1, ACK, 1000, b"")), ["ACK"]);
    world.client(1, 1, ACK, 1000, b"abc");
    for count in 1..=3 {
        let ack = world.server(1, 1, ACK, 1000, b"");
        assert_eq!(ack.marks.duplicate_ack, count);
        assert_eq!(kinds(&ack), ["ACK", "duplicate-ack"]);
    }
    assert_eq!(kinds(&world.server(1, 4, ACK, 1000, b"")), ["ACK"]);
}

#[test]
fn a_closed_window_is_probed_and_opened() {
    let mut world = World::new();
    world.shake_hands();
    world.client(1, 1, ACK, 1000, b"abc");
    assert_eq!(
        kinds(&world.server(1, 4, ACK, 0, b"")),
        ["ACK", "zero-window"]
    );
    // Linux asks without data, others with one byte.
    assert_eq!(kinds(&world.client(3, 1, ACK, 1000, b"")), ["ACK", "probe"]);
    assert_eq!(
        kinds(&world.client(4, 1, ACK, 1000, b"d")),
        ["data", "probe"]
    );
    assert_eq!(
        kinds(&world.server(1, 4, ACK, 500, b"")),
        ["ACK", "window-update"]
    );
}

#[test]
fn a_window_update_that_is_lost_has_opened_nothing() {
    let mut world = World::new();
    world.shake_hands();
    world.client(1, 1, ACK, 1000, b"abc");
    world.server(1, 4, ACK, 0, b"");
    assert_eq!(
        kinds(&world.server(1, 4, ACK, 500, b"")),
        ["ACK", "window-update"]
    );
    world.fate(world.number, Fate::Drop(Cause::Reader)).unwrap();
    assert_eq!(
        kinds(&world.client(4, 1, ACK, 1000, b"d")),
        ["data", "probe"]
    );
    assert_eq!(
        kinds(&world.server(1, 4, ACK, 500, b"")),
        ["ACK", "window-update"]
    );
}

#[test]
fn arriving_before_its_turn_is_told_of_the_arrival() {
    let mut world = World::new();
    world.shake_hands();
    for number in 1..=3 {
        world.fate(number, Fate::Arrive).unwrap();
    }
    world.client(1, 1, ACK, 1000, b"abc");
    world.client(4, 1, ACK, 1000, b"def");
    world.client(7, 1, ACK, 1000, b"ghi");
    assert_eq!(
        kinds(&world.fate(5, Fate::Arrive).unwrap()),
        ["data", "out-of-order"]
    );
    assert_eq!(kinds(&world.fate(4, Fate::Arrive).unwrap()), ["data"]);
    // Nothing is missing before it any more.
    assert_eq!(kinds(&world.fate(6, Fate::Arrive).unwrap()), ["data"]);
    assert_eq!(world.fate(6, Fate::Arrive), None);
}

#[test]
fn the_same_ports_can_be_used_again() {
    let mut world = World::new();
    world.shake_hands();
    let bytes = segment((CLIENT, SERVER), 5_000, 0, SYN, 1000, b"");
    let syn = world.sees(End::Client, bytes);
    assert_eq!((syn.marks.seq, kinds(&syn)), (0, vec!["SYN"]));
}

#[test]
fn whatever_arrives_is_read_or_left() {
    let whole = segment((CLIENT, SERVER), 1, 2, ACK, 3, b"hello");
    let summary = Summary::of(Link::Ip, &whole).unwrap();
    assert_eq!(summary.payload, 40..45);
    assert!(matches!(summary.carries, Carries::Tcp(_)));
    for end in 0..whole.len() {
        for link in [Link::Ip, Link::Ethernet] {
            if let Some(summary) = Summary::of(link, &whole[..end]) {
                assert!(summary.payload.end <= end);
            }
        }
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[end] ^= 1 << bit;
            let mut world = World::new();
            let action = packet(1, End::Client, flipped);
            world.flows.observe(&event(1, action));
        }
    }
}

#[test]
fn steps_tick_by_packets() {
    let steps = [
        "wire SYN from client",
        "wire drop SYN-ACK",
        "wire retransmission 2 times",
    ];
    let steps = steps.map(|step| step.parse::<Seen>().unwrap());
    let mut progress = Progress::new(steps, 0);
    let syn = |number| {
        packet(
            number,
            End::Client,
            segment((CLIENT, SERVER), 9, 0, SYN, 1000, b""),
        )
    };
    let syn_ack = packet(
        2,
        End::Server,
        segment((SERVER, CLIENT), 7, 10, SYN_ACK, 1000, b""),
    );
    let drop = Action::Fate {
        packet: 2,
        fate: Fate::Drop(Cause::Reader),
    };
    let ticks = [
        (syn(1), true),
        (syn_ack, false),
        (drop, true),
        (syn(3), false),
        (syn(4), true),
    ];
    for (sequence, (action, ticks)) in (1..).zip(ticks) {
        assert_eq!(
            progress.observe(&event(sequence, action)),
            ticks,
            "{sequence}"
        );
    }
    assert!(progress.is_complete());
}
