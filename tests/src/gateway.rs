//! A gateway in this process, and what is asked of it in raw bytes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wire::session::Server;
use wirebook::capture::Capture;
use wirebook::gateway::limits::Limits;
use wirebook::gateway::{Config, Gateway, LessonPorts, SiteSource};

use crate::session::Session;

/// No wait of a test is longer: what did not happen by then will not.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway on free ports, with a folder of its own that goes with it.
pub struct TestGateway {
    gateway: Gateway,
    limits: Limits,
    folder: TempDir,
}

impl TestGateway {
    /// Starts a gateway that serves a small site of two pages.
    pub async fn start() -> Result<Self> {
        Self::start_with(|_| {}).await
    }

    /// The same with other limits than usual.
    pub async fn start_with(change: impl FnOnce(&mut Limits)) -> Result<Self> {
        let mut limits = Limits::default();
        change(&mut limits);
        Self::start_in(tempfile::tempdir()?, limits).await
    }

    async fn start_in(folder: TempDir, limits: Limits) -> Result<Self> {
        let site = folder.path().join("site");
        write_site(&site)?;
        let config = Config {
            port: 0,
            lesson_ports: LessonPorts::Any,
            state_dir: folder.path().join("state"),
            site: SiteSource::Folder(site),
            capture: Capture::open_and_keep_privilege(),
            author: false,
            limits: limits.clone(),
        };
        let gateway = Gateway::start(config).await?;
        Ok(Self {
            gateway,
            limits,
            folder,
        })
    }

    /// Stops this gateway in order, and starts another that keeps its token.
    pub async fn restart(self) -> Result<Self> {
        let Self {
            gateway,
            limits,
            folder,
        } = self;
        if !gateway.stop().await {
            bail!("the gateway did not end in time");
        }
        Self::start_in(folder, limits).await
    }

