use wire::packet::{Cause, Deed, Fate};
use wire::session::{Flight, Now, ToPage};
use wire::{Action, Address, ConnectionId, End, Event, NetworkSettings, TcpState, ToGateway};

use super::super::lab::tests::spec;
use super::super::lab::{Command, Input, Lab};
use super::super::packets::tests::{self as packets, event, segment};
use super::*;

const MS: u64 = 1_000_000;

fn packet(time_ns: u64, number: u32, from: End, bytes: Vec<u8>) -> Event {
    let mut event = packets::packet(time_ns, from, bytes);
    if let Action::Packet(packet) = &mut event.action {
        packet.number = number;
    }
    event
}

fn now(time_ns: u64, flights: &[(u32, End, u64)]) -> Now {
    Now {
        time_ns,
        is_running: true,
        permille: 50,
        network: NetworkSettings::default(),
        flights: (flights.iter())
            .map(|(packet, from, sent_ns)| Flight {
                packet: *packet,
                from: *from,
                sent_ns: *sent_ns,
                arrives_ns: sent_ns + 50 * MS,
            })
            .collect(),
    }
}

fn lab() -> Lab {
    let mut spec = spec();
    spec.server = "sim_echo".to_owned();
    let mut lab = Lab::new(spec, 0, 0);
    let server = wire::session::Server {
        lesson: "sim_echo".to_owned(),
        transport: wire::session::Transport::Tcp,
        address: Address::Ip(([10, 0, 0, 2], 7).into()),
    };
    lab.update(Input::Online(server));
    lab
}

fn hear(lab: &mut Lab, message: ToPage) -> Vec<ToGateway> {
    lab.update(Input::Message(message))
}

fn see(lab: &mut Lab, event: Event) {
    hear(lab, ToPage::Event { lesson: 0, event });
}

fn names(simulated: &Simulated) -> Vec<(u32, String)> {
    let name = |chip: &Chip| {
        let name = simulated.named(chip.number).unwrap();
        (
            chip.way,
            format!("{} {}", name.kind, name.detail).trim().to_owned(),
        )
    };
    simulated.chips().iter().map(name).collect()
}

#[test]
fn packets_under_way_have_names_with_relative_numbers_and_a_place() {
    let mut one = Simulated::default();
    one.come_to(now(0, &[]));
    for (time_ns, number, from, bytes) in [
        (0, 1, End::Client, segment(End::Client, 700, 0, 2, b"")),
        (
            50 * MS,
            2,
            End::Server,
            segment(End::Server, 900, 701, 18, b""),
        ),
        (
            100 * MS,
            3,
            End::Client,
            segment(End::Client, 701, 901, 16, b""),
        ),
        (
            100 * MS,
            4,
            End::Client,
            segment(End::Client, 701, 901, 24, b"hello"),
        ),
        (
            100 * MS,
            5,
            End::Client,
            segment(End::Client, 706, 901, 17, b""),
        ),
    ] {
        one.observe(&packet(time_ns, number, from, bytes));
    }
    let all = [
        (2, End::Server, 50 * MS),
        (3, End::Client, 100 * MS),
        (4, End::Client, 100 * MS),
        (5, End::Client, 100 * MS),
    ];
    one.come_to(now(110 * MS, &all));
    let expected = [
        (1_000, "SYN-ACK"),
        (200, "ACK 1"),
        (200, "data 1–5"),
        (200, "FIN"),
    ];
    assert_eq!(
        names(&one),
        expected.map(|(way, name)| (way, name.to_owned()))
    );
    // Those that leave together are on different tracks.
    let tracks: Vec<u32> = one.chips().iter().map(|chip| chip.track).collect();
    assert_eq!(tracks, [0, 0, 1, 0]);
}

