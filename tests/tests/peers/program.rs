//! Programs under test: how they are built, and how a test talks to them.

use std::path::{Path, PathBuf};
use std::process::{Command as Build, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// How long a program may take for one line of its output.
const PATIENCE: Duration = Duration::from_secs(20);

/// The top of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The client of a lesson in Go.
pub(crate) fn go_client(lesson: &str) -> Result<PathBuf> {
    build(
        "book/go",
        &format!("./{lesson}/client"),
        &format!("{lesson}-client"),
    )
}

/// The server of a lesson in Go.
pub(crate) fn go_server(lesson: &str) -> Result<PathBuf> {
    build(
        "book/go",
        &format!("./{lesson}/server"),
        &format!("{lesson}-server"),
    )
}

/// A program as tutorials print it, from `tests/peers`.
pub(crate) fn tutorial(name: &str) -> Result<PathBuf> {
    build("tests/peers", &format!("{name}.go"), name)
}

/// Builds one Go program into `target/peers`.
fn build(folder: &str, package: &str, name: &str) -> Result<PathBuf> {
    // One at a time: each `go build` uses every core as it is.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let peers = repository().join("target/peers");
    std::fs::create_dir_all(&peers)?;
    let program = peers.canonicalize()?.join(name);
    let output = Build::new("go")
        .args(["build", "-buildvcs=false", "-o"])
        .arg(&program)
        .arg(package)
        .current_dir(repository().join(folder))
        .env("GOTOOLCHAIN", "local")
        .output()
        .context("starting go")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "go build {package}:\n{errors}");
    Ok(program)
}

/// A running program; ends with its value.
pub(crate) struct Program {
    child: Child,
    keyboard: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    pub(crate) fn start(program: impl AsRef<Path>, arguments: &[&str]) -> Result<Self> {
        let program = program.as_ref();
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let keyboard = child.stdin.take();
        let output = child.stdout.take().context("stdout is piped")?;
        Ok(Self {
            child,
            keyboard,
            output: BufReader::new(output).lines(),
        })
    }

    /// Types text as it is; `\n` is the Enter key.
    pub(crate) async fn types(&mut self, text: &str) -> Result<()> {
        let keyboard = self.keyboard.as_mut().context("its input has ended")?;
        keyboard.write_all(text.as_bytes()).await?;
        keyboard.flush().await?;
        Ok(())
    }

    /// Ends its input, as Ctrl-D does.
    pub(crate) fn end_input(&mut self) {
        self.keyboard = None;
    }

    /// The next line that it prints; what stands before the end of its output counts as one.
    pub(crate) async fn prints(&mut self) -> Result<String> {
        let line = timeout(PATIENCE, self.output.next_line())
            .await
            .context("it printed no line in time")??;
        line.context("its output has ended")
    }

    /// Waits until it has ended well, having printed nothing more.
    pub(crate) async fn ends(mut self) -> Result<()> {
        let rest = timeout(PATIENCE, self.output.next_line())
            .await
            .context("it did not end in time")??;
        ensure!(rest.is_none(), "it also printed {rest:?}");
        let status = timeout(PATIENCE, self.child.wait()).await??;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }
}
