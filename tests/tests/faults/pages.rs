//! A page is killed, stopped or reset, in the middle of whatever it does.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use socket2::SockRef;
use tokio::io::AsyncWriteExt as _;
use wire::ConnectionId;
use wirebook_tests::gateway::PATIENCE;
use wirebook_tests::serving::{Process, Serving};
use wirebook_tests::session::Session;

use super::echoes;

/// A page in a process of its own; ended with its value.
struct Page(Child);

impl Page {
    /// Starts it and waits until it does this.
    fn that_does(what: &str, serving: &Serving) -> Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_page"))
            .arg(serving.address()?.to_string())
            .arg(what)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take().context("stdin is piped")?;
        writeln!(stdin, "{}", serving.token()?)?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let page = Self(child);
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        ensure!(line == "ready\n", "the page ended early");
        Ok(page)
    }

    fn process(&self) -> Process {
        Process(self.0.id())
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A page that is there all the time, and what the program is like with it alone.
struct Witness {
    serving: Serving,
    page: Session,
    echo: ConnectionId,
    idle: usize,
}

impl Witness {
    async fn of(serving: Serving) -> Result<Self> {
        let mut page = serving.session().await?;
        let echo = page.open("tcp_echo").await?;
        echoes(&mut page, echo, "at first").await?;
        // A server that is a thread begins when it begins, and only then has all it needs.
        let counter = page.open("count_poll").await?;
        page.send(counter, "1\n").await?;
        page.until(|event| event.connection == Some(counter) && event.action.verb() == "read")
            .await?;
        Ok(Self {
            idle: serving.process().descriptors()?,
            serving,
            page,
            echo,
        })
    }

    /// The other page is served as if nothing had happened.
    async fn sees_nothing(&mut self) -> Result<()> {
        echoes(&mut self.page, self.echo, "all the time").await
    }

    /// All that another page had is closed.
    async fn is_alone_again(&mut self) -> Result<()> {
        let process = self.serving.process();
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.sees_nothing().await?;
            let descriptors = process.descriptors()?;
            if descriptors <= self.idle {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{descriptors} descriptors are open, and were {} before",
                self.idle
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_killed_in_the_middle() -> Result<()> {
    let mut witness = Witness::of(Serving::start()?).await?;
    for what in ["rest", "half-a-message", "upload", "download"] {
        let page = Page::that_does(what, &witness.serving)?;
        witness.sees_nothing().await?;
        page.process().signal("KILL")?;
        witness.is_alone_again().await.context(what.to_owned())?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_resets_its_socket_in_the_middle_of_a_message() -> Result<()> {
    let mut witness = Witness::of(Serving::start()?).await?;
    let mut page = witness.serving.session().await?;
    let id = page.open("tcp_source").await?;
    page.send(id, "begin").await?;
    page.until(|event| event.connection == Some(id) && event.action.verb() == "read")
        .await?;
    let stream = page.socket().get_mut();
    // The head of a frame of 60,000 bytes, and not one of them.
    stream.write_all(&[0x82, 0xfe, 0xea, 0x60]).await?;
    SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
    drop(page);
    witness.is_alone_again().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_stands_still_is_let_go_and_holds_little() -> Result<()> {
    /// More than a queue, a WebSocket's buffer and what else is held for one page.
    const MOST: usize = 16 * 1024 * 1024;
    let options = ["--write-secs", "1", "--dead-page-secs", "4"];
    let mut witness = Witness::of(Serving::start_with_options(&options)?).await?;
    let process = witness.serving.process();
    let before = process.resident_bytes()?;
    for what in ["download", "upload", "rest"] {
        let page = Page::that_does(what, &witness.serving)?;
        page.process().signal("STOP")?;
        witness.is_alone_again().await.context(what.to_owned())?;
        let more = process.resident_bytes()?.saturating_sub(before);
        ensure!(more < MOST, "{what}: {more} bytes more are resident");
    }
    Ok(())
}
