//! `cargo lab dev`: serves the book to its author, and rebuilds on every change.
//!
//! There is no other way for a page to learn of a change than for every page of a new build: the
//! gateway starts anew, the page connects again, finds another build and loads itself.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use notify::{EventKind, RecursiveMode, Watcher};

use crate::book::Recorded;
use crate::gateway::Profile;
use crate::page;
use crate::paths::Paths;
use crate::steps::Steps;
use crate::{book, gateway};

/// Editors write a file in several moves; a change is over when this long nothing moved.
const QUIET: Duration = Duration::from_millis(150);

/// How often to look whether the gateway still runs.
const LOOK: Duration = Duration::from_secs(1);

/// How long the gateway may take to stop when asked.
const STOP: Duration = Duration::from_secs(3);

/// The folders that are watched, from the top of the repository.
const WATCHED: [&str; 7] = [
    "book/src",
    "book/theme",
    "book/traces",
    "book/go",
    "web",
    "wire",
    "native",
];

/// The files that are watched.
const WATCHED_FILES: [&str; 3] = ["book/book.toml", "Cargo.toml", "Cargo.lock"];

/// What wakes the loop.
enum Wake {
    /// These files changed.
    Changed(Vec<PathBuf>),
    /// Ctrl-C, or the end of the terminal.
    Stop,
}

pub(crate) fn run(paths: &Paths, port: u16, opens_browser: bool) -> Result<()> {
    let (sender, wakes) = channel();
    let stop = sender.clone();
    // Nobody listens any more once the loop has ended.
    ctrlc::set_handler(move || drop(stop.send(Wake::Stop))).context("listening for Ctrl-C")?;
    let _watcher = watch(paths, sender)?;

    // What could not be built stays to be built, whatever changes next.
    let mut gateway_is_stale = true;
    match rebuild(paths, gateway_is_stale) {
        Ok(()) => gateway_is_stale = false,
        Err(error) => tell(&error),
    }
    let mut gateway = Gateway::new(paths, port);
    let mut is_first = opens_browser;
    if paths.program(Profile::Dev.folder()).is_file() {
        gateway.start(is_first)?;
        is_first = false;
    }
    loop {
        match wakes.recv_timeout(LOOK) {
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => gateway.look()?,
            Ok(Wake::Changed(mut changed)) => {
                if gather(&wakes, &mut changed) {
                    return Ok(());
                }
                changed.sort();
                changed.dedup();
                for path in &changed {
                    let short = path.strip_prefix(&paths.root).unwrap_or(path);
                    eprintln!("\nchanged: {}", short.display());
                }
                gateway_is_stale |= changes_gateway(paths, &changed);
                match rebuild(paths, gateway_is_stale) {
                    Ok(()) => {
                        gateway_is_stale = false;
                        gateway.stop();
                        gateway.start(is_first)?;
                        is_first = false;
                    }
                    Err(error) => tell(&error),
                }
            }
        }
    }
}

fn tell(error: &anyhow::Error) {
    eprintln!("\nerror: {error:#}\n\nThe last good version stays up. Waiting for a change.");
}

/// Sends what changes until it is dropped.
fn watch(paths: &Paths, sender: Sender<Wake>) -> Result<impl Watcher + use<>> {
    let files: Vec<PathBuf> = WATCHED_FILES
        .iter()
        .map(|file| paths.root.join(file))
        .collect();
    let folders: Vec<PathBuf> = WATCHED
        .iter()
        .map(|folder| paths.root.join(folder))
        .collect();
    let watched_folders = folders.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        // Our own reading is an access too.
        if matches!(event.kind, EventKind::Access(_)) {
            return;
        }
        let is_ours = |path: &PathBuf| {
            files.contains(path)
                || watched_folders
                    .iter()
                    .any(|folder| path.starts_with(folder))
                    && !is_scratch(path)
        };
        let changed: Vec<PathBuf> = event.paths.into_iter().filter(is_ours).collect();
        if !changed.is_empty() {
            // Nobody listens any more once the loop has ended.
            drop(sender.send(Wake::Changed(changed)));
        }
    })
    .context("starting the watcher")?;
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        watcher
            .watch(folder, RecursiveMode::Recursive)
            .with_context(|| format!("watching {}", folder.display()))?;
    }
    // Editors replace files, so the folders that hold them are watched.
    for folder in [&paths.root, &paths.root.join("book")] {
        watcher
            .watch(folder, RecursiveMode::NonRecursive)
            .with_context(|| format!("watching {}", folder.display()))?;
    }
    Ok(watcher)
}

/// Files that editors keep for themselves.
fn is_scratch(path: &Path) -> bool {
    path.file_name().is_none_or(|name| {
        let name = name.to_string_lossy();
        name.starts_with('.') || name.starts_with('#') || name.ends_with('~') || name == "4913"
    })
}

/// Waits until a change is over; `true` if it is time to stop.
fn gather(wakes: &Receiver<Wake>, changed: &mut Vec<PathBuf>) -> bool {
    loop {
        match wakes.recv_timeout(QUIET) {
            Ok(Wake::Changed(more)) => changed.extend(more),
            Err(RecvTimeoutError::Timeout) => return false,
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return true,
        }
    }
}

/// Whether the gateway's program is made of any of these.
fn changes_gateway(paths: &Paths, changed: &[PathBuf]) -> bool {
    ["native", "wire", "Cargo.toml", "Cargo.lock"]
        .iter()
        .any(|part| {
            let part = paths.root.join(part);
            changed.iter().any(|path| path.starts_with(&part))
        })
}

/// Builds what its inputs say must be built.
fn rebuild(paths: &Paths, gateway: bool) -> Result<()> {
    let mut steps = Steps::new(2 + usize::from(gateway));
    let mut built = None;
    steps.run("Building the page (wasm)", || {
        let (page, outcome) = page::build(paths, page::Profile::Dev)?;
        built = Some(page);
        Ok(outcome)
    })?;
    steps.run("Rendering the book", || match &built {
        Some(page) => book::build(paths, page, Recorded::Optional),
        None => bail!("there is no page to render the book around"),
    })?;
    if gateway {
        steps.run("Building the gateway", || {
            gateway::build(paths, Profile::Dev)
        })?;
    }
    Ok(())
}

/// The gateway's process; ends with its owner.
struct Gateway {
    program: PathBuf,
    site: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Gateway {
    fn new(paths: &Paths, port: u16) -> Self {
        Self {
            program: paths.program(Profile::Dev.folder()),
            site: paths.site.clone(),
            port,
            child: None,
        }
    }

    fn start(&mut self, opens_browser: bool) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.arg("serve").arg("--site").arg(&self.site);
        command.args(["--author", "--port", &self.port.to_string()]);
        if !opens_browser {
            command.arg("--no-open");
        }
        self.child = Some(command.spawn().context("starting the gateway")?);
        Ok(())
    }

    /// An error if the gateway has ended by itself.
    fn look(&mut self) -> Result<()> {
        if let Some(child) = &mut self.child
            && let Some(status) = child.try_wait()?
        {
            bail!("the gateway has ended ({status})");
        }
        Ok(())
    }

    /// Asks the gateway to stop, and makes sure.
    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let is_asked = cfg!(unix)
            && Command::new("kill")
                .args(["-TERM", &child.id().to_string()])
                .status()
                .is_ok_and(|status| status.success());
        let deadline = Instant::now() + STOP;
        while is_asked && Instant::now() < deadline {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // It has ended in between, or ends now.
        drop(child.kill());
        drop(child.wait());
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop();
    }
}