    /// The folder in which it keeps its token.
    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Stops it in order; whether everything ended by itself.
    pub async fn stop(self) -> bool {
        self.gateway.stop().await
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// How much it takes, and how long it waits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The token in its link.
    pub fn token(&self) -> Result<String> {
        let link = self.gateway.link();
        let (_, token) = link.split_once("#token=").context("a link has a token")?;
        Ok(token.to_owned())
    }

    /// Where its lesson servers listen.
    pub fn servers(&self) -> &[Server] {
        self.gateway.servers()
    }

    /// Where this lesson's server listens.
    pub fn server(&self, lesson: &str) -> Result<SocketAddr> {
        address_of(self.servers(), lesson)
    }

    /// A page that has said hello.
    pub async fn session(&self) -> Result<Session> {
        Session::begin(self.address(), &self.token()?).await
    }

    /// How many pages have a session now, and how many connections the TCP lessons have.
    pub fn counts(&self) -> (usize, usize) {
        (
            self.gateway.session_count(),
            self.gateway.connection_count(),
        )
    }

    /// Waits until this many pages have a session, and the TCP lessons this many connections.
    pub async fn settles_at(&self, sessions: usize, connections: usize) -> Result<()> {
        until(|| Ok(self.counts() == (sessions, connections)))
            .await
            .with_context(|| format!("(sessions, connections) is {:?}", self.counts()))
    }

    /// Sends `request` byte for byte and reads until the gateway ends the connection.
    pub async fn ask(&self, request: impl AsRef<[u8]>) -> Result<Answer> {
        ask(self.address(), request).await
    }

    /// Asks for `path` as a browser at the gateway's own address does, with more head lines.
    pub async fn get(&self, path: &str, more: &str) -> Result<Answer> {
        get(self.address(), path, more).await
    }
}

/// Sends `request` byte for byte and reads until the gateway ends the connection.
pub async fn ask(gateway: SocketAddr, request: impl AsRef<[u8]>) -> Result<Answer> {
    let mut stream = TcpStream::connect(gateway).await?;
    let exchange = async {
        // A gateway that has heard enough may end the connection before all is written.
        let _ = stream.write_all(request.as_ref()).await;
        Answer::read(&mut stream).await
    };
    tokio::time::timeout(PATIENCE, exchange)
        .await
        .context("the gateway kept the connection open")?
}

/// Asks for `path` as a browser at the gateway's own address does, with more head lines.
pub async fn get(gateway: SocketAddr, path: &str, more: &str) -> Result<Answer> {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {gateway}\r\nConnection: close\r\n{more}\r\n");
    ask(gateway, request).await
}

/// Where its lesson servers listen, as `/api/servers` tells; of those that have a port.
pub async fn servers(gateway: SocketAddr) -> Result<Vec<(String, SocketAddr)>> {
    #[derive(Deserialize)]
    struct Row {
        name: String,
        address: wire::Address,
    }
    let answer = get(gateway, "/api/servers", "").await?;
    let rows: Vec<Row> = serde_json::from_slice(answer.body())?;
    let with_port = |row: Row| Some((row.name, row.address.ip()?));
    Ok(rows.into_iter().filter_map(with_port).collect())
}

/// Where this lesson's server listens, as a page is told.
pub fn address_of(servers: &[Server], lesson: &str) -> Result<SocketAddr> {
    let server = servers.iter().find(|server| server.lesson == lesson);
    server
        .and_then(|server| server.address.ip())
        .with_context(|| format!("no server for {lesson}"))
}

/// Asks again and again, as nothing announces it to the outside, until it is so.
pub async fn until(is_so: impl Fn() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so()? {
        ensure!(Instant::now() < deadline, "it did not come about");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

/// What came back, as bytes.
#[derive(Debug)]
pub struct Answer(Vec<u8>);

impl Answer {
    /// Reads until the other side ends the connection, in whatever way.
    pub async fn read(stream: &mut TcpStream) -> Result<Self> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        // A reset after the answer is one way of ending it.
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            bytes.extend_from_slice(&buffer[..length]);
        }
        Ok(Self(bytes))
    }

    /// The status code; `None` if there was no response.
    pub fn status(&self) -> Option<u16> {
        self.head().split(' ').nth(1)?.parse().ok()
    }

    /// The value of a field, `None` unless it stands exactly once.
    pub fn field(&self, name: &str) -> Option<String> {
        let head = self.head();
        let mut values = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned());
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }

    /// Status line and fields.
    pub fn head(&self) -> String {
        String::from_utf8_lossy(&self.0[..self.head_length()]).into_owned()
    }

    /// What follows the head.
    pub fn body(&self) -> &[u8] {
        self.0.get(self.head_length() + 4..).unwrap_or(&[])
    }

    fn head_length(&self) -> usize {
        let end = self.0.windows(4).position(|window| window == b"\r\n\r\n");
        end.unwrap_or(self.0.len())
    }
}

/// The hash that the small site's manifest names.
pub const SCRIPT_HASH: &str = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// The build that the small site's manifest names.
pub const BUILD: &str = "0badf00d";

/// Writes a small site of two pages.
pub fn write_site(site: &Path) -> Result<()> {
    let manifest = format!(r#"{{"build": "{BUILD}", "script_hashes": ["{SCRIPT_HASH}"]}}"#);
    let files = [
        ("site.json", manifest.as_str()),
        ("index.html", "<!doctype html><title>Index</title>"),
        ("404.html", "<!doctype html><title>Not found</title>"),
        ("part/index.html", "<!doctype html><title>Part</title>"),
        ("lab/page-0f3a99b2c1d4e5f6.js", "export default 1"),
        ("lab/page-0f3a99b2c1d4e5f6_bg.wasm", "\0asm"),
    ];
    for (name, content) in files {
        let path = site.join(name);
        let folder = path.parent().context("every file is in a folder")?;
        std::fs::create_dir_all(folder)?;
        std::fs::write(path, content)?;
    }
    Ok(())
}
