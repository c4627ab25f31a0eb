//! What is talked to, and the pipes in between: each in a process of its own, as the gateway is.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use socket2::SockRef;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::runtime::{Builder, Runtime};

use crate::figures::tapped;

/// The argument that makes this program a server.
pub(crate) const SERVE: &str = "serve";

/// How long a process may take to listen.
const START_TIME: Duration = Duration::from_secs(20);

/// A server that nobody watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The lesson `tcp_echo` on plain tokio, as `#[tokio::main]` would run it.
    Echo,
    /// The same, its sockets without Nagle's algorithm.
    EchoNoDelay,
    /// The lesson `tcp_source` on plain tokio.
    Source,
    /// The lesson `tcp_echo` on plain tokio, in one thread as the gateway is.
    BareEcho,
    /// The same, watched.
    TappedEcho,
}

impl Kind {
    const ALL: [(&'static str, Self); 5] = [
        ("echo", Self::Echo),
        ("echo-no-delay", Self::EchoNoDelay),
        ("source", Self::Source),
        ("bare-echo", Self::BareEcho),
        ("tapped-echo", Self::TappedEcho),
    ];

    fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, kind)| *kind == self);
        found.map_or("", |(name, _)| name)
    }
}

/// This program as a server.
pub(crate) fn run() -> Result<bool> {
    let name = std::env::args().nth(2).unwrap_or_default();
    let Some((_, kind)) = Kind::ALL.iter().find(|(known, _)| *known == name) else {
        bail!("there is no server {name}");
    };
    let runtime = match kind {
        Kind::Echo | Kind::EchoNoDelay | Kind::Source => Runtime::new()?,
        Kind::BareEcho | Kind::TappedEcho => Builder::new_current_thread().enable_all().build()?,
    };
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        if *kind == Kind::EchoNoDelay {
            // What a listener has, the connections that it accepts have.
            SockRef::from(&listener).set_tcp_nodelay(true)?;
        }
        println!("{}", listener.local_addr()?);
        // In a task, as everything that serves.
        let serving = match kind {
            Kind::Echo | Kind::EchoNoDelay | Kind::BareEcho => {
                tokio::spawn(crate::tcp_echo::serve(listener))
            }
            Kind::Source => tokio::spawn(crate::tcp_source::serve(listener)),
            Kind::TappedEcho => tokio::spawn(tapped::serve(listener)),
        };
        serving.await??;
        Ok(true)
    })
}

/// A running process that listens; ends with its value.
#[derive(Debug)]
pub(crate) struct Server {
    /// Where.
    pub(crate) address: SocketAddr,
    _child: Child,
}

impl Server {
    /// Starts a server of this kind.
    pub(crate) async fn start(kind: Kind) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([SERVE, kind.name()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let mut lines = BufReader::new(stdout).lines();
        let address = lines
            .next_line()
            .await?
            .context("a server tells its address")?;
        // Keep reading, so that it never waits for whoever reads what it prints.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            address: address.parse()?,
            _child: child,
        })
    }

    /// websocat as a pipe between a WebSocket and `server`.
    pub(crate) async fn websocat(program: &Path, server: SocketAddr) -> Result<Self> {
        Self::pipe(program, |address| {
            let (listen, connect) = (format!("ws-l:{address}"), format!("tcp:{server}"));
            vec!["--binary".into(), "--exit-on-eof".into(), listen, connect]
        })
        .await
    }

    /// websockify as such a pipe.
    pub(crate) async fn websockify(program: &Path, server: SocketAddr) -> Result<Self> {
        Self::pipe(program, |address| {
            vec![address.to_string(), server.to_string()]
        })
        .await
    }

    async fn pipe(program: &Path, arguments: impl Fn(SocketAddr) -> Vec<String>) -> Result<Self> {
        // It cannot be asked for any free port, so it is told one that was free just now.
        let address = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let mut child = Command::new(program)
            .args(arguments(address))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let deadline = Instant::now() + START_TIME;
        // Nothing announces that it listens, so it is asked for again and again.
        while TcpStream::connect(address).await.is_err() {
            let name = program
                .file_name()
                .map(OsStr::to_string_lossy)
                .unwrap_or_default();
            if let Some(status) = child.try_wait()? {
                bail!("{name} ended ({status})");
            }
            if Instant::now() > deadline {
                bail!("{name} does not listen");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(Self {
            address,
            _child: child,
        })
    }
}
