use wire::event::{Action, ConnectionId, Data, End, Event, Operation};
use wire::session::{Server, Transport};
use wire::trace::{Answered, Part, Recorded, TRACE_VERSION};
use wire::{Play, Step, ToPage, Trace};

use super::super::lab::{Command, Input, Lab, Own};
use super::super::question::Answer;
use super::{Kept, Reel};

fn event(sequence: u64, end: End, action: Action) -> Event {
    Event {
        sequence,
        time_ns: sequence - 1,
        connection: Some(ConnectionId(1)),
        end,
        action,
        worker: None,
        source: None,
    }
}

fn address() -> std::net::SocketAddr {
    ([127, 0, 0, 1], 9090).into()
}

fn events() -> Vec<Event> {
    let peer = wire::Address::from(address());
    let wait = |sequence, end| {
        let operation = Operation::Read;
        event(sequence, end, Action::Wait { operation })
    };
    vec![
        event(1, End::Client, Action::Write(Data::whole(*b"hello"))),
        // A row tells of the server's waits, and of the client's it does not.
        wait(2, End::Client),
        event(3, End::Server, Action::Accept { peer }),
        wait(4, End::Server),
        event(5, End::Server, Action::Read(Data::whole(*b"hello"))),
        event(6, End::Client, Action::Read(Data::whole(*b"ok"))),
    ]
}

fn server() -> Server {
    Server {
        lesson: "tcp_ok".to_owned(),
        transport: Transport::Tcp,
        address: address().into(),
    }
}

pub(in super::super) fn trace() -> Trace {
    let part = Part {
        clients: Vec::new(),
        ticks: vec![3, 6],
        events: events(),
    };
    Trace {
        version: TRACE_VERSION,
        lab: "tcp_ok".to_owned(),
        recorded: Recorded {
            date: "2026-11-21".to_owned(),
            version: "0.1.0".to_owned(),
        },
        server: server(),
        questions: vec![Answered {
            outcome: 1,
            part: part.clone(),
        }],
        steps: part,
    }
}

pub(in super::super) fn lab() -> Lab {
    let step = |play: &str, seen: &str| Step {
        say: Vec::new(),
        play: vec![play.parse::<Play>().unwrap()],
        seen: seen.parse().unwrap(),
        hints: Vec::new(),
    };
    let choice = |seen: &str| wire::lab::Choice {
        say: Vec::new(),
        seen: seen.parse().unwrap(),
        why: Vec::new(),
    };
    let spec = wire::Lab {
        name: "tcp_ok".to_owned(),
        server: "tcp_ok".to_owned(),
        controls: Vec::new(),
        questions: vec![wire::lab::Question {
            ask: Vec::new(),
            play: vec!["connect".parse().unwrap(), "send \"x\"".parse().unwrap()],
            choices: vec![choice("client end"), choice("client read \"ok\"")],
        }],
        experiments: Vec::new(),
        recorded: Some(trace()),
        network: None,
        hash: "h".to_owned(),
        steps: vec![
            step("connect", "server accept"),
            step("send \"hello\"", "client read \"ok\""),
        ],
        listings: Vec::new(),
    };
    Lab::new(spec, 0, 0)
}

fn reel(lab: &mut Lab, reel: Reel) {
    assert!(lab.update(Input::Reel(reel)).is_empty());
}

fn shown(lab: &Lab) -> usize {
    lab.replay.as_ref().map_or(99, |replay| replay.shown)
}

fn live(sequence: u64, end: End, action: Action) -> Input {
    Input::Message(ToPage::Event {
        lesson: 0,
        event: event(sequence, end, action),
    })
}

#[test]
fn without_a_gateway_the_recorded_exchange_waits_to_be_played_and_steps_tick_with_it() {
    let mut lab = lab();
    reel(&mut lab, Reel::Unreachable);
    assert_eq!((shown(&lab), lab.trace.rows().len()), (0, 0));
    reel(&mut lab, Reel::Forward);
    assert_eq!((shown(&lab), lab.progress.done()), (1, 0));
    // What has no row of its own comes with the next that has.
    reel(&mut lab, Reel::Forward);
    assert_eq!((shown(&lab), lab.trace.rows().len()), (3, 2));
    assert_eq!(lab.progress.done(), 1);
    reel(&mut lab, Reel::Play(true));
    for _ in 0..10 {
        reel(&mut lab, Reel::Tick);
    }
    assert_eq!((shown(&lab), lab.progress.done()), (6, 2));
    assert!(lab.replay.as_ref().is_some_and(|one| !one.is_playing));
    reel(&mut lab, Reel::Back);
    assert_eq!((shown(&lab), lab.trace.rows().len()), (5, 4));
    assert_eq!(lab.progress.done(), 1);
    lab.update(Input::StartOver);
    assert_eq!((shown(&lab), lab.progress.done()), (0, 0));
    reel(&mut lab, Reel::Back);
    assert_eq!(shown(&lab), 0);
}

