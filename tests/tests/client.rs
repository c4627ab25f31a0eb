//! The client that the gateway is for the reader: how it fails, and what can be changed about it.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result};
use wire::event::{Failure, SocketOption};
use wire::session::{Adjustment, Asked, RelaySettings};
use wire::{Action, ConnectionId, End, Event, Operation, ToGateway};
use wirebook_tests::gateway::TestGateway;
use wirebook_tests::session::Session;

/// Connects to a lesson that takes no connection, and returns how that fails.
async fn connect_fails(lesson: &str) -> Result<Failure> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch(lesson).await?;
    let id = session.open(lesson).await?;
    let event = session
        .until(|event| matches!(event.action, Action::Error { .. }))
        .await?;
    assert_eq!((event.connection, event.end), (Some(id), End::Client));
    let Action::Error {
        operation, kind, ..
    } = event.action
    else {
        unreachable!("it is an error");
    };
    assert_eq!(operation, Operation::Connect);
    assert!(
        !session
            .events()
            .iter()
            .any(|event| event.end == End::Server)
    );
    assert!(gateway.stop().await);
    Ok(kind)
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_refused_refuses_and_keeps_its_port() -> Result<()> {
    assert_eq!(connect_fails("tcp_refused").await?, Failure::Refused);
    let gateway = TestGateway::start().await?;
    let address = gateway.server("tcp_refused")?;
    let error = std::net::TcpListener::bind(address).err();
    assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::AddrInUse));
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn tcp_full_lets_every_client_wait_in_vain() -> Result<()> {
    assert_eq!(connect_fails("tcp_full").await?, Failure::TimedOut);
    let gateway = TestGateway::start().await?;
    let address = gateway.server("tcp_full")?;
    let error = TcpStream::connect_timeout(&address, Duration::from_millis(500)).err();
    assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::TimedOut));
    Ok(())
}

async fn adjust(session: &mut Session, id: ConnectionId, adjustment: Adjustment) -> Result<()> {
    session
        .say(&[ToGateway::Adjust {
            connection: id,
            adjustment,
        }])
        .await
}

async fn open_with(
    session: &mut Session,
    lesson: &str,
    options: &[(SocketOption, i64)],
) -> Result<ConnectionId> {
    let opened = session.try_open_with(lesson, options.to_vec()).await?;
    opened.map_err(|refused| anyhow::anyhow!(refused.why))
}

/// What was asked for and what the kernel said, of each option that the client set.
fn options(session: &Session) -> Vec<(SocketOption, Option<i64>, i64)> {
    let at_client = |event: &Event| match (event.end, &event.action) {
        (
            End::Client,
            Action::Option {
                option,
                asked,
                value,
            },
        ) => Some((*option, *asked, *value)),
        _ => None,
    };
    session.events().iter().filter_map(at_client).collect()
}

