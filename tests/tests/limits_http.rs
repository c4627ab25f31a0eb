//! Each limit of HTTP, just below it and just above.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wirebook_tests::gateway::{Answer, PATIENCE, TestGateway};

/// Reads one response without a body of more than its head says.
async fn status(stream: &mut TcpStream) -> Result<u16> {
    let mut head = Vec::new();
    while !head.ends_with(b"ok\n") {
        let byte = tokio::time::timeout(PATIENCE, stream.read_u8()).await??;
        head.push(byte);
    }
    let head = String::from_utf8(head)?;
    Ok(head.split(' ').nth(1).context("a status")?.parse()?)
}

fn healthz(gateway: &TestGateway) -> String {
    format!(
        "GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n",
        gateway.address()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_head_is_not_awaited() -> Result<()> {
    const TIME: Duration = Duration::from_secs(1);
    let gateway = TestGateway::start_with(|limits| limits.http_head = TIME).await?;
    let start = Instant::now();
    let mut stream = TcpStream::connect(gateway.address()).await?;
    // A byte at a time, for longer than a head may take.
    let trickle = async {
        let head = "GET / HTTP/1.1\r\nHost: ".bytes();
        for byte in head.chain(std::iter::repeat(b'x')) {
            if stream.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, trickle).await?;
    assert!(start.elapsed() >= TIME, "{:?}", start.elapsed());
    assert_eq!(gateway.get("/", "").await?.status(), Some(200));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_of_the_largest_size_is_read_and_a_larger_one_is_refused() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let (bytes, host) = (gateway.limits().http_head_bytes, gateway.address());
    let head_of = |length: usize| {
        let rest =
            format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nX: \r\n\r\n");
        let filling = "x".repeat(length - rest.len());
        rest.replace("X: ", &format!("X: {filling}"))
    };
    assert_eq!(head_of(bytes).len(), bytes);
    assert_eq!(gateway.ask(head_of(bytes - 1)).await?.status(), Some(200));
    for too_large in [
        head_of(bytes + 1),
        head_of(20_000_000),
        format!(
            "GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n",
            "x".repeat(100_000)
        ),
    ] {
        // If the connection is ended while it is still written to, the answer may be lost.
        let status = gateway.ask(too_large).await?.status();
        assert!(matches!(status, None | Some(414 | 431)), "{status:?}");
    }
    assert_eq!(gateway.get("/", "").await?.status(), Some(200));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_of_the_most_fields_is_read_and_one_more_is_refused() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let most = gateway.limits().http_head_fields;
    for (fields, expected) in [(most, 200), (most + 1, 431)] {
        // `get` says two itself.
        let more: String = (2..fields)
            .map(|index| format!("X-{index}: 1\r\n"))
            .collect();
        let answer = gateway.get("/", &more).await?;
        assert_eq!(answer.status(), Some(expected), "{fields} fields");
    }
    let answer = gateway.get("/", &"X: 1\r\n".repeat(10_000)).await?;
    assert!(
        matches!(answer.status(), None | Some(431)),
        "{:?}",
        answer.status()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_http_connection_too_many_waits_until_there_is_room() -> Result<()> {
    let gateway = TestGateway::start_with(|limits| {
        limits.http_connections = 2;
        limits.http_head = 2 * PATIENCE;
    })
    .await?;
    let mut stay = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(gateway.address()).await?;
        stream.write_all(healthz(&gateway).as_bytes()).await?;
        assert_eq!(status(&mut stream).await?, 200);
        stay.push(stream);
    }
    let mut third = TcpStream::connect(gateway.address()).await?;
    third.write_all(healthz(&gateway).as_bytes()).await?;
    {
        let early = tokio::time::timeout(Duration::from_millis(200), third.readable());
        assert!(early.await.is_err(), "it was answered");
    }
    // The two are served as before.
    stay[1].write_all(healthz(&gateway).as_bytes()).await?;
    assert_eq!(status(&mut stay[1]).await?, 200);
    stay.pop();
    assert_eq!(status(&mut third).await?, 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_no_http_connection() -> Result<()> {
    let gateway = TestGateway::start_with(|limits| limits.http_connections = 1).await?;
    let _sessions = [gateway.session().await?, gateway.session().await?];
    assert_eq!(gateway.get("/", "").await?.status(), Some(200));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_http_connection_ends_and_not_in_the_middle_of_an_answer() -> Result<()> {
    const TIME: Duration = Duration::from_secs(1);
    let gateway = TestGateway::start_with(|limits| {
        limits.http_connection = TIME;
        limits.http_head = 2 * PATIENCE;
    })
    .await?;
    let start = Instant::now();
    let mut stream = TcpStream::connect(gateway.address()).await?;
    stream.write_all(healthz(&gateway).as_bytes()).await?;
    assert_eq!(status(&mut stream).await?, 200);
    // Quiet since then, and ended by the gateway, without a word that would be no answer.
    let rest = tokio::time::timeout(PATIENCE, Answer::read(&mut stream)).await??;
    assert_eq!(rest.head(), "");
    assert!(start.elapsed() >= TIME, "{:?}", start.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_its_last_answer_gives_its_place_to_the_next() -> Result<()> {
    const TIME: Duration = Duration::from_millis(300);
    let gateway = TestGateway::start_with(|limits| {
        limits.http_connections = 1;
        limits.http_connection = TIME;
        limits.http_last_response = TIME;
    })
    .await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let start = Instant::now();
        let mut stuck = TcpStream::connect(gateway.address()).await?;
        // More answers than the kernel keeps, and none is read.
        let requests = healthz(&gateway).repeat(1_000);
        let asking = async { while stuck.write_all(requests.as_bytes()).await.is_ok() {} };
        let (asked, answer) = tokio::join!(
            tokio::time::timeout(PATIENCE, asking),
            gateway.get("/healthz", "")
        );
        asked.context("it could ask for ever")?;
        assert_eq!(answer?.status(), Some(200));
        // On a busy machine its time may be over before it is stuck: then it ends at once.
        if start.elapsed() >= 2 * TIME {
            return Ok(());
        }
        assert!(
            Instant::now() < deadline,
            "it has no time for its last answer"
        );
    }
}
