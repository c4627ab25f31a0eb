//! What several limits do together; each one alone is in `limits_session.rs`,
//! `limits_connection.rs` and `limits_http.rs`.

use anyhow::Result;
use futures_util::SinkExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use wire::ToGateway;
use wire::session::{Asked, MAX_SEND_BYTES, VERSION, close};
use wirebook_tests::gateway::{Answer, PATIENCE, TestGateway};
use wirebook_tests::session::{self, close_code};

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
async fn a_server_that_does_not_read_holds_a_bounded_amount() -> Result<()> {
    let gateway = TestGateway::start_with(|limits| limits.write = PATIENCE / 20).await?;
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
    let result: Result<Result<()>, _> = tokio::time::timeout(PATIENCE, flood).await;
    assert!(
        result.is_ok_and(|ended| ended.is_err()),
        "the gateway ends it"
    );
    gateway.settles_at(0, 0).await
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
