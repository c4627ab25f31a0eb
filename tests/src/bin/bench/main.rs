//! `cargo lab bench`: how fast, how large, how many, each figure beside something measured in the
//! same run.
//!
//! - [`figures`]: one module per figure;
//! - [`client`]: the page without a browser, and the clients it is compared with;
//! - [`servers`]: what they talk to, and the pipes in between, each in a process of its own;
//! - [`report`]: rows, the table, the JSON;
//! - [`machine`]: where it was measured.

mod client;
mod figures;
mod machine;
mod report;
mod servers;

/// A lesson on plain tokio, from the very file that the gateway runs watched.
#[path = "../../../../native/src/lessons/tcp_echo.rs"]
pub mod tcp_echo;
#[path = "../../../../native/src/lessons/tcp_source.rs"]
pub mod tcp_source;

/// What a lesson imports from: here, tokio itself.
mod tap {
    pub(crate) use tokio::{io, net};
}

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use wirebook_tests::browser::Program;

use crate::figures::FIGURES;
use crate::report::Report;

/// A figure that takes longer has failed; the others are still told.
const FIGURE_TIME: Duration = Duration::from_secs(180);

/// More messages than a page can send in a second: what is measured is not this limit.
const FAST: &str = "1000000";

/// So many rounds unless asked otherwise.
const ROUNDS: usize = 9;

fn main() -> ExitCode {
    let result = match std::env::args().nth(1).as_deref() {
        Some(servers::SERVE) => servers::run(),
        _ => run(),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What a figure needs to know.
pub(crate) struct Bench {
    /// How often everything is measured; contenders take turns in each round.
    pub(crate) rounds: usize,
    /// Only to see that it runs.
    is_smoke: bool,
    /// websocat, if there is one.
    pub(crate) websocat: Option<PathBuf>,
    /// websockify, if there is one.
    pub(crate) websockify: Option<PathBuf>,
}

/// A gateway, and the folder that goes with it.
pub(crate) struct Gateway {
    /// The program.
    pub(crate) program: Program,
    _state: TempDir,
}

impl Bench {
    /// `full`, or `toy` where it only matters that it runs.
    pub(crate) fn many(&self, full: usize, toy: usize) -> usize {
        if self.is_smoke { toy } else { full }
    }

    /// Starts a gateway that lets a page ask as fast as it can, with further arguments.
    pub(crate) async fn gateway(&self, arguments: &[&str]) -> Result<Gateway> {
        let state = tempfile::tempdir()?;
        let pace = ["--max-commands-per-sec", FAST, "--max-commands-burst", FAST];
        let arguments = pace.iter().chain(arguments).map(OsString::from).collect();
        Ok(Gateway {
            program: Program::start_with(state.path(), arguments).await?,
            _state: state,
        })
    }
}

/// What was asked for.
struct Arguments {
    names: Vec<String>,
    rounds: usize,
    is_smoke: bool,
    json: Option<PathBuf>,
    write: Option<PathBuf>,
}

impl Arguments {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut parsed = Self {
            names: Vec::new(),
            rounds: ROUNDS,
            is_smoke: false,
            json: None,
            write: None,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .with_context(|| format!("{argument} what?"))
            };
            match argument.as_str() {
                "--rounds" => parsed.rounds = value()?.parse::<usize>()?.max(1),
                "--smoke" => (parsed.is_smoke, parsed.rounds) = (true, 1),
                "--json" => parsed.json = Some(value()?.into()),
                "--write" => parsed.write = Some(value()?.into()),
                name if FIGURES.iter().any(|figure| figure.name == name) => {
                    parsed.names.push(argument);
                }
                _ => {
                    let names: Vec<_> = FIGURES.iter().map(|figure| figure.name).collect();
                    bail!(
                        "there is no figure {argument}; there are {}",
                        names.join(", ")
                    );
                }
            }
        }
        if parsed.write.is_some() && !parsed.names.is_empty() {
            bail!("only a run of all figures is written down");
        }
        Ok(parsed)
    }
}

/// Measures; whether all of it could be.
fn run() -> Result<bool> {
    let arguments = Arguments::parse(std::env::args().skip(1))?;
    let bench = Bench {
        rounds: arguments.rounds,
        is_smoke: arguments.is_smoke,
        websocat: std::env::var_os("WIREBOOK_WEBSOCAT").map(PathBuf::from),
        websockify: std::env::var_os("WIREBOOK_WEBSOCKIFY").map(PathBuf::from),
    };
    let mut report = Report::new(bench.rounds);
    let is_wanted = |name| arguments.names.is_empty() || arguments.names.iter().any(|n| n == name);
    for figure in FIGURES.iter().filter(|figure| is_wanted(figure.name)) {
        eprintln!("{}: {}…", figure.name, figure.what);
        // A client is one thread, so that its own threads do not take part in what is measured.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let measured = runtime.block_on(async {
            tokio::time::timeout(FIGURE_TIME, (figure.measure)(&bench))
                .await
                .context("it took too long")?
        });
        report.add(figure.name, measured);
    }
    report.finish();
    print!("{}", report.markdown());
    if let Some(path) = &arguments.json {
        report.write_json(path)?;
    }
    if let Some(path) = &arguments.write {
        report.write_between_markers(path)?;
    }
    Ok(report.is_complete())
}
