//! What a reader has in the terminal anyway: `nc` and Python.

use anyhow::{Context, Result};
use wirebook_tests::requirements::met;

use crate::observer::Observer;
use crate::program::Program;

/// Connects over TCP, says its own address, talks, and half-closes.
const PYTHON_TCP: &str = r#"
import socket, sys
connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
host, port = connection.getsockname()
print(f"{host}:{port}", flush=True)
connection.sendall(b"from Python")
connection.shutdown(socket.SHUT_WR)
answer = b""
while piece := connection.recv(1024):
    answer += piece
print(answer.decode())
"#;

/// Sends datagrams, an empty one and a large one among them.
const PYTHON_UDP: &str = r#"
import socket, sys
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.settimeout(20)
peer.connect(("127.0.0.1", int(sys.argv[1])))
host, port = peer.getsockname()
print(f"{host}:{port}", flush=True)
for datagram in (b"from Python", b"", b"x" * 20000, b"last"):
    peer.send(datagram)
    echo = peer.recv(65536)
    assert echo == datagram, (len(datagram), len(echo))
print("all came back")
"#;

#[tokio::test]
async fn nc_gets_its_ok_and_is_seen() -> Result<()> {
    if !met("nc") {
        return Ok(());
    }
    let mut observer = Observer::of("tcp_ok").await?;
    // -N: half-close at the end of its input, so that the server closes and nc ends.
    let port = observer.address().port().to_string();
    let mut nc = Program::start("nc", &["-N", "127.0.0.1", &port])?;
    nc.types("hello\n").await?;
    observer
        .sees(&[
            "server accept",
            "server read \"hello\\n\"",
            "server write \"ok\"",
        ])
        .await?;
    nc.end_input();
    assert_eq!(nc.prints().await?, "ok");
    nc.ends().await?;
    observer.sees(&["server end", "server close"]).await?;
    observer.has_seen_an_outside_client()
}

#[tokio::test]
async fn nc_waits_for_an_answer_until_its_line_has_ended() -> Result<()> {
    if !met("nc") {
        return Ok(());
    }
    let mut observer = Observer::of("tcp_line").await?;
    let port = observer.address().port().to_string();
    let mut nc = Program::start("nc", &["127.0.0.1", &port])?;
    nc.types("Hello, server!").await?;
    observer
        .sees(&[
            "server accept",
            "server read \"Hello, server!\"",
            "server wait read",
        ])
        .await?;
    nc.types("\n").await?;
    observer.sees(&["server close"]).await?;
    nc.end_input();
    assert_eq!(nc.prints().await?, "Hello, client!");
    nc.ends().await?;
    observer.has_seen_an_outside_client()
}

#[tokio::test]
async fn nc_speaks_udp_too() -> Result<()> {
    if !met("nc") {
        return Ok(());
    }
    let mut observer = Observer::of("udp_echo").await?;
    let port = observer.address().port().to_string();
    let mut nc = Program::start("nc", &["-u", "127.0.0.1", &port])?;
    nc.types("hello\n").await?;
    assert_eq!(nc.prints().await?, "hello");
    observer
        .sees(&["server receive \"hello\\n\"", "server send \"hello\\n\""])
        .await?;
    observer.has_seen_an_outside_client()
}

#[tokio::test]
async fn a_python_socket_is_named_by_its_own_address() -> Result<()> {
    if !met("python") {
        return Ok(());
    }
    let mut observer = Observer::of("tcp_echo").await?;
    let port = observer.address().port().to_string();
    let mut python = Program::start("python3", &["-c", PYTHON_TCP, &port])?;
    let local = python.prints().await?;
    assert_eq!(python.prints().await?, "from Python");
    python.ends().await?;
    observer
        .sees(&[
            "server accept",
            "server write \"from Python\"",
            "server end",
            "server close",
        ])
        .await?;
    observer.has_seen(local.parse().context("an address")?)
}

#[tokio::test]
async fn a_python_datagram_is_named_by_its_senders_address() -> Result<()> {
    if !met("python") {
        return Ok(());
    }
    let mut observer = Observer::of("udp_echo").await?;
    let port = observer.address().port().to_string();
    let mut python = Program::start("python3", &["-c", PYTHON_UDP, &port])?;
    let local = python.prints().await?;
    assert_eq!(python.prints().await?, "all came back");
    python.ends().await?;
    observer
        .sees(&["server receive \"from Python\"", "server send \"last\""])
        .await?;
    observer.has_seen(local.parse().context("an address")?)
}
