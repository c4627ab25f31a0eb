use wire::{Event, Kernel, TcpState, ToGateway, ToPage};

use super::super::kernel::tests::sample;
use super::super::lab::tests::spec;
use super::super::lab::{Input, Lab};
use super::super::packets::tests::{ACK, SYN, fate, lab as with_packets, packet, segment};
use super::*;

const ID: ConnectionId = ConnectionId(1);

fn heard(event: Event) -> Input {
    Input::Message(ToPage::Event { lesson: 0, event })
}

fn kernel(cwnd: u32, rtt_us: u32) -> Kernel {
    let mut kernel = Kernel::of(TcpState::Established);
    kernel.cwnd = Some(cwnd);
    kernel.rtt_us = Some(rtt_us);
    kernel.rttvar_us = Some(5);
    kernel.mss = Some(1_460);
    kernel
}

fn call(sequence: u64, action: Action) -> Event {
    let mut event = sample(sequence, End::Client, Kernel::of(TcpState::Closed));
    event.action = action;
    event
}

/// A lab whose client has made three calls, with a sample behind each.
fn lab() -> Lab {
    let mut lab = Lab::new(spec(), 1, 0);
    for event in [
        call(10, Action::ShutDown),
        sample(11, End::Client, kernel(10, 40)),
        sample(12, End::Server, kernel(10, 50)),
        call(20, Action::EndOfStream),
        sample(21, End::Client, kernel(20, 40)),
        call(30, Action::Close),
        sample(31, End::Client, Kernel::of(TcpState::TimeWait)),
    ] {
        lab.update(heard(event));
    }
    lab
}

#[test]
fn a_sample_has_no_row_and_says_nothing_of_whose_the_connection_is() {
    let lab = lab();
    assert_eq!(lab.trace.rows().len(), 3);
    assert_eq!(lab.trace.items().len(), 7);
    let mut other = Lab::new(spec(), 1, 0);
    other.update(heard(sample(1, End::Client, kernel(1, 1))));
    assert_eq!(other.conversations.iter().count(), 0);
    assert_eq!(other.focus(None), None);
}

#[test]
fn a_chart_is_there_for_what_has_changed() {
    let lab = lab();
    let names = |end| -> Vec<_> { lab.charts(ID, end).iter().map(|chart| chart.name).collect() };
    assert_eq!(names(End::Client), ["congestion window"]);
    assert!(names(End::Server).is_empty());
    let chart = &lab.charts(ID, End::Client)[0];
    assert_eq!(chart.max, "20 segments");
    assert_eq!(chart.line, "M0 30H600V0H600");
    assert_eq!(chart.value_at(11_000_000), "10 segments");
    assert_eq!(chart.value_at(20_999_999), "10 segments");
    assert_eq!(chart.value_at(21_000_000), "20 segments");
    assert_eq!(chart.value_at(0), "–");
}

#[test]
fn a_row_is_the_moment_when_its_samples_were_known() {
    let lab = lab();
    let known = |selected: Option<u64>| {
        let moment = lab.moment(selected);
        let cwnd = lab
            .kernel_at(ID, End::Client, moment)
            .and_then(|kernel| kernel.cwnd);
        let state = lab.states_at(ID, End::Client, moment).last().copied();
        let time_ns = moment.time_ns(lab.span(ID).unwrap());
        (state, cwnd, time_ns / 1_000_000)
    };
    assert_eq!(known(Some(20)), (Some(TcpState::Established), Some(10), 11));
    assert_eq!(known(Some(40)), (Some(TcpState::Established), Some(20), 21));
    // TIME-WAIT has no numbers: the charts end before it, and the last ones stand.
    assert_eq!(known(Some(60)), (Some(TcpState::TimeWait), Some(20), 21));
    assert_eq!(known(None), (Some(TcpState::TimeWait), Some(20), 21));
}

