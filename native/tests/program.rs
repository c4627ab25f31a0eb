//! The program as a person starts it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context as _, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use wire::ToGateway;
use wire::session::{SUBPROTOCOL, VERSION};

/// A running `wirebook serve`; ended with its value.
struct Serving {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    /// The first line.
    link: String,
}

impl Serving {
    fn start(state: &Path, arguments: &[&str]) -> Result<Self> {
        let mut child = wirebook()
            .args([
                "serve",
                "--port",
                "0",
                "--lesson-ports",
                "any",
                "--state-dir",
            ])
            .arg(state)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let mut link = String::new();
        stdout.read_line(&mut link)?;
        let link = link.trim_end().to_owned();
        Ok(Self {
            child,
            stdout,
            link,
        })
    }

    fn parts(&self) -> Result<(&str, &str)> {
        let rest = self.link.strip_prefix("http://").context("a link")?;
        rest.split_once("/#token=").context("a link with a token")
    }

    fn port(&self) -> Result<&str> {
        Ok(self.parts()?.0.rsplit(':').next().unwrap_or_default())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wirebook() -> Command {
    Command::new(env!("CARGO_BIN_EXE_wirebook"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_first_line_is_the_link_and_the_table_follows() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut serving = Serving::start(folder.path(), &[])?;
    let (authority, token) = serving.parts()?;
    assert!(authority.starts_with("127.0.0.1:"), "{}", serving.link);
    assert_eq!(token.len(), 64);
    let port = serving.port()?.to_owned();
    let ask = |more: &[&str]| {
        wirebook()
            .args(["servers", "--port", &port])
            .args(more)
            .output()
    };
    let table = ask(&[])?;
    assert!(table.status.success(), "{}", text(&table.stderr));
    for expected in text(&table.stdout).lines() {
        let mut line = String::new();
        while line.trim().is_empty() {
            assert!(
                serving.stdout.read_line(&mut line)? > 0,
                "{expected} is missing"
            );
        }
        assert_eq!(line.trim(), expected);
    }
    let rows: serde_json::Value = serde_json::from_slice(&ask(&["--json"])?.stdout)?;
    assert_eq!(rows[0]["name"], "tcp_ok");
    Ok(())
}

#[test]
fn a_taken_port_is_named_with_the_option() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let Output { status, stderr, .. } = wirebook()
        .args(["serve", "--port", &port, "--state-dir"])
        .arg(folder.path())
        .output()?;
    let stderr = text(&stderr);
    assert_eq!(status.code(), Some(1));
    assert!(
        stderr.contains(&port) && stderr.contains("--port"),
        "{stderr}"
    );
    Ok(())
}

#[test]
fn without_a_gateway_the_table_says_what_to_do() -> Result<()> {
    let output = wirebook().args(["servers", "--port", "1"]).output()?;
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("wirebook serve"));
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_token_is_neither_in_the_arguments_nor_in_the_logs() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut serving = Serving::start(folder.path(), &["-vv"])?;
    let (authority, token) = serving.parts()?;
    let (authority, token) = (authority.to_owned(), token.to_owned());
    // One that is right, and one that nearly is.
    for (token, answers) in [(token.clone(), true), (token[1..].to_owned(), false)] {
        let mut request = format!("ws://{authority}/session").into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("Origin", format!("http://{authority}").parse()?);
        headers.insert("Sec-WebSocket-Protocol", SUBPROTOCOL.parse()?);
        let stream = tokio::net::TcpStream::connect(&authority).await?;
        let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await?;
        let mut frame = Vec::new();
        ToGateway::Hello {
            version: VERSION,
            token,
        }
        .encode(&mut frame);
        socket.send(Message::Binary(frame.into())).await?;
        let answer = socket.next().await.context("an answer")??;
        assert_eq!(answer.is_binary(), answers, "{answer:?}");
    }
    let id = serving.child.id();
    for file in ["cmdline", "environ"] {
        let public = std::fs::read(format!("/proc/{id}/{file}"))?;
        assert!(!text(&public).contains(&token), "{file}");
    }
    let signalled = Command::new("kill")
        .args(["-TERM", &id.to_string()])
        .status()?;
    assert!(signalled.success());
    let mut log = String::new();
    let stderr = serving.child.stderr.as_mut().context("stderr is piped")?;
    stderr.read_to_string(&mut log)?;
    assert!(
        log.contains("a session began") && log.contains("stopping"),
        "{log}"
    );
    assert!(!log.contains(&token[1..]), "{log}");
    assert!(
        serving.child.wait()?.success(),
        "asked to end, it ends in order"
    );
    Ok(())
}
