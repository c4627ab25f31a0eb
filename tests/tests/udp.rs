//! Datagrams that are cut, refused, too long, lost, doubled and overtaken; and messages that arrive
//! all the same.

use anyhow::{Context as _, Result};
use wire::event::Failure;
use wire::session::{Adjustment, Asked, RelaySettings};
use wire::{Action, ConnectionId, End, Event, Operation, ToGateway};
use wirebook_tests::gateway::TestGateway;
use wirebook_tests::session::Session;

/// Adjusts the relay for a connection.
async fn relay(
    session: &mut Session,
    connection: ConnectionId,
    settings: RelaySettings,
) -> Result<()> {
    let adjustment = Adjustment::Relay(settings);
    session
        .say(&[ToGateway::Adjust {
            connection,
            adjustment,
        }])
        .await?;
    session.answered().await
}

/// Waits for a datagram of these bytes at this end.
async fn receives(session: &mut Session, end: End, bytes: &[u8]) -> Result<Event> {
    let is_it = |event: &Event| {
        matches!(&event.action, Action::Receive { data, .. } if data.bytes == bytes)
            && event.end == end
    };
    session.until(is_it).await
}

/// What happened to datagrams of these bytes: `END VERB`, in order.
fn story_of(session: &Session, bytes: &[u8]) -> Vec<String> {
    session
        .events()
        .iter()
        .filter(|event| event.data().is_some_and(|data| data.bytes == bytes))
        .map(|event| format!("{} {}", event.end, event.action.verb()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn udp_small_answers_with_what_fits_into_its_buffer() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("udp_small").await?;
    let id = session.open("udp_small").await?;
    for (sent, kept, answer) in [
        ("hello", "hello", "5 bytes"),
        ("sixteen bytes 16, and more", "sixteen bytes 16", "16 bytes"),
        ("", "", "0 bytes"),
    ] {
        session.send(id, sent).await?;
        receives(&mut session, End::Server, kept.as_bytes()).await?;
        receives(&mut session, End::Client, answer.as_bytes()).await?;
    }
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn udp_refused_is_told_to_the_next_call_and_ends_nothing() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("udp_refused").await?;
    let id = session.open("udp_refused").await?;
    for number in 1..=2 {
        session.send(id, "anyone?").await?;
        session
            .when(|session| (refusals(session.observed()) == number).then_some(()))
            .await?;
    }
    assert!(story_of(&session, b"anyone?").contains(&"client send".to_owned()));
    let events = session.events();
    assert!(events.iter().all(|event| event.end == End::Client));
    // The port belongs to the lesson all the same.
    let address = gateway.server("udp_refused")?;
    assert!(std::net::UdpSocket::bind(address).is_err());
    assert!(gateway.stop().await);
    Ok(())
}

fn refusals(events: &[Event]) -> usize {
    let is_refusal = |event: &&Event| {
        matches!(
            event.action,
            Action::Error {
                kind: Failure::Refused,
                ..
            }
        )
    };
    events.iter().filter(is_refusal).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_datagram_passes_and_a_longer_one_is_an_error() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("udp_echo").await?;
    let id = session.open("udp_echo").await?;
    session.send(id, vec![b'x'; 65_508]).await?;
    let error = session
        .until(|event| matches!(event.action, Action::Error { .. }))
        .await?;
    let Action::Error {
        operation, kind, ..
    } = error.action
    else {
        unreachable!("it is an error");
    };
    assert_eq!((operation, kind), (Operation::Send, Failure::TooLong));
    session.send(id, vec![b'x'; 65_507]).await?;
    let echoed = |event: &Event| match &event.action {
        Action::Receive { data, .. } if event.end == End::Client => data.bytes.len(),
        _ => 0,
    };
    session
        .when(|session| {
            let length: usize = session.observed().iter().map(echoed).sum();
            (length == 65_507).then_some(())
        })
        .await?;
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_datagram_passes_the_relay_there_and_back() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("udp_relay").await?;
    let id = session.open("udp_relay").await?;
    session.send(id, "hello").await?;
    receives(&mut session, End::Client, b"hello").await?;
    let expected = [
        "client send",
        "relay receive",
        "relay send",
        "server receive",
        "server send",
        "relay receive",
        "relay send",
        "client receive",
    ];
    assert_eq!(story_of(&session, b"hello"), expected);
    for event in session.events() {
        if event.data().is_some() {
            assert_eq!(event.connection, Some(id));
        }
        let source = event.source.map(|source| source.file.into_owned());
        let lesson =
            (event.end != End::Client).then(|| "native/src/lessons/udp_relay.rs".to_owned());
        assert_eq!(source, lesson);
    }
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_loses_doubles_and_holds_back_as_it_is_told() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("udp_relay").await?;
    let id = session.open("udp_relay").await?;
    let lose_all = RelaySettings {
        loss_percent: 100,
        ..RelaySettings::default()
    };
    relay(&mut session, id, lose_all).await?;
    session.send(id, "lost").await?;
    let event = session
        .until(|event| matches!(event.action, Action::Lose(_)))
        .await?;
    assert!(event.source.is_some_and(|source| source.line > 1));
    // The relay may be quicker than the call that sent returns.
    session
        .when(|session| (story_of(session, b"lost").len() == 3).then_some(()))
        .await?;
    let expected = ["client send", "relay receive", "relay lose"];
    assert_eq!(story_of(&session, b"lost"), expected);

    let double_all = RelaySettings {
        duplicate_percent: 100,
        delay_ms: 20,
        ..RelaySettings::default()
    };
    relay(&mut session, id, double_all).await?;
    session.send(id, "twice").await?;
    let heard = |session: &Session| {
        let story = story_of(session, b"twice");
        story
            .iter()
            .filter(|line| *line == "client receive")
            .count()
    };
    // Two there, and each of their echoes twice.
    session
        .when(|session| (heard(session) == 4).then_some(()))
        .await?;
    let story = story_of(&session, b"twice");
    assert_eq!(
        story[..5],
        [
            "client send",
            "relay receive",
            "relay duplicate",
            "relay hold",
            "relay send"
        ]
    );
    let held = session
        .until(|event| matches!(event.action, Action::Hold { .. }))
        .await?;
    assert!(matches!(held.action, Action::Hold { for_ms: 20, .. }));
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_datagram_overtakes_one_that_is_held_back() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("udp_relay").await?;
    let id = session.open("udp_relay").await?;
    let hold_all = RelaySettings {
        reorder_percent: 100,
        ..RelaySettings::default()
    };
    relay(&mut session, id, hold_all).await?;
    session.send(id, "first").await?;
    session
        .until(|event| matches!(event.action, Action::Hold { .. }))
        .await?;
    relay(&mut session, id, RelaySettings::default()).await?;
    session.send(id, "second").await?;
    let second = receives(&mut session, End::Server, b"second").await?;
    let first = receives(&mut session, End::Server, b"first").await?;
    assert!(second.sequence < first.sequence);
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_relay_does_to_one_client_it_does_not_do_to_another() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("udp_relay").await?;
    let first = session.open("udp_relay").await?;
    let second = session.open("udp_relay").await?;
    let lose_all = RelaySettings {
        loss_percent: 100,
        ..RelaySettings::default()
    };
    relay(&mut session, first, lose_all).await?;
    session.send(first, "from the first").await?;
    session
        .until(|event| matches!(event.action, Action::Lose(_)))
        .await?;
    session.send(second, "from the second").await?;
    let event = receives(&mut session, End::Client, b"from the second").await?;
    assert_eq!(event.connection, Some(second));
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lesson_without_a_relay_has_none_to_adjust() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    for lesson in ["udp_echo", "tcp_ok"] {
        let connection = session.open(lesson).await?;
        let adjustment = Adjustment::Relay(RelaySettings::default());
        session
            .say(&[ToGateway::Adjust {
                connection,
                adjustment,
            }])
            .await?;
        let refused = session.refused(Asked::Connection(connection)).await?;
        assert!(refused.why.contains("relay"), "{}", refused.why);
    }
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn udp_reliable_delivers_each_message_once_and_in_order() -> Result<()> {
    const MESSAGES: u32 = 5;

    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("udp_reliable").await?;
    let id = session.open("udp_reliable").await?;
    let rough = RelaySettings {
        seed: 3,
        loss_percent: 30,
        duplicate_percent: 30,
        ..RelaySettings::default()
    };
    relay(&mut session, id, rough).await?;
    for number in 1..=MESSAGES {
        session.send(id, format!("message {number}")).await?;
    }
    let last = acknowledgement(MESSAGES, MESSAGES);
    receives(&mut session, End::Client, &last).await?;

    let events = session.events();
    let count = |is_it: &dyn Fn(&Event) -> bool| events.iter().filter(|event| is_it(event)).count();
    assert!(count(&|event| matches!(event.action, Action::Lose(_))) > 0);
    // The client's waiting and its giving up are seen, each at its line.
    let gives_up =
        |event: &Event| matches!(event.action, Action::Cancel { .. }) && event.end == End::Client;
    assert!(count(&gives_up) > 0);
    for event in events.iter().filter(|event| gives_up(event)) {
        let source = event.source.as_ref().context("the client has lines")?;
        assert_eq!(source.file, "native/src/lessons/udp_reliable/client.rs");
    }
    // Each acknowledgement counts just the messages up to its own, however often it is sent.
    for number in 1..=MESSAGES {
        let head = number.to_be_bytes();
        for event in &events {
            if let Action::Send { data, .. } = &event.action
                && event.end == End::Server
                && data.bytes.starts_with(&head)
            {
                assert_eq!(data.bytes, acknowledgement(number, number));
            }
        }
    }
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_does_nothing_to_a_page_that_has_asked_for_nothing() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("udp_reliable").await?;
    let id = session.open("udp_reliable").await?;
    // Of another program's datagrams the second would be lost.
    for number in 1..=4 {
        session.send(id, "through").await?;
        receives(&mut session, End::Client, &acknowledgement(number, number)).await?;
    }
    let is_lost = |event: &Event| matches!(event.action, Action::Lose(_));
    assert!(!session.events().iter().any(is_lost));
    assert!(gateway.stop().await);
    Ok(())
}

fn acknowledgement(number: u32, delivered: u32) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend_from_slice(format!("{delivered} delivered").as_bytes());
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn udp_reliable_gives_up_when_nothing_comes_through() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("udp_reliable").await?;
    let id = session.open("udp_reliable").await?;
    let lose_all = RelaySettings {
        loss_percent: 100,
        ..RelaySettings::default()
    };
    relay(&mut session, id, lose_all).await?;
    session.send(id, "hello").await?;
    let error = session
        .until(|event| matches!(event.action, Action::Error { .. }))
        .await?;
    assert!(matches!(
        error.action,
        Action::Error {
            kind: Failure::TimedOut,
            ..
        }
    ));
    session
        .until(|event| matches!(event.action, Action::Close))
        .await?;
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_in_the_middle_of_a_delivery_ends_it() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("udp_reliable").await?;
    let id = session.open("udp_reliable").await?;
    let lose_all = RelaySettings {
        loss_percent: 100,
        ..RelaySettings::default()
    };
    relay(&mut session, id, lose_all).await?;
    session.send(id, "first").await?;
    session.send(id, "second").await?;
    session
        .until(|event| matches!(event.action, Action::Lose(_)))
        .await?;
    session.close(id).await?;
    let closed = session
        .until(|event| matches!(event.action, Action::Close))
        .await?;
    let events = session.events();
    let sent = |event: &&Event| matches!(event.action, Action::Send { .. });
    assert!(
        events
            .iter()
            .filter(sent)
            .all(|event| event.sequence < closed.sequence)
    );
    assert!(gateway.stop().await);
    Ok(())
}