#[test]
fn a_packet_that_is_dropped_stays_in_sight_for_a_while_where_it_was() {
    let mut one = Simulated::default();
    one.observe(&packet(
        0,
        1,
        End::Client,
        segment(End::Client, 7, 0, 2, b""),
    ));
    one.come_to(now(20 * MS, &[(1, End::Client, 0)]));
    let fate = Fate::Drop(Cause::Reader);
    one.observe(&event(20 * MS, End::Wire, Action::Fate { packet: 1, fate }));
    one.come_to(now(30 * MS, &[]));
    let chips = one.chips();
    assert_eq!(
        (chips[0].number, chips[0].way, chips[0].is_lost),
        (1, 400, true)
    );
    one.come_to(now(71 * MS, &[]));
    assert_eq!(one.chips(), []);
}

#[test]
fn the_states_of_both_ends_are_those_that_were_told_last() {
    let mut one = Simulated::default();
    for (end, state) in [
        (End::Client, TcpState::SynSent),
        (End::Server, TcpState::SynReceived),
        (End::Client, TcpState::Established),
    ] {
        one.observe(&event(1, end, Action::Kernel(wire::Kernel::of(state))));
    }
    let expected = [Some(TcpState::Established), Some(TcpState::SynReceived)];
    assert_eq!(one.states, expected);
}

#[test]
fn a_packet_is_a_second_or_more_under_way_at_first() {
    for (delay_ms, permille) in [
        (0, 10),
        (10, 10),
        (50, 50),
        (200, 100),
        (500, 250),
        (2_000, 1_000),
    ] {
        let network = NetworkSettings {
            delay_ms,
            ..NetworkSettings::default()
        };
        assert_eq!(speed_for(network), permille, "{delay_ms} ms");
    }
}

#[test]
fn a_connection_is_being_made_until_the_call_returns() {
    use super::super::lab::Own;
    let mut lab = lab();
    lab.update(Input::Command(Command::Connect));
    let connection = ConnectionId(1);
    let opened = ToPage::Opened {
        request: 0,
        connection,
    };
    hear(&mut lab, opened);
    assert_eq!(lab.own(), Own::Opening);
    // It can be given up all the same.
    let said = lab.update(Input::Command(Command::Close));
    assert_eq!(said, [ToGateway::Close { connection }]);
    let address = || Address::Ip(([10, 0, 0, 1], 7).into());
    let connect = Action::Connect {
        local: address(),
        peer: address(),
    };
    see(&mut lab, event(1, End::Client, connect));
    assert!(matches!(lab.own(), Own::Open { .. }));
}

#[test]
fn going_back_forgets_what_was_seen_and_keeps_the_ticks_and_whose_connection_it_is() {
    let mut lab = lab();
    lab.update(Input::Command(Command::Connect));
    let opened = || ToPage::Opened {
        request: 0,
        connection: ConnectionId(1),
    };
    let accept = || {
        let peer = Address::Ip(([10, 0, 0, 1], 7).into());
        event(5, End::Server, Action::Accept { peer })
    };
    hear(&mut lab, opened());
    see(&mut lab, accept());
    see(&mut lab, event(6, End::Server, Action::Close));
    assert_eq!((lab.progress.done(), lab.trace.rows().len()), (1, 2));
    assert_eq!(hear(&mut lab, ToPage::Rewound), []);
    assert_eq!((lab.progress.done(), lab.trace.rows().len()), (1, 0));
    assert_eq!(hear(&mut lab, opened()), []);
    see(&mut lab, accept());
    hear(&mut lab, ToPage::Now(now(5, &[])));
    assert_eq!((lab.progress.done(), lab.trace.rows().len()), (1, 1));
    let own: Vec<bool> = lab.conversations.iter().map(|one| one.is_own).collect();
    assert_eq!(own, [true]);
}

#[test]
fn starting_over_begins_the_network_anew() {
    let mut lab = lab();
    lab.update(Input::Command(Command::Connect));
    let said = lab.update(Input::StartOver);
    let expected = [Time::Restart, Time::Run].map(ToGateway::Time);
    assert_eq!(said, expected);
    // A click on a packet is handed on as it is.
    let meddle = ToGateway::Meddle {
        packet: 3,
        deed: Deed::Drop,
    };
    assert_eq!(lab.update(Input::Simulate(meddle.clone())), [meddle]);
}