/// The lengths of what this end has read, or written, call by call.
fn lengths(session: &Session, end: End, verb: &str) -> Vec<usize> {
    let events = session.events();
    let moved = events
        .iter()
        .filter(|event| event.end == end && event.action.verb() == verb);
    moved
        .filter_map(Event::data)
        .map(|data| data.bytes.len())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_set_and_read_back_before_and_after_connecting() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let before = [
        (SocketOption::NoDelay, 1),
        (SocketOption::KeepAlive, 1),
        (SocketOption::ReceiveBuffer, 8192),
    ];
    let id = open_with(&mut session, "tcp_echo", &before).await?;
    for (option, value) in [
        (SocketOption::NoDelay, 0),
        (SocketOption::Linger, 2),
        (SocketOption::Linger, -1),
    ] {
        adjust(&mut session, id, Adjustment::Option(option, value)).await?;
    }
    session
        .when(|session| (options(session).len() == 6).then_some(()))
        .await?;
    let seen = options(&session);
    for (option, asked, value) in &seen {
        match option {
            SocketOption::ReceiveBuffer => assert!(*value >= 8192, "{value}"),
            _ => assert_eq!(Some(*value), *asked, "{option}"),
        }
    }
    let place_of_connect = session.events().iter().position(|event| {
        event.end == End::Client && matches!(event.action, Action::Connect { .. })
    });
    assert_eq!(place_of_connect, Some(3), "options come first");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn linger_zero_makes_a_close_a_reset() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let linger = (SocketOption::Linger, 0);
    let early = open_with(&mut session, "tcp_silent", &[linger]).await?;
    let late = session.open("tcp_silent").await?;
    adjust(&mut session, late, Adjustment::Option(linger.0, linger.1)).await?;
    for id in [early, late] {
        session.close(id).await?;
        let at = |end, of: fn(&Action) -> bool| {
            move |event: &Event| {
                event.connection == Some(id) && event.end == end && of(&event.action)
            }
        };
        session
            .until(at(End::Client, |action| *action == Action::Reset))
            .await?;
        session
            .until(at(End::Server, |action| {
                matches!(
                    action,
                    Action::Error {
                        kind: Failure::Reset,
                        ..
                    }
                )
            }))
            .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slicer_cuts_and_joins_what_is_sent() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut cuts = Vec::new();
    for _ in 0..2 {
        let mut session = gateway.session().await?;
        let id = session.open("tcp_echo").await?;
        adjust(&mut session, id, Adjustment::Slicer(Some(7))).await?;
        let send = |text: &str| ToGateway::Send {
            connection: id,
            bytes: text.into(),
        };
        session
            .say(&[send("to be,"), send(" or not"), send(" to be")])
            .await?;
        let said = "to be, or not to be";
        let all_is_read = |session: &Session| {
            let read: usize = lengths(session, End::Client, "read").iter().sum();
            (read == said.len()).then_some(())
        };
        session.when(all_is_read).await?;
        let written = lengths(&session, End::Client, "write");
        assert!(written.len() > 2, "{written:?}");
        assert_ne!(written, [6, 7, 6], "as it was said");
        assert_eq!(options(&session), [(SocketOption::NoDelay, Some(1), 1)]);
        adjust(&mut session, id, Adjustment::Slicer(None)).await?;
        session.send(id, "that is the question").await?;
        let is_whole = |event: &Event| {
            event.end == End::Client
                && matches!(&event.action, Action::Write(data) if data.bytes.len() == 20)
        };
        session.until(is_whole).await?;
        cuts.push(written);
    }
    assert_eq!(cuts[0], cuts[1]);
    Ok(())
}

/// How much the server writes before it must wait for a client that does not read.
async fn fits(options: &[(SocketOption, i64)]) -> Result<usize> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = open_with(&mut session, "tcp_source", options).await?;
    adjust(&mut session, id, Adjustment::Reading(false)).await?;
    session.send(id, "go").await?;
    let waits = |event: &Event| {
        let operation = Operation::Write;
        event.end == End::Server && event.action == Action::Wait { operation }
    };
    session.until(waits).await?;
    assert_eq!(lengths(&session, End::Client, "read"), [0; 0]);
    let fitting = lengths(&session, End::Server, "write").iter().sum();
    adjust(&mut session, id, Adjustment::Reading(true)).await?;
    session
        .when(|session| {
            let read: usize = lengths(session, End::Client, "read").iter().sum();
            (read == 256 * 1024).then_some(())
        })
        .await?;
    Ok(fitting)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smaller_receive_buffer_holds_less_of_what_is_not_read() -> Result<()> {
    let little = fits(&[(SocketOption::ReceiveBuffer, 4096)]).await?;
    let much = fits(&[]).await?;
    assert!(little * 4 < much, "{little} and {much}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_a_deadline_gives_up() -> Result<()> {
    for lesson in ["tcp_silent", "udp_relay"] {
        let gateway = TestGateway::start().await?;
        let mut session = gateway.session().await?;
        let id = session.open(lesson).await?;
        let all_is_lost = RelaySettings {
            loss_percent: 100,
            ..RelaySettings::default()
        };
        if lesson == "udp_relay" {
            adjust(&mut session, id, Adjustment::Relay(all_is_lost)).await?;
        }
        adjust(&mut session, id, Adjustment::Deadline(Some(200))).await?;
        session.send(id, "anyone?").await?;
        session
            .until(|event| event.end == End::Client && event.action == Action::Close)
            .await?;
        let events = session.events();
        let sent_at = events.iter().find(|event| {
            event.end == End::Client && ["write", "send"].contains(&event.action.verb())
        });
        let gave_up_at = events.iter().find(|event| {
            let kind = Failure::TimedOut;
            matches!(&event.action, Action::Error { kind: it, .. } if *it == kind)
        });
        let sent_at = sent_at.context("it was sent")?.time_ns;
        let gave_up_at = gave_up_at.context("it gave up")?.time_ns;
        assert!(gave_up_at - sent_at >= 190_000_000, "{lesson}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_time_ends_the_deadline() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_deadline").await?;
    adjust(&mut session, id, Adjustment::Deadline(Some(1_500))).await?;
    session.send(id, "quick\n").await?;
    // The server leaves after two seconds without a line; the client has outlived its deadline.
    session
        .until(|event| event.end == End::Client && event.action == Action::EndOfStream)
        .await?;
    let gave_up = |event: &Event| matches!(event.action, Action::Error { .. });
    assert!(!session.events().iter().any(gave_up));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_gives_up_a_connect() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_full").await?;
    session.close(id).await?;
    let operation = Operation::Connect;
    session
        .until(|event| event.action == Action::Cancel { operation })
        .await?;
    session
        .until(|event| event.end == End::Client && event.action == Action::Close)
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_changed_is_refused_with_a_reason() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    for (lesson, adjustment, word) in [
        (
            "tcp_ok",
            Adjustment::Option(SocketOption::NoDelay, 2),
            "0 or 1",
        ),
        (
            "tcp_ok",
            Adjustment::Option(SocketOption::Linger, 3600),
            "seconds",
        ),
        (
            "tcp_ok",
            Adjustment::Option(SocketOption::SendBuffer, i64::MAX),
            "bytes",
        ),
        (
            "udp_echo",
            Adjustment::Option(SocketOption::NoDelay, 1),
            "TCP",
        ),
        ("udp_echo", Adjustment::Slicer(Some(1)), "datagram"),
        ("tcp_ok", Adjustment::Deadline(Some(0)), "ms"),
        (
            "tcp_ok",
            Adjustment::Relay(RelaySettings::default()),
            "relay",
        ),
        ("udp_reliable", Adjustment::Reading(false), "program"),
    ] {
        let id = session.open(lesson).await?;
        adjust(&mut session, id, adjustment).await?;
        let refused = session.refused(Asked::Connection(id)).await?;
        assert!(refused.why.contains(word), "{}", refused.why);
    }
    for (lesson, options) in [
        ("tcp_ok", vec![(SocketOption::KeepAlive, 7)]),
        ("udp_echo", vec![(SocketOption::Linger, 0)]),
        ("tcp_ok", vec![(SocketOption::NoDelay, 1); 17]),
    ] {
        let opened = session.try_open_with(lesson, options).await?;
        assert!(opened.is_err(), "{lesson}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_counts_from_what_is_done_next() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let gave_up = |id| {
        move |event: &Event| {
            event.connection == Some(id)
                && matches!(
                    event.action,
                    Action::Error {
                        operation: Operation::Read,
                        kind: Failure::TimedOut,
                        ..
                    }
                )
        }
    };
    // Nothing was sent: it counts from having connected.
    let mute = session.open("tcp_silent").await?;
    adjust(&mut session, mute, Adjustment::Deadline(Some(100))).await?;
    session.until(gave_up(mute)).await?;
    // What was sent before it was set has no deadline.
    let asked = session.open("tcp_silent").await?;
    session.send(asked, "first").await?;
    let read = |text: &'static str| {
        move |event: &Event| {
            event.end == End::Server
                && matches!(&event.action, Action::Read(data) if data.bytes == text.as_bytes())
        }
    };
    session.until(read("first")).await?;
    adjust(&mut session, asked, Adjustment::Deadline(Some(100))).await?;
    // Longer than that deadline, and for something else: one that starts later ends.
    let later = session.open("tcp_silent").await?;
    adjust(&mut session, later, Adjustment::Deadline(Some(200))).await?;
    session.until(gave_up(later)).await?;
    assert!(!session.events().iter().any(gave_up(asked)));
    session.send(asked, "second").await?;
    session.until(gave_up(asked)).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_client_that_lingers_holds_up_nobody_else() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut others = gateway.session().await?;
    // This server has one client at a time: it reads nothing of what the next one sends.
    others.open("count_one").await?;
    others
        .until(|event| matches!(event.action, Action::Accept { .. }))
        .await?;
    for leaves in [true, false] {
        let mut session = gateway.session().await?;
        let lingers = (SocketOption::Linger, 5);
        let id = open_with(&mut session, "count_one", &[lingers]).await?;
        for _ in 0..20 {
            session.send(id, vec![b'x'; 50_000]).await?;
        }
        // Much more than the server's kernel takes.
        session
            .when(|session| {
                let written: usize = lengths(session, End::Client, "write").iter().sum();
                (written == 1_000_000).then_some(())
            })
            .await?;
        match leaves {
            true => drop(session),
            false => session.close(id).await?,
        }
        let began = std::time::Instant::now();
        // Longer than a close waits for what was sent before it, and shorter than it lingers.
        while began.elapsed() < Duration::from_millis(2_500) {
            let asked = std::time::Instant::now();
            let id = others.open("tcp_refused").await?;
            others
                .until(|event| {
                    event.connection == Some(id) && matches!(event.action, Action::Error { .. })
                })
                .await?;
            assert!(asked.elapsed() < Duration::from_secs(3), "leaves: {leaves}");
        }
    }
    Ok(())
}
