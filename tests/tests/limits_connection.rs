//! Each limit of a lesson's connections, just below it and just above.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wire::event::{Failure, SocketOption};
use wire::session::{Asked, MAX_SEND_BYTES, Refused};
use wire::{Action, ConnectionId, Data, End};
use wirebook_tests::gateway::{PATIENCE, TestGateway};
use wirebook_tests::session::Session;

/// Opens a connection to `tcp_ok` and hears its answer.
async fn works(session: &mut Session) -> Result<ConnectionId> {
    let id = session.open("tcp_ok").await?;
    session.send(id, "well?").await?;
    session
        .until(|event| {
            event.connection == Some(id)
                && event.end == End::Client
                && event.action == Action::Read(Data::whole("ok"))
        })
        .await?;
    Ok(id)
}

/// Closes a connection; returns when its client has.
async fn close(session: &mut Session, id: ConnectionId) -> Result<()> {
    session.close(id).await?;
    session
        .until(|event| {
            event.connection == Some(id)
                && event.end == End::Client
                && event.action.verb() == "close"
        })
        .await?;
    Ok(())
}

async fn refusal(session: &mut Session, lesson: &str) -> Result<String> {
    match session.try_open(lesson).await? {
        Err(Refused { why, .. }) => Ok(why),
        Ok(id) => anyhow::bail!("{id} was opened"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_told_so() -> Result<()> {
    let gateway = TestGateway::start_with(|limits| limits.connections_per_session = 2).await?;
    let mut session = gateway.session().await?;
    let first = works(&mut session).await?;
    session.open("udp_echo").await?;
    let why = refusal(&mut session, "tcp_ok").await?;
    assert!(why.contains("2 connections"), "{why}");

    // Another page has its own.
    works(&mut gateway.session().await?).await?;
    close(&mut session, first).await?;
    works(&mut session).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_together_have_so_many_and_another_program_waits_for_its_turn() -> Result<()> {
    let gateway = TestGateway::start_with(|limits| limits.connections = 3).await?;
    let (mut one, mut other) = (gateway.session().await?, gateway.session().await?);
    let mut last = works(&mut one).await?;
    works(&mut one).await?;
    works(&mut other).await?;
    // Servers that wait for a client have taken nothing from these.
    gateway.settles_at(2, 3).await?;
    for session in [&mut one, &mut other] {
        for lesson in ["tcp_ok", "tcp_echo", "udp_echo"] {
            let why = refusal(session, lesson).await?;
            assert!(why.contains("3 connections"), "{why}");
        }
    }

    let mut outside = TcpStream::connect(gateway.server("tcp_ok")?).await?;
    outside.write_all(b"is there room?").await?;
    let mut answer = [0; 2];
    {
        let early =
            tokio::time::timeout(Duration::from_millis(200), outside.read_exact(&mut answer));
        assert!(early.await.is_err(), "it was accepted");
    }
    close(&mut one, last).await?;
    tokio::time::timeout(PATIENCE, outside.read_exact(&mut answer)).await??;
    assert_eq!(&answer, b"ok");
    let why = refusal(&mut one, "tcp_ok").await?;
    assert!(why.contains("3 connections"), "{why}");
    drop(outside);
    gateway.settles_at(2, 2).await?;
    last = works(&mut one).await?;
    close(&mut one, last).await
}

/// Sends bytes and says whether that was refused.
async fn is_refused(session: &mut Session, id: ConnectionId, byte_count: usize) -> Result<bool> {
    let before = session.refusals().len();
    session.send(id, vec![7; byte_count]).await?;
    session.answered().await?;
    match &session.refusals()[before..] {
        [] => Ok(false),
        [refused] => {
            assert_eq!(refused.what, Asked::Connection(id));
            assert!(refused.why.contains("too much waiting"), "{}", refused.why);
            Ok(true)
        }
        more => anyhow::bail!("{more:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_server_is_bounded_by_connection_and_by_session() -> Result<()> {
    const EACH: usize = 64 * 1024;
    let gateway = TestGateway::start_with(|limits| {
        limits.held_bytes_per_connection = EACH;
        limits.held_bytes_per_session = 2 * EACH;
        limits.connect = 2 * PATIENCE;
        limits.last_writes = Duration::from_millis(100);
    })
    .await?;
    let mut session = gateway.session().await?;
    // Its server never accepts, so that everything waits.
    let mut full = Vec::new();
    for _ in 0..2 {
        let id = session.open("tcp_full").await?;
        assert!(!is_refused(&mut session, id, MAX_SEND_BYTES).await?);
        assert!(!is_refused(&mut session, id, EACH - MAX_SEND_BYTES).await?);
        assert!(is_refused(&mut session, id, 1).await?, "{id} holds more");
        full.push(id);
    }
    let third = session.open("tcp_full").await?;
    assert!(
        is_refused(&mut session, third, 1).await?,
        "the session holds more"
    );
    // It is the session's limit, nobody else's.
    works(&mut gateway.session().await?).await?;

    close(&mut session, full[0]).await?;
    let room = async {
        // The room is given back a moment after the close was observed.
        while is_refused(&mut session, third, 1).await? {}
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, room).await??;
    works(&mut session).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_commands_wait_and_a_close_gets_through() -> Result<()> {
    const MOST: usize = 8;
    let gateway = TestGateway::start_with(|limits| {
        limits.held_commands = MOST;
        limits.connect = 2 * PATIENCE;
        limits.last_writes = Duration::from_millis(100);
    })
    .await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_full").await?;
    for _ in 0..MOST {
        assert!(!is_refused(&mut session, id, 1).await?);
    }
    assert!(is_refused(&mut session, id, 1).await?);
    session.half_close(id).await?;
    session
        .when(|session| (session.refusals().len() == 2).then_some(()))
        .await?;
    close(&mut session, id).await?;
    works(&mut session).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_gets_so_many_options_at_once() -> Result<()> {
    const MOST: usize = 16;
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let options = |count| vec![(SocketOption::KeepAlive, 1); count];
    let opened = session.try_open_with("tcp_ok", options(MOST)).await?;
    let id = opened.ok().context("it was refused")?;
    let set = |session: &Session| {
        let of_it = session.observed().iter();
        of_it
            .filter(|event| event.connection == Some(id) && event.action.verb() == "option")
            .count()
    };
    session
        .when(|session| (set(session) == MOST).then_some(()))
        .await?;
    let more = session.try_open_with("tcp_ok", options(MOST + 1)).await?;
    let why = more.err().context("it was opened")?.why;
    assert!(why.contains("16 options"), "{why}");
    works(&mut session).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connect_without_an_answer_is_given_up() -> Result<()> {
    let gateway =
        TestGateway::start_with(|limits| limits.connect = Duration::from_millis(300)).await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_full").await?;
    let event = session
        .until(|event| event.connection == Some(id) && event.action.verb() == "error")
        .await?;
    let Action::Error { kind, message, .. } = event.action else {
        anyhow::bail!("{event:?}");
    };
    assert_eq!(kind, Failure::TimedOut);
    assert!(message.contains("300 ms"), "{message}");
    works(&mut session).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_on_which_nothing_moves_is_closed_and_told() -> Result<()> {
    const IDLE: Duration = Duration::from_secs(2);
    let gateway = TestGateway::start_with(|limits| limits.idle_connection = IDLE).await?;
    let mut session = gateway.session().await?;
    let mut idle = Vec::new();
    for lesson in ["tcp_silent", "unix_echo", "udp_echo", "udp_reliable"] {
        idle.push(session.open(lesson).await?);
    }
    let busy = session.open("tcp_echo").await?;
    for id in idle {
        loop {
            // Something moves here all the time.
            let before = session.observed().len();
            session.send(busy, "x").await?;
            session
                .when(|session| (session.observed().len() > before).then_some(()))
                .await?;
            let told = session.refusals().iter();
            let mut told = told.filter(|refused| refused.what == Asked::Connection(id));
            if let Some(refused) = told.next() {
                assert!(refused.why.contains("2 seconds"), "{}", refused.why);
                break;
            }
        }
    }
    let is_busys = |refused: &Refused| refused.what == Asked::Connection(busy);
    assert!(!session.refusals().iter().any(is_busys));
    works(&mut session).await?;
    Ok(())
}
