use wire::{End, Kernel, TcpState};

use super::*;

pub(in crate::state) fn sample(sequence: u64, end: End, kernel: Kernel) -> Event {
    Event {
        sequence,
        time_ns: sequence * 1_000_000,
        connection: Some(ConnectionId(1)),
        end,
        action: Action::Kernel(kernel),
        worker: None,
        source: None,
    }
}

fn state(sequence: u64, state: TcpState) -> Event {
    sample(sequence, End::Client, Kernel::of(state))
}

fn client(views: &Views) -> &Samples {
    views.of(ConnectionId(1), End::Client).unwrap()
}

#[test]
fn a_sample_that_comes_late_has_its_place() {
    let mut views = Views::default();
    assert!(views.observe(&state(10, TcpState::Established)));
    assert!(views.observe(&state(30, TcpState::TimeWait)));
    assert!(views.observe(&state(20, TcpState::FinWait2)));
    assert!(views.observe(&state(20, TcpState::FinWait2)));
    let orders: Vec<_> = client(&views).all().iter().map(|one| one.order).collect();
    assert_eq!(orders, [20, 40, 60]);
    let states: Vec<_> = client(&views).states_before(60).collect();
    assert_eq!(states, [TcpState::Established, TcpState::FinWait2]);
}

#[test]
fn the_ends_are_apart() {
    let mut views = Views::default();
    views.observe(&state(1, TcpState::Established));
    views.observe(&sample(2, End::Server, Kernel::of(TcpState::CloseWait)));
    let server = views.of(ConnectionId(1), End::Server).unwrap();
    assert_eq!(server.all().len(), 1);
    assert_eq!(client(&views).all().len(), 1);
    assert!(views.of(ConnectionId(2), End::Client).is_none());
}

#[test]
fn a_long_life_keeps_its_ends_and_all_its_states() {
    let mut views = Views::default();
    for sequence in 0..10_000 {
        let mut kernel = Kernel::of(TcpState::Established);
        kernel.cwnd = Some(sequence as u32);
        views.observe(&sample(sequence, End::Client, kernel));
    }
    views.observe(&state(10_000, TcpState::CloseWait));
    let samples = client(&views);
    assert!(samples.all().len() <= MAX_SAMPLES);
    assert_eq!(samples.all().last().unwrap().order, 20_000);
    assert!(samples.all()[0].order < 2_000);
    assert_eq!(samples.states_before(u64::MAX).count(), 2);
}

#[test]
fn only_the_latest_connections_are_kept() {
    let mut views = Views::default();
    for id in 0..100 {
        let mut event = state(id, TcpState::Established);
        event.connection = Some(ConnectionId(id));
        views.observe(&event);
    }
    assert!(views.of(ConnectionId(0), End::Client).is_none());
    assert!(views.of(ConnectionId(99), End::Client).is_some());
}

#[test]
fn a_value_has_its_unit() {
    for (unit, value, expected) in [
        (Unit::Microseconds, 36, "36 µs"),
        (Unit::Microseconds, 201_000, "201 ms"),
        (Unit::Segments, 1, "1 segment"),
        (Unit::Bytes, 65_495, "65495 bytes"),
        (Unit::BytesPerSecond, 1_234_567, "1234 kB/s"),
        (Unit::Times, 3, "3"),
    ] {
        assert_eq!(unit.words(value), expected);
    }
}
