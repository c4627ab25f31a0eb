//! The servers in Go: each behaves as the Rust one of its lesson does.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use wirebook_tests::requirements::met;

use crate::program::{Program, go_server};

/// How long a story may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The server of `lesson` on a free port, and its address.
pub(crate) async fn start(lesson: &str) -> Result<(Program, SocketAddr)> {
    let mut server = Program::start(go_server(lesson)?, &["127.0.0.1:0"])?;
    let line = server.prints().await?;
    let address = line
        .strip_prefix("listening on ")
        .context("it tells its address first")?
        .parse()?;
    Ok((server, address))
}

/// Tells `story` on a connection to the server of `lesson`.
pub(crate) async fn story(
    lesson: &str,
    story: impl AsyncFnOnce(&mut Program, TcpStream),
) -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let (mut server, address) = start(lesson).await?;
    let stream = TcpStream::connect(address).await?;
    timeout(PATIENCE, story(&mut server, stream))
        .await
        .context("the server did not answer in time")
}

pub(crate) async fn hear(stream: &mut TcpStream, expected: &str) {
    let mut heard = vec![0; expected.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), expected);
}

#[tokio::test]
async fn tcp_ok_answers_every_read_and_ends_with_the_client() -> Result<()> {
    story("tcp_ok", async |server, mut stream| {
        for text in ["hello", "how are you?"] {
            stream.write_all(text.as_bytes()).await.unwrap();
            hear(&mut stream, "ok").await;
            assert_eq!(server.prints().await.unwrap(), format!("{text:?}"));
        }
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await
}

#[tokio::test]
async fn tcp_line_answers_once_the_line_has_ended_and_closes() -> Result<()> {
    story("tcp_line", async |server, mut stream| {
        stream.write_all(b"Hello, ").await.unwrap();
        stream.write_all(b"server!\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "Hello, client!");
        assert_eq!(server.prints().await.unwrap(), r#""Hello, server!\n""#);
    })
    .await
}

#[tokio::test]
async fn tcp_line_does_not_answer_a_line_that_never_ends() -> Result<()> {
    story("tcp_line", async |_, mut stream| {
        stream.write_all(b"Hello, server!").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "");
    })
    .await
}

#[tokio::test]
async fn tcp_silent_reads_and_only_ever_closes() -> Result<()> {
    story("tcp_silent", async |server, mut stream| {
        stream.write_all(b"Are you there?").await.unwrap();
        assert_eq!(server.prints().await.unwrap(), r#""Are you there?""#);
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await
}

#[tokio::test]
async fn tcp_echo_sends_all_back_and_ends_after_the_half_close() -> Result<()> {
    story("tcp_echo", async |_, mut stream| {
        stream.write_all(b"hello").await.unwrap();
        hear(&mut stream, "hello").await;
        stream.write_all(b"good bye").await.unwrap();
        stream.shutdown().await.unwrap();
        hear(&mut stream, "good bye").await;
        assert_eq!(stream.read(&mut [0; 8]).await.unwrap(), 0);
    })
    .await
}

#[tokio::test]
async fn udp_echo_sends_each_datagram_back_even_an_empty_one() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let (_server, address) = start("udp_echo").await?;
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(address).await?;
    let mut buffer = vec![0; 65_536];
    for datagram in [&b"hello"[..], b"", &[b'x'; 60_000]] {
        socket.send(datagram).await?;
        let length = timeout(PATIENCE, socket.recv(&mut buffer)).await??;
        assert!(buffer[..length] == *datagram, "{length} bytes came back");
    }
    Ok(())
}