#[test]
fn a_replay_is_nobodys_progress_unless_the_reader_says_so() {
    let mut lab = lab();
    reel(&mut lab, Reel::Unreachable);
    reel(&mut lab, Reel::Play(true));
    for _ in 0..10 {
        reel(&mut lab, Reel::Tick);
    }
    assert_eq!((lab.progress.done(), lab.live().progress.done()), (2, 0));
    reel(&mut lab, Reel::Keep);
    assert_eq!(lab.live().progress.done(), 2);
}

#[test]
fn the_lab_goes_live_when_the_gateway_comes_unless_the_reader_came_for_the_replay() {
    let mut lab = lab();
    reel(&mut lab, Reel::Unreachable);
    lab.update(Input::Online(server()));
    assert!(lab.replay.is_none());
    assert_eq!(lab.own(), Own::None);

    let shared = std::sync::Arc::new(trace());
    reel(&mut lab, Reel::Shared(shared, 3));
    assert_eq!((shown(&lab), lab.progress.done()), (3, 1));
    let arrival = lab.replay.as_ref().and_then(|replay| replay.arrival);
    assert_eq!(arrival.and_then(|arrival| arrival.event), Some(6));
    // Meanwhile the exchange here goes on unseen.
    lab.update(Input::Online(server()));
    let peer = address().into();
    lab.update(live(9, End::Server, Action::Accept { peer }));
    assert_eq!(lab.live().trace.rows().len(), 1);
    assert_eq!(lab.trace.rows().len(), 2);
    // Whoever acts is shown what comes of it.
    assert_eq!(lab.update(Input::Command(Command::Connect)).len(), 1);
    assert!(lab.replay.is_none());
    assert_eq!((lab.trace.rows().len(), lab.progress.done()), (1, 1));
}

#[test]
fn what_happened_here_stays_when_the_gateway_goes_and_is_found_again() {
    let mut lab = lab();
    lab.update(Input::Online(server()));
    lab.update(live(1, End::Client, Action::Write(Data::whole(*b"mine"))));
    lab.update(Input::Offline);
    reel(&mut lab, Reel::Unreachable);
    assert!(lab.replay.is_none());
    reel(&mut lab, Reel::Recorded(0));
    assert!(lab.trace.rows().is_empty());
    reel(&mut lab, Reel::Leave);
    // The write and the break.
    assert_eq!(lab.trace.rows().len(), 2);
}

#[test]
fn without_a_gateway_a_question_is_answered_by_what_was_recorded() {
    let mut lab = lab();
    reel(&mut lab, Reel::Unreachable);
    let ask = Input::Ask {
        question: 0,
        chosen: 0,
    };
    assert!(lab.update(ask.clone()).is_empty());
    let kept = |lab: &Lab| lab.replay.as_ref().map(|replay| replay.kept);
    assert_eq!(kept(&lab), Some(Kept::Question(0)));
    assert_eq!(lab.live().answer(0), Answer::Running(0));
    for _ in 0..20 {
        reel(&mut lab, Reel::Tick);
    }
    let known = Answer::Known {
        chosen: 0,
        outcome: 1,
    };
    assert_eq!(lab.live().answer(0), known);
    // What a question shows ticks no step.
    assert_eq!(lab.progress.done(), 0);
    reel(&mut lab, Reel::Leave);
    assert_eq!(kept(&lab), Some(Kept::Recorded));
    assert_eq!(lab.live().answer(0), known);
    // Left in the middle, it has no answer.
    lab.update(ask);
    reel(&mut lab, Reel::Leave);
    assert_eq!(lab.live().answer(0), Answer::None);
}

#[test]
fn with_the_gateway_a_question_is_answered_by_what_happens_on_its_own_connection() {
    let mut lab = lab();
    lab.update(Input::Online(server()));
    // Another program's connection does not count.
    let peer: wire::Address = address().into();
    lab.update(live(1, End::Server, Action::Accept { peer: peer.clone() }));
    let said = lab.update(Input::Ask {
        question: 0,
        chosen: 1,
    });
    let wire::ToGateway::Open { request, .. } = said[0] else {
        panic!("{said:?}");
    };
    let said = lab.update(Input::Message(ToPage::Opened {
        request,
        connection: ConnectionId(2),
    }));
    assert_eq!(said.len(), 1);
    lab.update(live(2, End::Client, Action::Read(Data::whole(*b"ok"))));
    assert_eq!(lab.answer(0), Answer::Running(1));
    let mut read = event(3, End::Client, Action::Read(Data::whole(*b"ok")));
    read.connection = Some(ConnectionId(2));
    let lesson = 0;
    lab.update(Input::Message(ToPage::Event {
        lesson,
        event: read,
    }));
    let known = Answer::Known {
        chosen: 1,
        outcome: 1,
    };
    assert_eq!(lab.answer(0), known);
}

#[test]
fn a_question_that_comes_to_nothing_or_loses_the_gateway_has_no_answer() {
    let mut lab = lab();
    lab.update(Input::Online(server()));
    let ask = Input::Ask {
        question: 0,
        chosen: 1,
    };
    lab.update(ask.clone());
    lab.update(Input::Now(1));
    assert!(lab.needs_clock());
    lab.update(Input::Now(20_000_000_000));
    assert_eq!(lab.answer(0), Answer::Unknown(1));
    lab.update(ask);
    lab.update(Input::Offline);
    assert_eq!(lab.answer(0), Answer::None);
}
