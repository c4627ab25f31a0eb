//! The counting programs in Go: the clients against the Rust servers, the servers in Go against two
//! clients at once.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use wirebook_tests::requirements::met;

use crate::observer::Observer;
use crate::program::{Program, go_client, go_server};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a client is watched that must not be answered.
const SILENCE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn each_client_in_go_counts_at_its_rust_server() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    for lesson in ["count_one", "count_tasks", "count_poll", "count_channel"] {
        let mut observer = Observer::of(lesson).await?;
        let address = observer.address().to_string();
        let mut client = Program::start(go_client(lesson)?, &[&address])?;
        for (typed, printed) in [
            ("5", "total 5"),
            ("five", "not a number"),
            ("-7", "total -2"),
        ] {
            client.types(&format!("{typed}\n")).await?;
            assert_eq!(client.prints().await?, printed, "{lesson}");
        }
        client.end_input();
        client.ends().await?;
        observer
            .sees(&[
                "server accept",
                "server read \"5\\n\"",
                "server write \"total 5\\n\"",
                "server write \"total -2\\n\"",
                "server end",
                "server close",
            ])
            .await?;
        observer.has_seen_an_outside_client()?;
    }
    Ok(())
}

struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(address: SocketAddr) -> Result<Self> {
        Ok(Self(BufReader::new(TcpStream::connect(address).await?)))
    }

    async fn sends(&mut self, text: &str) -> Result<()> {
        Ok(self.0.write_all(text.as_bytes()).await?)
    }

    /// Waits for the next line, which must be this.
    async fn hears(&mut self, expected: &str) -> Result<()> {
        let mut line = String::new();
        timeout(PATIENCE, self.0.read_line(&mut line))
            .await
            .context("no answer")??;
        assert_eq!(line, expected);
        Ok(())
    }
}

/// The server of `lesson` in Go on a free port, and its address.
async fn start(lesson: &str) -> Result<(Program, SocketAddr)> {
    let mut server = Program::start(go_server(lesson)?, &["127.0.0.1:0"])?;
    let line = server.prints().await?;
    let address = line
        .strip_prefix("listening on ")
        .context("it tells its address first")?
        .parse()?;
    Ok((server, address))
}

#[tokio::test]
async fn a_slow_client_holds_up_nobody_at_the_right_servers_in_go() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let mut right = vec!["count_tasks", "count_channel"];
    if cfg!(target_os = "linux") {
        // Readiness by hand takes system calls of this system.
        right.push("count_poll");
    }
    for lesson in right {
        let (_server, address) = start(lesson).await?;
        let mut slow = Client::connect(address).await?;
        slow.sends("10").await?;
        let mut other = Client::connect(address).await?;
        other.sends("5\nfive\n").await?;
        other.hears("total 5\n").await?;
        other.hears("not a number\n").await?;
        slow.sends("0\n").await?;
        slow.hears("total 105\n").await?;

        let longest = format!("{:>1023}\n", 1);
        other.sends(&longest).await?;
        other.hears("total 106\n").await?;
        other.sends(&" ".repeat(1024)).await?;
        other.hears("").await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_wrong_server_in_go_is_as_wrong() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let (_server, address) = start("count_one").await?;
    let mut first = Client::connect(address).await?;
    first.sends("5\n").await?;
    first.hears("total 5\n").await?;
    let mut second = Client::connect(address).await?;
    second.sends("1\n").await?;
    let mut line = String::new();
    let waiting = timeout(SILENCE, second.0.read_line(&mut line)).await;
    assert!(waiting.is_err(), "it was answered: {line:?}");
    drop(first);
    second.hears("total 6\n").await
}
