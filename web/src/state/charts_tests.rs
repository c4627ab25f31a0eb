use wire::{Event, Kernel, TcpState, ToGateway, ToPage};

use super::super::kernel::tests::sample;
use super::super::lab::tests::spec;
use super::super::lab::{Input, Lab};
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
    assert_eq!(chart.value_at(11_000), "10 segments");
    assert_eq!(chart.value_at(20_999), "10 segments");
    assert_eq!(chart.value_at(21_000), "20 segments");
    assert_eq!(chart.value_at(0), "–");
}

#[test]
fn a_row_is_the_moment_when_its_samples_were_known() {
    let lab = lab();
    let known = |selected: Option<u64>| {
        let moment = lab.moment(selected);
        let kernel = lab.kernel_at(ID, End::Client, moment);
        (kernel.map(|kernel| kernel.state), lab.time_of(ID, moment))
    };
    assert_eq!(known(Some(20)), (Some(TcpState::Established), Some(12_000)));
    assert_eq!(known(Some(40)), (Some(TcpState::Established), Some(21_000)));
    // TIME-WAIT has no numbers: the charts end before it.
    assert_eq!(known(Some(60)), (Some(TcpState::TimeWait), Some(21_000)));
    assert_eq!(known(None), (Some(TcpState::TimeWait), Some(21_000)));
    let states = lab.states_at(ID, End::Client, lab.moment(Some(40)));
    assert_eq!(states, [TcpState::Established]);
}

#[test]
fn a_time_leads_to_the_event_that_was_the_last_one_then() {
    let lab = lab();
    assert_eq!(lab.event_at(9_000), None);
    assert_eq!(lab.event_at(10_000), Some(20));
    assert_eq!(lab.event_at(25_000), Some(40));
    assert_eq!(lab.event_at(99_000), Some(60));
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
