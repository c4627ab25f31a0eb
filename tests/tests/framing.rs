//! One conversation, cut by the slicer in many ways: who counts messages is right each time, who
//! counts reads is not.

use anyhow::Result;
use wire::session::Adjustment;
use wire::{Action, ConnectionId, End, Event, ToGateway};
use wirebook_tests::gateway::TestGateway;
use wirebook_tests::session::Session;

const SEEDS: std::ops::Range<u64> = 1..9;

/// Says `messages` once for each seed, each time on a connection of its own, and returns the
/// session when every connection has come to its end.
async fn cut_by_each_seed(
    gateway: &TestGateway,
    lesson: &str,
    messages: &[&[u8]],
) -> Result<(Session, Vec<ConnectionId>)> {
    let mut session = gateway.session().await?;
    session.watch(lesson).await?;
    let mut connections = Vec::new();
    for seed in SEEDS {
        let connection = session.open(lesson).await?;
        let adjustment = Adjustment::Slicer(Some(seed));
        let mut says = vec![ToGateway::Adjust {
            connection,
            adjustment,
        }];
        says.extend(messages.iter().map(|message| ToGateway::Send {
            connection,
            bytes: message.to_vec(),
        }));
        says.push(ToGateway::ShutDown { connection });
        session.say(&says).await?;
        connections.push(connection);
    }
    for connection in &connections {
        let is_end = |event: &Event| {
            event.connection == Some(*connection)
                && event.end == End::Client
                && event.action == Action::EndOfStream
        };
        session.until(is_end).await?;
    }
    Ok((session, connections))
}

/// What each read (or write) of this end of the connection has moved.
fn moved(session: &Session, connection: ConnectionId, end: End, verb: &str) -> Vec<Vec<u8>> {
    let events = session.events();
    let of_this = events.iter().filter(|event| {
        (event.connection, event.end) == (Some(connection), end) && event.action.verb() == verb
    });
    of_this
        .filter_map(|event| Some(event.data()?.bytes.clone()))
        .collect()
}

async fn check(lesson: &str, messages: [&[u8]; 3], answers: &str) -> Result<()> {
    let gateway = TestGateway::start().await?;
    let (session, connections) = cut_by_each_seed(&gateway, lesson, &messages).await?;
    for connection in connections {
        let pieces = moved(&session, connection, End::Client, "write");
        assert_ne!(pieces, messages, "{connection} was not cut");
        assert_eq!(pieces.concat(), messages.concat(), "{connection}");
        let heard = moved(&session, connection, End::Client, "read").concat();
        assert_eq!(String::from_utf8_lossy(&heard), answers, "{connection}");
    }
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_survive_the_slicer() -> Result<()> {
    check(
        "frame_line",
        [b"one\n", b"\n", b"three\n"],
        "1: 3 bytes\n2: 0 bytes\n3: 5 bytes\n",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_behind_their_length_survive_the_slicer() -> Result<()> {
    check(
        "frame_length",
        [b"\0\x03one", b"\0\0", b"\0\x05three"],
        "\0\x0a1: 3 bytes\0\x0a2: 0 bytes\0\x0a3: 5 bytes",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_eight_bytes_survive_the_slicer() -> Result<()> {
    check(
        "frame_fixed",
        [b"one     ", b"        ", b"three   "],
        "1: 3 bytes          2: 0 bytes          3: 5 bytes          ",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_reads_does_not() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let messages: [&[u8]; 3] = [b"hello, ", b"how are you ", b"today?"];
    let (session, connections) = cut_by_each_seed(&gateway, "tcp_ok", &messages).await?;
    let mut counts = Vec::new();
    for connection in connections {
        let heard = moved(&session, connection, End::Client, "read").concat();
        let arrived = moved(&session, connection, End::Server, "read");
        assert_eq!(heard, b"ok".repeat(arrived.len()), "{connection}");
        assert_eq!(arrived.concat(), messages.concat(), "{connection}");
        counts.push(arrived.len());
    }
    let is_right = |count: &usize| *count == messages.len();
    assert!(
        !counts.iter().all(is_right),
        "cut in every way, and yet three answers each time: {counts:?}"
    );
    assert!(gateway.stop().await);
    Ok(())
}