#[test]
fn a_sample_that_takes_its_time_belongs_to_the_call_until_its_end_makes_another() {
    let mut lab = Lab::new(spec(), 1, 0);
    let server = |sequence| {
        let mut event = call(sequence, Action::EndOfStream);
        event.end = End::Server;
        event
    };
    for event in [
        call(10, Action::ShutDown),
        server(12),
        sample(30, End::Client, kernel(10, 40)),
        call(40, Action::EndOfStream),
        sample(60, End::Client, Kernel::of(TcpState::TimeWait)),
        server(70),
    ] {
        lab.update(heard(event));
    }
    let state = |order| lab.states_at(ID, End::Client, lab.moment(Some(order)));
    assert_eq!(state(20), [TcpState::Established]);
    assert_eq!(state(80), [TcpState::Established, TcpState::TimeWait]);
}

#[test]
fn a_time_leads_to_the_event_that_was_the_last_one_then() {
    let lab = lab();
    assert_eq!(lab.event_at(9_000_000), None);
    assert_eq!(lab.event_at(10_000_000), Some(20));
    assert_eq!(lab.event_at(25_000_000), Some(40));
    assert_eq!(lab.event_at(99_000_000), Some(60));
}

#[test]
fn who_opens_the_part_looks_and_who_starts_over_keeps_looking() {
    let mut lab = lab();
    let say = lab.update(Input::Kernel(true));
    assert!(matches!(&say[..], [ToGateway::Look { kernel: true, .. }]));
    lab.update(Input::StartOver);
    assert!(!lab.has_charts(ID));
    assert!(lab.looks.kernel);
    let say = lab.update(Input::Kernel(false));
    assert!(matches!(&say[..], [ToGateway::Look { kernel: false, .. }]));
}

#[test]
fn where_there_are_only_packets_they_tell_what_is_in_flight() {
    use End::{Client, Server};
    let lab = with_packets([
        packet(1, Client, segment(Client, 7_000, 0, SYN, b"")),
        packet(3, Server, segment(Server, 90, 7_001, SYN | ACK, b"")),
        packet(5, Client, segment(Client, 7_001, 91, ACK, &[0; 100])),
        packet(7, Client, segment(Client, 7_101, 91, ACK, &[0; 100])),
        packet(9, Server, segment(Server, 91, 7_101, ACK, b"")),
        // Sent again.
        packet(11, Client, segment(Client, 7_101, 91, ACK, &[0; 100])),
        packet(13, Server, segment(Server, 91, 7_201, ACK, b"")),
    ]);
    let charts = lab.charts(ID, Client);
    let names: Vec<_> = charts.iter().map(|chart| chart.name).collect();
    assert_eq!(names, ["in flight, by the packets", "sequence number sent"]);
    let values = |chart: usize| {
        let times = [1, 3, 5, 7, 9, 11, 13];
        times.map(|time_ns| charts[chart].value_at(time_ns))
    };
    let bytes = |values: [u64; 7]| values.map(|value| Unit::Bytes.words(value));
    assert_eq!(values(0), bytes([1, 0, 100, 200, 100, 100, 0]));
    assert_eq!(values(1), bytes([1, 1, 101, 201, 201, 201, 201]));
    assert!(lab.has_charts(ID));
}

#[test]
fn an_acknowledgment_counts_where_it_arrives_and_not_if_it_is_lost() {
    use wire::packet::Cause;
    let ack = |sequence, ack| {
        packet(
            sequence,
            End::Server,
            segment(End::Server, 90, ack, ACK, b""),
        )
    };
    let lab = with_packets([
        packet(
            1,
            End::Client,
            segment(End::Client, 7_001, 90, ACK, &[0; 100]),
        ),
        packet(
            3,
            End::Client,
            segment(End::Client, 7_101, 90, ACK, &[0; 100]),
        ),
        ack(5, 7_101),
        ack(7, 7_201),
        fate(8, 5, Fate::Drop(Cause::Chance)),
        fate(20, 7, Fate::Arrive),
        packet(
            30,
            End::Client,
            segment(End::Client, 7_201, 90, ACK, &[0; 100]),
        ),
    ]);
    let charts = lab.charts(ID, End::Client);
    let in_flight = |time_ns| charts[0].value_at(time_ns);
    assert_eq!(in_flight(7), "200 bytes");
    assert_eq!(in_flight(19), "200 bytes");
    assert_eq!(in_flight(20), "0 bytes");
    assert_eq!(in_flight(30), "100 bytes");
}
