use std::net::SocketAddr;

use wire::ToGateway;
use wire::session::{Abilities, Server, Transport, VERSION, Welcome, close};

use super::{Do, Heard, Link, Phase, Why};

fn welcome(build: &str) -> Welcome {
    Welcome {
        version: VERSION,
        build: build.to_owned(),
        time_ns: 0,
        servers: vec![Server {
            lesson: "tcp_ok".to_owned(),
            transport: Transport::Tcp,
            address: SocketAddr::from(([127, 0, 0, 1], 9090)).into(),
        }],
        abilities: Abilities::default(),
    }
}

fn started(token: Option<&str>) -> (Link, Vec<Do>) {
    let mut link = Link::new(
        Some("b1".to_owned()),
        vec!["tcp_ok".to_owned(), "unknown".to_owned()],
    );
    let start = Heard::Start {
        is_from_gateway: true,
        token: token.map(str::to_owned),
    };
    let done = link.update(start, 0.0);
    (link, done)
}

#[test]
fn a_page_says_hello_and_watches_its_lessons() {
    let (mut link, done) = started(Some("t"));
    assert_eq!(done, [Do::Connect]);
    let hello = ToGateway::Hello {
        version: VERSION,
        token: "t".to_owned(),
    };
    assert_eq!(link.update(Heard::Opened, 1.0), [Do::Send(hello)]);
    let watch = ToGateway::Watch {
        lesson: "tcp_ok".to_owned(),
    };
    assert_eq!(
        link.update(Heard::Welcome(welcome("b1")), 2.0),
        [Do::Send(watch)]
    );
    assert_eq!(link.phase, Phase::Live);
}

#[test]
fn a_hosted_book_reaches_for_nothing_and_without_a_token_nothing_is_tried() {
    let mut link = Link::new(None, Vec::new());
    let start = Heard::Start {
        is_from_gateway: false,
        token: Some("t".to_owned()),
    };
    assert!(link.update(start, 0.0).is_empty());
    assert_eq!(link.phase, Phase::Hosted);
    let (link, done) = started(None);
    assert!(done.is_empty());
    assert_eq!(link.phase, Phase::NoToken);
}

#[test]
fn a_gateway_that_never_says_a_word_is_not_waited_for() {
    let (mut link, _) = started(Some("t"));
    link.update(Heard::Opened, 1.0);
    assert!(link.update(Heard::Tick, 4_999.0).is_empty());
    assert_eq!(link.update(Heard::Tick, 5_000.0), [Do::Disconnect]);
    let waiting = Phase::Waiting {
        retry_at_ms: 5_300.0,
        why: Why::Gone,
    };
    assert_eq!(link.phase, waiting);
    // The next attempt has as much time as the first.
    assert_eq!(link.update(Heard::Tick, 5_300.0), [Do::Connect]);
    assert!(link.update(Heard::Tick, 10_299.0).is_empty());
}

#[test]
fn a_lost_gateway_is_tried_again_with_growing_patience() {
    let (mut link, _) = started(Some("t"));
    link.update(Heard::Welcome(welcome("b1")), 0.0);
    let mut waits = Vec::new();
    let mut now_ms = 0.0;
    for _ in 0..6 {
        link.update(Heard::Closed { code: 1006 }, now_ms);
        let Phase::Waiting { retry_at_ms, why } = link.phase else {
            panic!("{:?}", link.phase);
        };
        assert_eq!(why, Why::Gone);
        waits.push(retry_at_ms - now_ms);
        assert!(link.update(Heard::Tick, retry_at_ms - 1.0).is_empty());
        assert_eq!(link.update(Heard::Tick, retry_at_ms), [Do::Connect]);
        now_ms = retry_at_ms;
    }
    assert_eq!(waits, [300.0, 600.0, 1_200.0, 2_500.0, 5_000.0, 5_000.0]);
    link.update(Heard::Welcome(welcome("b1")), now_ms);
    link.update(Heard::Closed { code: 1001 }, now_ms);
    let retry_at_ms = now_ms + 300.0;
    let why = Why::Stopped;
    assert_eq!(link.phase, Phase::Waiting { retry_at_ms, why });
}

#[test]
fn a_reader_who_comes_back_does_not_wait() {
    let (mut link, _) = started(Some("t"));
    link.update(Heard::Closed { code: 1006 }, 0.0);
    assert_eq!(link.update(Heard::TryNow, 1.0), [Do::Connect]);
    assert!(link.update(Heard::TryNow, 2.0).is_empty());
}

#[test]
fn another_build_makes_the_page_stale_and_an_author_gets_the_new_one() {
    let (mut link, _) = started(Some("t"));
    assert_eq!(
        link.update(Heard::Welcome(welcome("b2")), 0.0),
        [Do::Disconnect]
    );
    assert_eq!(link.phase, Phase::Stale);
    link.update(Heard::Closed { code: 1005 }, 1.0);
    assert_eq!(link.phase, Phase::Stale);

    let (mut link, _) = started(Some("t"));
    let mut author = welcome("b2");
    author.abilities.author = true;
    let done = link.update(Heard::Welcome(author), 0.0);
    assert_eq!(done, [Do::Disconnect, Do::Reload]);
}

#[test]
fn close_codes_are_told_apart() {
    for (code, expected) in [
        (close::STALE_PAGE, Phase::Stale),
        (close::WRONG_TOKEN, Phase::WrongToken),
    ] {
        let (mut link, _) = started(Some("t"));
        link.update(Heard::Closed { code }, 0.0);
        assert_eq!(link.phase, expected);
        assert!(link.update(Heard::Tick, 1e9).is_empty());
    }
    let mut told = Vec::new();
    for (codes, expected) in [
        (&[close::TOO_MANY_SESSIONS][..], Why::Full),
        (&[close::TOO_SLOW], Why::TooSlow),
        (&[close::GOING_AWAY], Why::Stopped),
        (
            &[close::NO_HELLO, close::MALFORMED, 1002, 1003, 1007, 1009],
            Why::Misunderstood,
        ),
        (&[1000, 1005, 1006, 1011, 4999], Why::Gone),
    ] {
        for code in codes.iter().copied() {
            let (mut link, _) = started(Some("t"));
            link.update(Heard::Closed { code }, 0.0);
            let why = expected;
            let retry_at_ms = 300.0;
            assert_eq!(link.phase, Phase::Waiting { retry_at_ms, why }, "{code}");
            assert_eq!(link.update(Heard::Tick, 300.0), [Do::Connect]);
        }
        told.push(expected.words());
    }
    // Each has a sentence of its own, and what is done about it.
    for (index, words) in told.iter().enumerate() {
        assert!(words.ends_with(" again "), "{words}");
        assert!(!told[..index].contains(words), "{words}");
    }
}
