//! The same counter served in four ways: by many clients at once, one of them slow.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use wire::event::{Operation, Worker};
use wire::session::Stats;
use wire::{Action, ConnectionId, End, Event};
use wirebook_tests::gateway::{PATIENCE, TestGateway};
use wirebook_tests::session::Session;

/// Those that serve many clients, and the one that does not.
const RIGHT: [&str; 3] = ["count_tasks", "count_poll", "count_channel"];
const WRONG: &str = "count_one";

const CLIENTS: usize = 12;

/// Waits until this connection's client has read `answer`.
async fn hears(session: &mut Session, connection: ConnectionId, answer: &str) -> Result<()> {
    session
        .when(|session| {
            let mut heard = Vec::new();
            for event in session.events() {
                if let (Some(id), End::Client, Action::Read(data)) =
                    (event.connection, event.end, &event.action)
                    && id == connection
                {
                    heard.extend_from_slice(&data.bytes);
                }
            }
            (heard == answer.as_bytes()).then_some(())
        })
        .await
        .with_context(|| format!("{connection} should have heard {answer:?}"))
}

fn accepts(connection: ConnectionId) -> impl Fn(&Event) -> bool {
    move |event| {
        event.connection == Some(connection) && matches!(event.action, Action::Accept { .. })
    }
}

