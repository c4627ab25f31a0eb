//! The lessons on what a client can meet and set, in Go: each program against the Rust one.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use wirebook_tests::requirements::met;

use crate::go_clients;
use crate::go_servers::{self, hear};
use crate::program::{Program, go_client, go_server};

#[tokio::test]
async fn tcp_deadline_answers_in_time_and_leaves_the_slow() -> Result<()> {
    go_servers::story("tcp_deadline", async |_, mut stream| {
        for line in ["one\n", "two\n"] {
            stream.write_all(line.as_bytes()).await.unwrap();
            hear(&mut stream, "ok\n").await;
        }
        stream.write_all(b"thr").await.unwrap();
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.unwrap();
        assert_eq!(rest, "too slow\n");
    })
    .await
}

#[tokio::test]
async fn a_client_of_tcp_deadline_is_left_when_it_says_no_more() -> Result<()> {
    go_clients::story("tcp_deadline", async |mut client, observer| {
        assert_eq!(client.prints().await?, "ok");
        assert_eq!(client.prints().await?, "too slow");
        client.ends().await?;
        observer
            .sees(&[
                "server read \"hello\\n\"",
                "server cancel read",
                "server write \"too slow\\n\"",
                "server close",
            ])
            .await
    })
    .await
}

#[tokio::test]
async fn tcp_last_word_answers_whoever_half_closes() -> Result<()> {
    go_servers::story("tcp_last_word", async |_, mut stream| {
        stream.write_all(b"last words").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "10 bytes\n");
    })
    .await
}

#[tokio::test]
async fn a_client_of_tcp_last_word_reads_after_its_own_end() -> Result<()> {
    go_clients::story("tcp_last_word", async |mut client, observer| {
        assert_eq!(client.prints().await?, "10 bytes");
        client.ends().await?;
        observer
            .sees(&[
                "server read \"last words\"",
                "server end",
                "server write \"10 bytes\\n\"",
                "server close",
            ])
            .await
    })
    .await
}

#[tokio::test]
async fn tcp_options_tells_its_own_and_sends_lines_back() -> Result<()> {
    go_servers::story("tcp_options", async |server, mut stream| {
        assert_eq!(server.prints().await.unwrap(), "no-delay: 0");
        stream.write_all(b"hel").await.unwrap();
        stream.write_all(b"lo\n").await.unwrap();
        hear(&mut stream, "hello\n").await;
    })
    .await
}

#[tokio::test]
async fn a_client_of_tcp_options_reads_back_what_it_set() -> Result<()> {
    go_clients::story("tcp_options", async |mut client, observer| {
        assert_eq!(client.prints().await?, "no-delay: 1");
        assert_eq!(client.prints().await?, "no-delay: 0");
        assert_eq!(client.prints().await?, "hello");
        client.ends().await?;
        // The option was the client's: at the server nothing has changed.
        observer
            .sees(&["server option no-delay", "server read \"hello\\n\""])
            .await
    })
    .await
}

#[tokio::test]
async fn tcp_source_pours_when_told_to_and_waits_for_room() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let (mut server, address) = go_servers::start("tcp_source").await?;
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut stream = socket.connect(address).await?;
    stream.write_all(b"go").await?;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await?;
    assert_eq!(rest.len(), 256 * 1024);
    assert_eq!(server.prints().await?, "262144 bytes written");
    Ok(())
}

#[tokio::test]
async fn a_client_of_tcp_source_lets_it_wait() -> Result<()> {
    go_clients::story("tcp_source", async |mut client, observer| {
        assert_eq!(client.prints().await?, "262144 bytes read");
        client.ends().await?;
        observer
            .sees(&["server read \"go\"", "server wait write", "server close"])
            .await
    })
    .await
}

/// Runs the client of a lesson whose server takes no connection; what it prints.
async fn fails_at(lesson: &str) -> Result<String> {
    let gateway = wirebook_tests::gateway::TestGateway::start().await?;
    let address = gateway.server(lesson)?.to_string();
    let mut client = Program::start(go_client(lesson)?, &[&address])?;
    let line = client.prints().await?;
    client.ends().await?;
    Ok(line)
}

/// Starts the server of a lesson that only holds a port.
async fn holding(lesson: &str) -> Result<(Program, SocketAddr)> {
    let mut server = Program::start(go_server(lesson)?, &["127.0.0.1:0"])?;
    let line = server.prints().await?;
    let address = line.strip_prefix("holding ").context("it says what")?;
    Ok((server, address.parse()?))
}

#[tokio::test]
async fn tcp_refused_refuses_whichever_program_asks() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    assert_eq!(fails_at("tcp_refused").await?, "refused");
    let (_server, address) = holding("tcp_refused").await?;
    let error = TcpStream::connect(address).await.err();
    let kind = error.map(|error| error.kind());
    assert_eq!(kind, Some(std::io::ErrorKind::ConnectionRefused));
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn tcp_full_answers_no_program() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let line = fails_at("tcp_full").await?;
    assert_eq!(line, "no connection in two seconds");
    let (_server, address) = holding("tcp_full").await?;
    let connecting = TcpStream::connect(address);
    let patience = std::time::Duration::from_millis(500);
    let connected = tokio::time::timeout(patience, connecting).await;
    assert!(connected.is_err(), "{connected:?}");
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn unix_echo_sends_all_back_over_a_path() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("echo.sock");
    let path = path.to_str().context("a path in UTF-8")?;
    let mut server = Program::start(go_server("unix_echo")?, &[path])?;
    assert_eq!(server.prints().await?, format!("listening on {path}"));
    let mut stream = tokio::net::UnixStream::connect(path).await?;
    stream.write_all(b"hello").await?;
    stream.shutdown().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    assert_eq!(answer, "hello");
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn a_client_of_unix_echo_gets_back_what_it_says() -> Result<()> {
    use wire::{Action, Address};

    if !met("go") {
        return Ok(());
    }
    let gateway = wirebook_tests::gateway::TestGateway::start().await?;
    let mut servers = gateway.servers().iter();
    let server = servers.find(|server| server.lesson == "unix_echo");
    let Some(Address::Unix(path)) = server.map(|server| &server.address) else {
        anyhow::bail!("unix_echo has no path");
    };
    let mut session = gateway.session().await?;
    session.watch("unix_echo").await?;
    let mut client = Program::start(go_client("unix_echo")?, &[path])?;
    client.types("hello\n").await?;
    assert_eq!(client.prints().await?, "hello");
    client.end_input();
    client.ends().await?;
    session
        .until(|event| event.action == Action::EndOfStream)
        .await?;
    Ok(())
}
