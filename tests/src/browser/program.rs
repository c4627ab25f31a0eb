//! `wirebook serve`, started as a person would.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A running gateway; ends with its value.
#[derive(Debug)]
pub struct Program {
    child: Child,
    link: String,
    state: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// Starts the gateway on a free port, with free ports for its lessons, and waits for its link.
    /// `state` is where it keeps its token.
    pub async fn start(state: &Path) -> Result<Self> {
        Self::start_with(state, Vec::new()).await
    }

    /// The same with further arguments.
    pub async fn start_with(state: &Path, arguments: Vec<OsString>) -> Result<Self> {
        Self::start_on(state, 0, arguments).await
    }

    /// The same as a user who may not capture packets, whoever runs the tests.
    pub async fn start_unprivileged(state: &Path) -> Result<Self> {
        Self::start_unprivileged_with(state, Vec::new()).await
    }

    /// The same with further arguments.
    pub async fn start_unprivileged_with(state: &Path, arguments: Vec<OsString>) -> Result<Self> {
        let mut command = Command::new("setpriv");
        command
            .args([
                "--no-new-privs",
                "--inh-caps=-net_raw",
                "--bounding-set=-net_raw",
            ])
            .arg(binary());
        Self::run(command, state, 0, arguments).await
    }

    async fn start_on(state: &Path, port: u16, arguments: Vec<OsString>) -> Result<Self> {
        Self::run(Command::new(binary()), state, port, arguments).await
    }

    async fn run(
        mut command: Command,
        state: &Path,
        port: u16,
        arguments: Vec<OsString>,
    ) -> Result<Self> {
        let mut child = command
            .args(["serve", "--no-open", "--lesson-ports", "any", "--port"])
            .arg(port.to_string())
            .arg("--state-dir")
            .arg(state)
            .args(&arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", binary().display()))?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let mut lines = BufReader::new(stdout).lines();
        let link = loop {
            let line = lines
                .next_line()
                .await?
                .context("the gateway ended before it printed its link")?;
            if let Some(start) = line.find("http://") {
                break line[start..].trim().to_owned();
            }
        };
        // Keep reading, so that the program never waits for its terminal.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            child,
            link,
            state: state.to_owned(),
            arguments,
        })
    }

    /// Its process.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The full link with the token, as printed.
    pub fn link(&self) -> &str {
        &self.link
    }

    /// `http://127.0.0.1:PORT`
    pub fn origin(&self) -> &str {
        self.link.split("/#").next().unwrap_or(&self.link)
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.origin().trim_start_matches("http://").parse()?)
    }

    /// What opens it.
    pub fn token(&self) -> &str {
        self.fragment().trim_start_matches("#token=")
    }

    /// `#token=...`
    pub fn fragment(&self) -> &str {
        self.link.find('#').map_or("", |start| &self.link[start..])
    }

    /// Ends the gateway and waits until it is gone.
    pub async fn stop(&mut self) -> Result<()> {
        self.child.kill().await?;
        Ok(())
    }

    /// Starts it again on the same port with the same state.
    pub async fn start_again(&mut self) -> Result<()> {
        let port = self
            .origin()
            .rsplit(':')
            .next()
            .and_then(|port| port.parse().ok())
            .context("the link has a port")?;
        let state = self.state.clone();
        *self = Self::start_on(&state, port, self.arguments.clone()).await?;
        Ok(())
    }
}

/// The program under test: `WIREBOOK_BIN`, or where `cargo lab build` leaves it.
pub fn binary() -> PathBuf {
    std::env::var_os("WIREBOOK_BIN")
        .unwrap_or_else(|| {
            OsString::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../target/release/wirebook"
            ))
        })
        .into()
}
