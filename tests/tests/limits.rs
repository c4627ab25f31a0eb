//! Every limit is reached once, and what happens then is what was promised.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use wire::session::{Asked, MAX_FRAME_BYTES, MAX_SEND_BYTES, VERSION, close};
use wire::{End, ToGateway, ToPage};
use wirebook_tests::gateway::{Answer, TestGateway};
use wirebook_tests::session::{self, close_code};

/// RFC 6455, 7.4.1: message too big.
const TOO_BIG: u16 = 1009;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_the_largest_size_passes_and_a_larger_one_does_not() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_echo").await?;
    session.send(id, vec![b'x'; MAX_SEND_BYTES]).await?;
    let echoed = |events: Vec<wire::Event>| -> usize {
        let read = events.iter().filter(|event| event.end == End::Client);
        let read = read.filter(|event| event.action.verb() == "read");
        read.filter_map(|event| event.data())
            .map(|data| data.bytes.len())
            .sum()
    };
    session
        .when(|session| (echoed(session.events()) == MAX_SEND_BYTES).then_some(()))
        .await?;

    let large = Message::Binary(vec![0; MAX_FRAME_BYTES + 1].into());
    session.socket().send(large).await?;
    assert_eq!(close_code(session.socket()).await?, Some(TOO_BIG));
    gateway.settles_at(0, 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_says_nothing_is_let_go() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut socket = session::connect(gateway.address()).await?;
    let start = Instant::now();
    assert_eq!(close_code(&mut socket).await?, Some(close::NO_HELLO));
    assert!(start.elapsed() > gateway.limits().hello - Duration::from_secs(1));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_hello_ends_the_session() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let ping = [ToGateway::Ping { nonce: 1 }];
    let mut socket = session::connect(gateway.address()).await?;
    session::say(&mut socket, &ping).await?;
    assert_eq!(close_code(&mut socket).await?, Some(close::NO_HELLO));
    for frame in [
        Message::Binary(Vec::new().into()),
        Message::Binary(vec![0xff; 64].into()),
        Message::Text("hello".into()),
    ] {
        let mut socket = session::connect(gateway.address()).await?;
        socket.send(frame).await?;
        assert_eq!(close_code(&mut socket).await?, Some(close::NO_HELLO));
    }

    let mut session = gateway.session().await?;
    session
        .socket()
        .send(Message::Binary(vec![0xff; 64].into()))
        .await?;
    assert_eq!(close_code(session.socket()).await?, Some(close::MALFORMED));
    let mut session = gateway.session().await?;
    let token = gateway.token()?;
    session
        .say(&[ToGateway::Hello {
            version: VERSION,
            token,
        }])
        .await?;
    assert_eq!(close_code(session.socket()).await?, Some(close::MALFORMED));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_page_too_many_is_told_so() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut sessions = Vec::new();
    for _ in 0..gateway.limits().sessions {
        sessions.push(gateway.session().await?);
    }
    let mut socket = session::connect(gateway.address()).await?;
    let hello = ToGateway::Hello {
        version: VERSION,
        token: gateway.token()?,
    };
    session::say(&mut socket, &[hello]).await?;
    assert_eq!(
        close_code(&mut socket).await?,
        Some(close::TOO_MANY_SESSIONS)
    );

    sessions.pop();
    gateway.settles_at(gateway.limits().sessions - 1, 0).await?;
    gateway.session().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_told_so() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let mut ids = Vec::new();
    for _ in 0..gateway.limits().connections_per_session {
        ids.push(session.open("tcp_silent").await?);
    }
    let Err(refused) = session.try_open("tcp_silent").await? else {
        anyhow::bail!("one more was opened");
    };
    assert!(refused.why.contains("32"), "{}", refused.why);

    session.close(ids[0]).await?;
    session
        .until(|event| event.connection == Some(ids[0]) && event.action.verb() == "close")
        .await?;
    session.open("tcp_silent").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_fast_is_answered_later_and_completely() -> Result<()> {
    const ASKED: u32 = 400;
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let start = Instant::now();
    let pings: Vec<_> = (0..ASKED).map(|nonce| ToGateway::Ping { nonce }).collect();
    session.say(&pings).await?;
    let mut answered = Vec::new();
    while answered.len() < ASKED as usize {
        match session
            .socket()
            .next()
            .await
            .context("the session ended")??
        {
            Message::Binary(frame) => answered.extend(ToPage::decode(&frame)?),
            _ => continue,
        }
    }
    let in_order = (0..ASKED).map(|nonce| ToPage::Pong { nonce });
    assert!(answered.into_iter().eq(in_order));
    // 200 at once and 100 in each second.
    assert!(
        start.elapsed() > Duration::from_millis(1_900),
        "{:?}",
        start.elapsed()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_read_holds_a_bounded_amount() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_echo").await?;
    // What comes back is not taken, so that after a while nothing is taken from this page either.
    let chunk = ToGateway::Send {
        connection: id,
        bytes: vec![7; MAX_SEND_BYTES],
    };
    let mut frame = Vec::new();
    chunk.encode(&mut frame);
    let message = Message::Binary(frame.into());
    let flood = async {
        loop {
            session.socket().send(message.clone()).await?;
        }
    };
    let result: Result<Result<()>, _> =
        tokio::time::timeout(gateway.limits().write * 2, flood).await;
    assert!(
        result.is_ok_and(|ended| ended.is_err()),
        "the gateway ends it"
    );
    gateway.settles_at(0, 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_head_is_not_awaited() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut stream = TcpStream::connect(gateway.address()).await?;
    let start = Instant::now();
    // A byte at a time, for longer than a head may take.
    let trickle = async {
        for byte in "GET / HTTP/1.1\r\nHost: "
            .bytes()
            .chain(std::iter::repeat(b'x'))
        {
            if stream.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(gateway.limits().http_head * 2, trickle).await?;
    let elapsed = start.elapsed();
    assert!(
        elapsed > gateway.limits().http_head - Duration::from_secs(1),
        "{elapsed:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_head_is_refused() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let address = gateway.address();
    let many: String = (0..gateway.limits().http_head_fields)
        .map(|index| format!("X-{index}: 1\r\n"))
        .collect();
    let requests = [
        format!("GET / HTTP/1.1\r\nHost: {address}\r\n{many}\r\n"),
        format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\n{}\r\n",
            "X: 1\r\n".repeat(10_000)
        ),
        format!(
            "GET / HTTP/1.1\r\nHost: {address}\r\nX: {}\r\n\r\n",
            "x".repeat(20_000_000)
        ),
        format!(
            "GET /{} HTTP/1.1\r\nHost: {address}\r\n\r\n",
            "x".repeat(100_000)
        ),
    ];
    for request in requests {
        let answer = gateway.ask(&request).await?;
        // If it ends the connection while it is still written to, the answer may be lost.
        let status = answer.status();
        assert!(matches!(status, None | Some(414 | 431)), "{status:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn contradicting_lengths_are_refused() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let address = gateway.address();
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: -1\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: {address}\r\n{fields}\r\nhello");
        let status = gateway.ask(request).await?.status();
        assert_eq!(status, Some(400), "{fields}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_storm_it_is_quiet_again() -> Result<()> {
    let gateway = TestGateway::start().await?;
    for _ in 0..4 {
        let mut sessions = Vec::new();
        for _ in 0..16 {
            let mut session = gateway.session().await?;
            for lesson in ["tcp_ok", "tcp_echo", "udp_echo", "tcp_line"] {
                session.watch(lesson).await?;
                let id = session.open(lesson).await?;
                session.send(id, "storm\n").await?;
            }
            sessions.push(session);
        }
        // Some leave in order, some just go.
        for mut session in sessions.drain(..8) {
            session.socket().close(None).await?;
        }
    }
    gateway.settles_at(0, 0).await?;
    let mut session = gateway.session().await?;
    session.watch("nothing").await?;
    session.refused(Asked::Watch).await?;
    let mut stream = TcpStream::connect(gateway.address()).await?;
    stream.write_all(b"nonsense\r\n\r\n").await?;
    assert_eq!(Answer::read(&mut stream).await?.status(), Some(400));
    assert!(gateway.stop().await);
    Ok(())
}
