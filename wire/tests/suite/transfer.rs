use std::net::SocketAddr;

use wire::event::{Action, ConnectionId, Data, End, Event};
use wire::transfer::Transfers;

use super::made::event;

fn write(sequence: u64, length: usize) -> Event {
    event(
        sequence,
        End::Client,
        Action::Write(Data::whole(vec![b'a'; length])),
    )
}

fn read(sequence: u64, length: usize) -> Event {
    event(
        sequence,
        End::Server,
        Action::Read(Data::whole(vec![b'a'; length])),
    )
}

fn observed(events: &[Event]) -> Transfers {
    let mut transfers = Transfers::default();
    for event in events {
        transfers.observe(event);
    }
    transfers
}

fn peer() -> wire::Address {
    SocketAddr::from(([127, 0, 0, 1], 9090)).into()
}

fn send(sequence: u64, bytes: &[u8]) -> Event {
    let data = Data::whole(bytes);
    event(sequence, End::Client, Action::Send { peer: peer(), data })
}

fn receive(sequence: u64, bytes: &[u8]) -> Event {
    let data = Data::whole(bytes);
    event(
        sequence,
        End::Server,
        Action::Receive { peer: peer(), data },
    )
}

#[test]
fn two_writes_become_one_read() {
    let events = [write(1, 3), write(2, 4), read(3, 7)];
    let transfers = observed(&events);
    assert_eq!(transfers.partners(&events[0]), [3]);
    assert_eq!(transfers.partners(&events[1]), [3]);
    assert_eq!(transfers.partners(&events[2]), [1, 2]);
}

#[test]
fn one_write_becomes_three_reads() {
    let events = [write(1, 10), read(2, 4), read(3, 4), read(4, 2)];
    let transfers = observed(&events);
    assert_eq!(transfers.partners(&events[0]), [2, 3, 4]);
    assert_eq!(transfers.partners(&events[3]), [1]);
}

#[test]
fn a_late_event_finds_its_place_in_the_stream() {
    let events = [
        write(1, 3),
        write(5, 3),
        read(6, 6),
        write(3, 2),
        read(7, 2),
    ];
    let transfers = observed(&events);
    assert_eq!(transfers.partners(&events[3]), [6]);
    assert_eq!(transfers.partners(&events[1]), [6, 7]);
}

#[test]
fn the_two_directions_do_not_mix() {
    let answer = event(3, End::Server, Action::Write(Data::whole(*b"ok")));
    let events = [write(1, 2), answer.clone()];
    assert!(observed(&events).partners(&answer).is_empty());
}

#[test]
fn datagrams_are_paired_by_order_and_content() {
    let events = [
        send(1, b"a"),
        send(2, b"lost"),
        send(3, b"a"),
        receive(4, b"a"),
        receive(5, b"a"),
        send(6, b""),
        receive(7, b""),
    ];
    let transfers = observed(&events);
    assert_eq!(transfers.partners(&events[3]), [1]);
    assert_eq!(transfers.partners(&events[2]), [5]);
    assert!(transfers.partners(&events[1]).is_empty());
    assert_eq!(transfers.partners(&events[6]), [6]);
}

#[test]
fn after_lost_events_nothing_is_guessed() {
    let mut transfers = observed(&[write(1, 3)]);
    transfers.lose_track();
    let late = read(5, 3);
    transfers.observe(&late);
    assert!(transfers.partners(&late).is_empty());
}

#[test]
fn what_is_forgotten_leaves_offsets_intact() {
    let mut events = Vec::new();
    for round in 0..100 {
        events.push(write(round * 2, 5));
        events.push(read(round * 2 + 1, 5));
    }
    let mut transfers = observed(&events);
    transfers.forget_before(100);
    let (last, next) = (write(200, 5), read(201, 5));
    transfers.observe(&last);
    transfers.observe(&next);
    assert_eq!(transfers.partners(&next), [200]);
    transfers.forget_before(1_000);
    assert!(transfers.direction(ConnectionId(1), End::Client).is_none());
}
