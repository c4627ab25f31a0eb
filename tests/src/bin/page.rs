//! A page in a process of its own, so that it can be stopped and killed as a browser's can.
//!
//! `page ADDRESS WHAT` reads the token from its input, does WHAT, says so with one line, and goes
//! on until it is ended.

use std::io::{BufRead as _, Write as _};

use anyhow::{Context as _, Result, bail};
use tokio::io::AsyncWriteExt as _;
use wire::Event;
use wire::session::MAX_SEND_BYTES;
use wirebook_tests::session::Session;

/// Of a binary frame that a client sends (RFC 6455, 5.2): 60,000 bytes will follow, masked.
const HEAD_OF_A_LONG_FRAME: [u8; 8] = [0x82, 0xfe, 0xea, 0x60, 1, 2, 3, 4];

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().context("an address")?.parse()?;
    let what = arguments.next().context("what to do")?;
    let mut token = String::new();
    std::io::stdin().lock().read_line(&mut token)?;
    let mut page = Session::begin(address, token.trim()).await?;
    let echo = page.open("tcp_echo").await?;
    page.send(echo, "here").await?;
    page.until(|event| event.action.verb() == "read").await?;
    match what.as_str() {
        // Answers when it is asked whether it is there, and nothing else.
        "rest" => {}
        // Ends in the middle of a message.
        "half-a-message" => {
            let stream = page.socket().get_mut();
            stream.write_all(&HEAD_OF_A_LONG_FRAME).await?;
            stream.write_all(&[7; 1_000]).await?;
        }
        // Always has more to send than is taken.
        "upload" => {
            let silent = page.open("tcp_silent").await?;
            page.send(silent, vec![7; MAX_SEND_BYTES]).await?;
            ready()?;
            loop {
                page.send(silent, vec![7; MAX_SEND_BYTES]).await?;
            }
        }
        // Is always told more.
        "download" => {
            for sources in 1.. {
                let source = page.open("tcp_source").await?;
                page.send(source, "begin").await?;
                let of_it = |event: &Event| event.connection == Some(source);
                page.until(|event| of_it(event) && event.action.verb() == "read")
                    .await?;
                if sources == 1 {
                    ready()?;
                }
                page.until(|event| of_it(event) && event.action.verb() == "end")
                    .await?;
                page.close(source).await?;
            }
        }
        other => bail!("what is {other}?"),
    }
    ready()?;
    page.when(|_| None::<()>).await
}

fn ready() -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "ready")?;
    Ok(stdout.flush()?)
}
