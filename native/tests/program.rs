//! The program as a person starts it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

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
        Self::start_as(wirebook(), state, arguments)
    }

    /// Starts it by a command that takes its arguments.
    fn start_as(mut program: Command, state: &Path, arguments: &[&str]) -> Result<Self> {
        let mut child = program
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
    signal(&serving, "-TERM")?;
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

#[cfg(target_os = "linux")]
#[test]
fn every_socket_of_the_program_is_on_loopback_or_a_path() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let serving = Serving::start(folder.path(), &[])?;
    let id = serving.child.id();
    let mut own = Vec::new();
    for descriptor in std::fs::read_dir(format!("/proc/{id}/fd"))? {
        let target = std::fs::read_link(descriptor?.path())?;
        own.push(target.to_string_lossy().into_owned());
    }
    // 127.0.0.1 in the machine's order of bytes.
    let loopback = format!("{:08X}:", u32::from_ne_bytes([127, 0, 0, 1]));
    let mut found = Vec::new();
    for family in ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"] {
        // A system without IPv6 has no tables for it.
        let table = std::fs::read_to_string(format!("/proc/{id}/net/{family}")).unwrap_or_default();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let inode = fields.get(9).context("an inode")?;
            if own.contains(&format!("socket:[{inode}]")) {
                assert!(fields[1].starts_with(&loopback), "{family}: {line}");
                found.push(family);
            }
        }
    }
    // The gateway itself and its lessons.
    for family in ["tcp", "udp"] {
        let count = found.iter().filter(|one| **one == family).count();
        assert!(count > 3, "{count} sockets of {family}");
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn nothing_that_it_keeps_can_be_read_by_others_or_tells_the_token_in_its_name() -> Result<()> {
    use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
    let folder = tempfile::tempdir()?;
    let state = folder.path().join("state");
    let serving = Serving::start(&state, &[])?;
    let (_, token) = serving.parts()?;
    assert_eq!(std::fs::metadata(&state)?.mode() & 0o777, 0o700);
    let mut files = 0;
    for entry in std::fs::read_dir(&state)? {
        let entry = entry?;
        let (path, metadata) = (entry.path(), entry.metadata()?);
        assert_eq!(metadata.mode() & 0o077, 0, "{}", path.display());
        assert!(!entry.file_name().to_string_lossy().contains(token));
        files += usize::from(metadata.is_file());
        assert!(
            metadata.is_file() || metadata.is_dir() || metadata.file_type().is_socket(),
            "{}",
            path.display()
        );
    }
    assert_eq!(std::fs::read_to_string(state.join("token"))?.trim(), token);
    assert!(files >= 1);
    Ok(())
}

#[test]
fn the_help_lists_the_limits_with_their_defaults() -> Result<()> {
    let output = wirebook().args(["serve", "--help"]).output()?;
    let help = text(&output.stdout);
    let (_, limits) = help.split_once("\nLimits:\n").context("a heading")?;
    for line in ["--max-sessions <N>", "[default: 64]", "[default: 1024]"] {
        assert!(limits.contains(line), "{limits}");
    }
    Ok(())
}

#[test]
fn limits_that_nobody_could_live_with_are_refused_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let output = wirebook()
        .args(["serve", "--port", "0", "--lesson-ports", "any"])
        .args(["--max-sessions", "0", "--state-dir"])
        .arg(folder.path())
        .output()?;
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(stderr.contains("sessions: 0 is no limit here"), "{stderr}");
    Ok(())
}

/// Starts the program where it may have so many files open, at first and at most.
#[cfg(target_os = "linux")]
fn with_descriptors(soft: u32, hard: u32, state: &Path) -> Result<(Serving, u32)> {
    let mut program = Command::new("sh");
    let limit = r#"ulimit -Sn "$1" && ulimit -Hn "$2" && shift 2 && exec "$@""#;
    program.args(["-c", limit, "sh"]);
    program.args([soft.to_string(), hard.to_string()]);
    program.arg(env!("CARGO_BIN_EXE_wirebook"));
    let serving = Serving::start_as(program, state, &[])?;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", serving.child.id()))?;
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let soft = line.and_then(|line| line.split_whitespace().nth(3));
    Ok((serving, soft.context("a limit")?.parse()?))
}

