use wire::ConnectionId;
use wire::session::{Server, Transport};

use super::super::lab::{Input, Lab};
use super::super::replay::Reel;
use super::super::replay::tests::{lab, trace};
use super::*;

fn shared() -> Lab {
    let mut lab = lab();
    lab.update(Input::Reel(Reel::Shared(Arc::new(trace()), 6)));
    lab
}

#[test]
fn an_exchange_survives_the_link_and_the_way_to_its_file() {
    let kept = exchange(&shared(), "2026-11-22").unwrap();
    assert_eq!(kept.steps.events, trace().steps.events);
    assert_eq!(kept.steps.ticks, trace().steps.ticks);
    assert_eq!(kept.steps.clients.len(), 1);
    assert_eq!(kept.recorded.date, "2026-11-21");
    let link = to_link(&kept).unwrap();
    assert_eq!(
        fragment(&[&link, "&event=3"].concat()),
        Fragment::Shared(Ok(Arc::new(kept.clone())), Some(3))
    );
    assert_eq!(from_bytes(&to_bytes(&kept)), Ok(kept));
}

#[test]
fn numbers_of_this_page_do_not_leave_it_and_a_hole_is_never_shown_as_whole() {
    let mut lab = lab();
    let server = Server {
        lesson: "tcp_ok".to_owned(),
        transport: Transport::Tcp,
        address: wire::Address::Unix("x".to_owned()),
    };
    lab.update(Input::Online(server.clone()));
    let observe = |lab: &mut Lab, sequence, connection| {
        let mut event = trace().steps.events[0].clone();
        event.sequence = sequence;
        event.connection = Some(ConnectionId(connection));
        lab.update(Input::Message(wire::ToPage::Event { lesson: 0, event }));
    };
    observe(&mut lab, 100, 70);
    lab.update(Input::Message(wire::ToPage::Gap { count: 3 }));
    observe(&mut lab, 200, 71);
    observe(&mut lab, 300, 72);
    let kept = exchange(&lab, "2026-11-22").unwrap();
    let numbers: Vec<_> = (kept.steps.events.iter())
        .map(|event| (event.sequence, event.connection))
        .collect();
    assert_eq!(
        numbers,
        [(1, Some(ConnectionId(1))), (2, Some(ConnectionId(2)))]
    );
    assert_eq!((kept.server, &*kept.recorded.date), (server, "2026-11-22"));
    assert_eq!(number_in(&lab, 600), Some(2));
    assert_eq!(number_in(&lab, 200), None);
}

#[test]
fn a_large_exchange_makes_no_link() {
    let mut large = trace();
    for _ in 0..200 {
        large.steps.events.extend(trace().steps.events);
    }
    assert_eq!(to_link(&large), None);
}

#[test]
fn what_anybody_wrote_is_refused_in_words_and_never_panics() {
    let good = to_link(&trace()).unwrap();
    let is_refused = |text: &str| matches!(fragment(text), Fragment::Shared(Err(_), _));
    for damaged in ["share=", "share=!", "share=AA", "share=_____w&event=x"] {
        assert!(is_refused(damaged), "{damaged}");
    }
    for end in "share=".len()..good.len() - 1 {
        assert!(is_refused(&good[..end]), "{end}");
    }
    let mut foreign = trace();
    foreign.version += 1;
    assert!(is_refused(&to_link(&foreign).unwrap()));
    let mut impossible = trace();
    impossible.steps.events[0].sequence = u64::MAX;
    assert!(is_refused(&to_link(&impossible).unwrap()));
    let hostile = |change: fn(&mut Trace)| {
        let mut trace = trace();
        change(&mut trace);
        assert!(is_refused(&to_link(&trace).unwrap()), "{trace:?}");
    };
    hostile(|trace| trace.recorded.date = "2026\u{202e}".to_owned());
    hostile(|trace| trace.recorded.version = "x".repeat(513));
    hostile(|trace| trace.server.address = wire::Address::Unix("\n".to_owned()));
    hostile(|trace| {
        trace.steps.events[0].source = Some(wire::Source {
            file: "\u{1b}[31m".into(),
            line: 1,
        });
    });
    hostile(|trace| {
        trace.steps.events[0].action = wire::Action::Error {
            operation: wire::Operation::Read,
            kind: wire::event::Failure::Other,
            message: "\0".to_owned(),
        };
    });
    assert!(from_bytes(&[]).is_err());
}

#[test]
fn other_fragments_are_left_alone() {
    assert_eq!(
        fragment("tcp_ok-event-12"),
        Fragment::Event("tcp_ok".to_owned(), 12)
    );
    for other in ["", "token", "the-main-event-is", "a-event-"] {
        assert_eq!(fragment(other), Fragment::Other);
    }
}
