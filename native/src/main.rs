//! The program `wirebook`: arguments in, then the library.

#![forbid(unsafe_code)]

mod options;
mod servers;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use tracing::{info, level_filters::LevelFilter, warn};
use wirebook::capture::Capture;
use wirebook::gateway::{Config, Gateway, LessonPorts, Page, SiteSource, open_browser};
use wirebook::print;

use self::options::Options;

/// With the commit, if `cargo lab` built this program.
const VERSION: &str = match option_env!("WIREBOOK_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// A book about network programming in which every example is alive.
///
/// `wirebook serve` serves the book to the browser on this machine, runs the servers it talks
/// about, and shows in the page what they do, byte by byte and line by line.
#[derive(Parser)]
#[command(version = VERSION, arg_required_else_help = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the book and run its lesson servers, until Ctrl-C
    Serve(Serve),
    /// Show where the lesson servers of a running `wirebook serve` listen
    Servers(Servers),
}

const DEFAULT_PORT: u16 = 7878;

/// How long the end waits for whoever reads what was printed.
const LAST_LINES_TIME: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
struct Serve {
    /// Where the book is served on 127.0.0.1; 0 takes a free port
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// Where the lesson servers listen
    #[arg(long, value_enum, default_value_t = Ports::Default)]
    lesson_ports: Ports,
    /// Do not open the browser
    #[arg(long)]
    no_open: bool,
    /// Where the secret is kept that makes the link yours alone
    /// [default: wirebook in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "FOLDER")]
    state_dir: Option<PathBuf>,
    /// Tell on stderr what happens; twice for details
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(flatten)]
    limits: Options,
    /// Serve the book from this folder instead of the one inside this program
    #[arg(long, value_name = "FOLDER", hide = true)]
    site: Option<PathBuf>,
    /// Let open pages follow a new build by themselves
    #[arg(long, hide = true)]
    author: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Ports {
    /// Where programs from common tutorials connect, or the next free port
    Default,
    /// Any free port
    Any,
}

#[derive(clap::Args)]
struct Servers {
    /// Of the running gateway
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    // Before anything else: with this the program gives up the privilege to see packets.
    let capture = Capture::open();
    let result = match Arguments::parse().command {
        Command::Serve(arguments) => serve(arguments, capture),
        Command::Servers(arguments) => servers::show(arguments.port, arguments.json),
    };
    print::flush(LAST_LINES_TIME);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If even stderr is closed there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: Serve, capture: Capture) -> anyhow::Result<()> {
    let level = match arguments.verbose {
        0 => LevelFilter::WARN,
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(print::log)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    if let Err(missing) = capture.source() {
        let command = missing.command.as_deref().unwrap_or("none");
        info!(why = missing.why, command, "packets cannot be seen");
    }
    // One thread for all tasks: a message passes from task to task five times on its way, and each
    // time another thread would have to be woken for it. That costs more than a second core is
    // worth here.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    let result = runtime.block_on(run(arguments, capture));
    // What did not end by itself after a stop is ended here, and not waited for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

async fn run(arguments: Serve, capture: Capture) -> anyhow::Result<()> {
    let state_dir = match arguments.state_dir {
        Some(folder) => folder,
        None => default_state_dir()?,
    };
    let limits = arguments.limits.limits()?;
    // From the first moment on: who is asked to stop while starting should stop too.
    let mut stop = StopSignals::new()?;
    let gateway = Gateway::start(Config {
        port: arguments.port,
        lesson_ports: match arguments.lesson_ports {
            Ports::Default => LessonPorts::Default,
            Ports::Any => LessonPorts::Any,
        },
        state_dir: state_dir.clone(),
        site: arguments
            .site
            .map_or(SiteSource::Embedded, SiteSource::Folder),
        capture,
        author: arguments.author,
        limits,
    })
    .await?;
    announce(&gateway);
    let is_attended = std::io::stdout().is_terminal() && std::env::var_os("CI").is_none();
    // Kept until the end: a slow browser may read the page late.
    let _page = match is_attended && !arguments.no_open {
        true => Page::leading_to(&gateway.link(), &state_dir)
            .and_then(|page| open_browser(&page).map(|()| page))
            .inspect_err(|error| warn!(%error, "no browser was opened: open the link above"))
            .ok(),
        false => None,
    };
    stop.next().await;
    info!("stopping");
    tokio::select! {
        _ = gateway.stop() => {}
        // Who asks twice does not want to wait.
        () = stop.next() => {}
    }
    Ok(())
}

/// One line with the link, then the table. Nobody reading it is no reason to end.
fn announce(gateway: &Gateway) {
    let rows: Vec<_> = gateway
        .servers()
        .iter()
        .map(|server| servers::Row {
            name: server.lesson.clone(),
            transport: server.transport,
            address: server.address.clone(),
        })
        .collect();
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{}\n\n{}", gateway.link(), servers::table(&rows));
    let _ = stdout.flush();
}

fn default_state_dir() -> anyhow::Result<PathBuf> {
    let folder = |variable: &str| {
        std::env::var_os(variable)
            .map(PathBuf::from)
            // The XDG specification: a relative path is invalid and ignored.
            .filter(|path| path.is_absolute())
    };
    let state = match cfg!(windows) {
        true => folder("LOCALAPPDATA"),
        false => folder("XDG_STATE_HOME")
            .or_else(|| folder("HOME").map(|home| home.join(".local").join("state"))),
    };
    state
        .map(|state| state.join("wirebook"))
        .context("no home folder: say with --state-dir where the token is kept")
}

/// SIGINT and SIGTERM, or what the system has in their place.
struct StopSignals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignals {
    #[cfg(unix)]
    fn new() -> anyhow::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("no signal handler")?,
            interrupt: signal(SignalKind::interrupt()).context("no signal handler")?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> anyhow::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            warn!(%error, "Ctrl-C cannot be noticed");
            std::future::pending::<()>().await;
        }
    }
}