/// Kills it; what it has said until then.
#[cfg(target_os = "linux")]
fn all_said(serving: &mut Serving) -> Result<String> {
    serving.child.kill()?;
    let mut said = String::new();
    let mut stderr = serving.child.stderr.take().context("stderr is piped")?;
    stderr.read_to_string(&mut said)?;
    Ok(said)
}

#[cfg(target_os = "linux")]
#[test]
fn it_may_open_as_many_files_as_the_system_allows() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut serving, soft) = with_descriptors(256, 4_096, folder.path())?;
    assert_eq!(soft, 4_096);
    assert_eq!(all_said(&mut serving)?, "");
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn too_few_files_for_its_limits_are_told_with_what_to_do() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (mut serving, soft) = with_descriptors(700, 700, folder.path())?;
    assert_eq!(soft, 700);
    let stderr = all_said(&mut serving)?;
    for part in [
        "warning: ",
        "700 files",
        "the lessons take",
        "--max-connections",
    ] {
        assert!(stderr.contains(part), "{stderr}");
    }
    Ok(())
}

/// Asks for more than it reads, so that the gateway has something under way when it is stopped.
#[cfg(unix)]
fn busy(serving: &Serving) -> Result<std::net::TcpStream> {
    use std::io::Write as _;
    let authority = serving.parts()?.0;
    let mut stream = std::net::TcpStream::connect(authority)?;
    stream.set_write_timeout(Some(Duration::from_millis(200)))?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    // Until neither side takes any more.
    while stream.write_all(request.repeat(1_000).as_bytes()).is_ok() {}
    Ok(stream)
}

#[cfg(unix)]
fn signal(serving: &Serving, signal: &str) -> Result<()> {
    let id = serving.child.id().to_string();
    let status = Command::new("kill").args([signal, &id]).status()?;
    anyhow::ensure!(status.success(), "no signal was sent");
    Ok(())
}

/// Reads the log until it says this.
#[cfg(unix)]
fn until_told(stderr: &mut impl std::io::BufRead, what: &str) -> Result<()> {
    let mut line = String::new();
    while !line.contains(what) {
        line.clear();
        anyhow::ensure!(stderr.read_line(&mut line)? > 0, "{what} was not told");
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_stop_takes_nobody_more_and_does_not_wait_for_ever() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut serving = Serving::start(folder.path(), &["-v"])?;
    let authority = serving.parts()?.0.to_owned();
    let mut log = BufReader::new(serving.child.stderr.take().context("stderr is piped")?);
    let _busy = busy(&serving)?;
    let start = Instant::now();
    signal(&serving, "-INT")?;
    until_told(&mut log, "stopping")?;
    // Nothing announces that the door is shut, but it is before the drain is over.
    while std::net::TcpStream::connect(&authority).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(4), "it is still open");
        std::thread::sleep(Duration::from_millis(5));
    }
    until_told(&mut log, "not everything ended in time")?;
    assert!(serving.child.wait()?.success());
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    Ok(())
}

#[cfg(unix)]
#[test]
fn who_asks_twice_does_not_wait_at_all() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut serving = Serving::start(folder.path(), &["-v"])?;
    let mut log = BufReader::new(serving.child.stderr.take().context("stderr is piped")?);
    let _busy = busy(&serving)?;
    signal(&serving, "-INT")?;
    until_told(&mut log, "stopping")?;
    signal(&serving, "-INT")?;
    assert!(serving.child.wait()?.success());
    let mut rest = String::new();
    log.read_to_string(&mut rest)?;
    assert!(!rest.contains("not everything ended in time"), "{rest}");
    Ok(())
}