/// The workers that served connections, each once.
fn workers(events: &[Event]) -> Vec<Worker> {
    let mut workers: Vec<_> = events
        .iter()
        .filter(|event| event.end == End::Server && matches!(event.action, Action::Read(_)))
        .filter_map(|event| event.worker)
        .collect();
    workers.sort_unstable();
    workers.dedup();
    workers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_client_holds_up_nobody_in_the_three_models() -> Result<()> {
    let gateway = TestGateway::start().await?;
    for lesson in RIGHT {
        let mut session = gateway.session().await?;
        session.watch(lesson).await?;
        let slow = session.open(lesson).await?;
        session.send(slow, "10").await?;
        let mut others = Vec::new();
        for _ in 1..CLIENTS {
            others.push(session.open(lesson).await?);
        }
        // One after the other, so that the totals are in order whatever the scheduler does.
        for (index, other) in others.iter().enumerate() {
            session.send(*other, "1\n").await?;
            hears(&mut session, *other, &format!("total {}\n", index + 1)).await?;
        }
        session.send(slow, "0\n").await?;
        let total = CLIENTS - 1 + 100;
        hears(&mut session, slow, &format!("total {total}\n")).await?;

        let workers = workers(&session.events());
        match lesson {
            "count_poll" => assert_eq!(workers, [Worker::Thread(1)]),
            _ => assert_eq!(workers.len(), CLIENTS, "{lesson}: {workers:?}"),
        }
    }
    gateway.settles_at(0, 0).await?;
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_sent_at_once_are_all_added_whoever_comes_first() -> Result<()> {
    const LINES: i64 = 50;

    let gateway = TestGateway::start().await?;
    for lesson in RIGHT {
        let address = gateway.server(lesson)?;
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            clients.push(tokio::spawn(async move {
                let mut stream = BufReader::new(TcpStream::connect(address).await?);
                stream.write_all("1\n".repeat(50).as_bytes()).await?;
                let mut totals = Vec::new();
                for _ in 0..LINES {
                    let mut answer = String::new();
                    stream.read_line(&mut answer).await?;
                    let total = answer.trim().strip_prefix("total ").context("a total")?;
                    totals.push(total.parse::<i64>()?);
                }
                anyhow::Ok(totals)
            }));
        }
        let mut totals = Vec::new();
        for client in clients {
            let own = client.await??;
            // A client's own answers come in the order of its lines.
            ensure!(own.is_sorted(), "{lesson}: {own:?}");
            totals.extend(own);
        }
        // Every total was told once: no addition was lost, and none was made twice.
        totals.sort_unstable();
        let expected: Vec<_> = (1..=LINES * CLIENTS as i64).collect();
        ensure!(totals == expected, "{lesson}: {totals:?}");
    }
    gateway.settles_at(0, 0).await?;
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn count_one_does_not_know_of_the_second_client_before_the_first_has_gone() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch(WRONG).await?;
    let first = session.open(WRONG).await?;
    session.send(first, "5\n").await?;
    hears(&mut session, first, "total 5\n").await?;

    // The kernel makes the connection and takes the bytes; the server is asked nothing.
    let second = session.open(WRONG).await?;
    session.send(second, "1\n").await?;
    let written = |event: &Event| {
        event.connection == Some(second)
            && event.end == End::Client
            && matches!(event.action, Action::Write(_))
    };
    session.until(written).await?;
    session.send(first, "5\n").await?;
    hears(&mut session, first, "total 5\ntotal 10\n").await?;
    assert!(!session.events().iter().any(accepts(second)));

    session.close(first).await?;
    session.until(accepts(second)).await?;
    hears(&mut session, second, "total 11\n").await?;
    assert_eq!(workers(&session.events()), [Worker::Thread(1)]);
    drop(session);
    gateway.settles_at(0, 0).await?;
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_tells_its_lines_and_what_it_waits_in() -> Result<()> {
    let gateway = TestGateway::start().await?;
    for (lesson, operation) in [
        ("count_one", Operation::Accept),
        ("count_poll", Operation::Poll),
    ] {
        let mut session = gateway.session().await?;
        session.watch(lesson).await?;
        let waits = session
            .until(|event| event.action == Action::Wait { operation })
            .await?;
        assert_eq!(waits.worker, Some(Worker::Thread(1)));
        let source = waits.source.context("the server has lines")?;
        assert_eq!(source.file, format!("native/src/lessons/{lesson}.rs"));
    }
    assert!(gateway.stop().await);
    Ok(())
}

/// Waits until the page was told stats like these.
async fn told(session: &mut Session, like: impl Fn(&Stats) -> bool) -> Result<Stats> {
    session
        .when(|session| session.stats().iter().copied().find(&like))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_told_what_serving_costs() -> Result<()> {
    let gateway = TestGateway::start().await?;
    for (lesson, alone, with_two) in [
        ("count_tasks", 1, 3),
        ("count_channel", 2, 4),
        ("count_poll", 1, 1),
        ("count_one", 1, 1),
    ] {
        let mut session = gateway.session().await?;
        session.watch(lesson).await?;
        let before = told(&mut session, |stats| stats.workers == alone)
            .await
            .context(lesson)?;
        assert_eq!(before.connections, 0, "{lesson}");
        let first = session.open(lesson).await?;
        session.send(first, "1\n").await?;
        hears(&mut session, first, "total 1\n").await?;
        if lesson == WRONG {
            let after = told(&mut session, |stats| stats.connections == 1).await?;
            assert_eq!(after.workers, 1);
            continue;
        }
        session.open(lesson).await?;
        let after = told(&mut session, |stats| stats.connections == 2)
            .await
            .context(lesson)?;
        assert_eq!(after.workers, with_two, "{lesson}");
        assert!(after.wakeups > before.wakeups, "{lesson}");
        assert_eq!(
            after.memory_bytes > before.memory_bytes,
            with_two > alone,
            "{lesson}"
        );
    }
    // Whose subject it is not, that says nothing.
    let mut session = gateway.session().await?;
    session.watch("tcp_ok").await?;
    let connection = session.open("tcp_ok").await?;
    session.send(connection, "hello").await?;
    hears(&mut session, connection, "ok").await?;
    assert_eq!(session.stats(), []);
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn stats_come_at_a_slow_pace() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("count_tasks").await?;
    let began = Instant::now();
    let connection = session.open("count_tasks").await?;
    let mut expected = String::new();
    for total in 1..=40 {
        session.send(connection, "1\n").await?;
        expected.push_str(&format!("total {total}\n"));
        hears(&mut session, connection, &expected).await?;
    }
    told(&mut session, |stats| stats.wakeups >= 40).await?;
    ensure!(began.elapsed() < PATIENCE);
    let at_most = 2 + began.elapsed().as_millis() / Duration::from_millis(500).as_millis();
    ensure!(
        session.stats().len() as u128 <= at_most,
        "{:?}",
        session.stats()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_end_with_their_gateway_whoever_is_connected() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut clients = Vec::new();
    for lesson in ["count_one", "count_poll"] {
        for _ in 0..2 {
            let mut client = BufReader::new(TcpStream::connect(gateway.server(lesson)?).await?);
            client.write_all(b"1").await?;
            clients.push(client);
        }
    }
    assert!(gateway.stop().await);
    Ok(())
}
