//! The program `wirebook serve`, watched from outside while it is put to the test.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::browser::binary;
use crate::gateway::{PATIENCE, until, write_site};
use crate::session::Session;

/// A running program with a book of two pages and a folder of its own; ended with its value.
pub struct Serving {
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    log: Arc<Mutex<Vec<String>>>,
    link: String,
    /// Goes with it.
    folder: Option<TempDir>,
}

impl Serving {
    /// Starts it on free ports and waits for its link.
    pub fn start() -> Result<Self> {
        Self::start_with(Command::new(binary()), &[])
    }

    /// The same with these options.
    pub fn start_with_options(options: &[&str]) -> Result<Self> {
        Self::start_with(Command::new(binary()), options)
    }

    /// Starts what `command` begins, with further arguments. Nobody reads what it prints after its
    /// first line.
    pub fn start_with(command: Command, arguments: &[&str]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut serving = Self::start_in(&folder, command, arguments)?;
        serving.folder = Some(folder);
        Ok(serving)
    }

    /// The same in this folder, which stays.
    pub fn start_in(folder: &TempDir, command: Command, arguments: &[&str]) -> Result<Self> {
        let state = folder.path().join("state");
        let mut child = serve(command, folder.path(), &state, arguments)?
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", binary().display()))?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let log = Arc::<Mutex<Vec<String>>>::default();
        let lines = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                lines
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(line);
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let mut link = String::new();
        stdout.read_line(&mut link)?;
        let serving = Self {
            child,
            stdout: Some(stdout),
            log,
            link: link.trim().to_owned(),
            folder: None,
        };
        ensure!(
            serving.link.contains("#token="),
            "it did not start: {:?}",
            serving.log()
        );
        Ok(serving)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr> {
        Ok(self.parts()?.0.parse()?)
    }

    /// The token in its link.
    pub fn token(&self) -> Result<&str> {
        Ok(self.parts()?.1)
    }

    fn parts(&self) -> Result<(&str, &str)> {
        let rest = self.link.strip_prefix("http://").context("a link")?;
        rest.split_once("/#token=").context("a link with a token")
    }

    /// A page that has said hello.
    pub async fn session(&self) -> Result<Session> {
        Session::begin(self.address()?, self.token()?).await
    }

    /// What it has logged so far.
    pub fn log(&self) -> Vec<String> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Closes the pipe that it prints to.
    pub fn stop_reading(&mut self) {
        self.stdout = None;
    }

    /// What the system says of its process.
    pub fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Waits until it ends by itself.
    pub fn ends(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            ensure!(Instant::now() < deadline, "it did not end");
            // Nothing else announces it without a thread.
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `wirebook serve`, on free ports unless others are named, with the small book in `folder`.
///
/// # Errors
///
/// If the book cannot be written.
pub fn serve(
    mut command: Command,
    folder: &Path,
    state: &Path,
    arguments: &[&str],
) -> Result<Command> {
    let site = folder.join("site");
    write_site(&site)?;
    command.args(["serve", "--no-open"]);
    for default in [["--lesson-ports", "any"], ["--port", "0"]] {
        if !arguments.contains(&default[0]) {
            command.args(default);
        }
    }
    command
        .arg("--site")
        .arg(site)
        .arg("--state-dir")
        .arg(state)
        .args(arguments)
        .stdin(Stdio::null());
    Ok(command)
}

/// The program where it may have so many descriptors and no more.
pub fn with_descriptors(count: usize) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"ulimit -n "$0" && exec "$@""#])
        .arg(count.to_string())
        .arg(binary());
    command
}

/// What Linux says of a process.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    /// How many descriptors it has open.
    pub fn descriptors(self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.0))?.count())
    }

    /// How many threads it has.
    pub fn threads(self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/task", self.0))?.count())
    }

    /// Its resident memory, in bytes.
    pub fn resident_bytes(self) -> Result<usize> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("a process has resident memory")?;
        let kib: usize = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib * 1024)
    }

    /// How long it has run on any processor.
    pub fn cpu_time(self) -> Result<Duration> {
        /// Of the kernel's clock for this, on every machine (proc(5), sysconf(3)).
        const TICKS_PER_SEC: u32 = 100;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        let (_, fields) = stat.rsplit_once(") ").context("a name in brackets")?;
        let ticks: u32 = fields
            .split(' ')
            .skip(11)
            .take(2)
            .map(|ticks| ticks.parse().unwrap_or(0))
            .sum();
        Ok(Duration::from_secs(1) * ticks / TICKS_PER_SEC)
    }

    /// Lets it open so many more than it has open now.
    pub fn limit_descriptors(self, more: usize) -> Result<()> {
        let limit = self.descriptors()? + more;
        let status = Command::new("prlimit")
            .args(["--pid", &self.0.to_string()])
            .arg(format!("--nofile={limit}:{limit}"))
            .status()?;
        ensure!(status.success(), "the limit was not set: {status}");
        Ok(())
    }

    /// Sends it a signal, e.g. `STOP`.
    pub fn signal(self, name: &str) -> Result<()> {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.0.to_string())
            .status()?;
        ensure!(status.success(), "{name} was not sent: {status}");
        Ok(())
    }

    /// Waits until it has no more descriptors than this.
    pub async fn settles_at(self, descriptors: usize) -> Result<()> {
        until(|| Ok(self.descriptors()? <= descriptors))
            .await
            .with_context(|| format!("{:?} descriptors are open", self.descriptors()))
    }
}
