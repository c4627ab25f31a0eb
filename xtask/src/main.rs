//! `cargo lab`: builds, serves and tests Wirebook.
//!
//! The order of a build: `web` becomes WebAssembly and its script ([`page`]), the chapters become
//! HTML that names that script ([`book`]), both become the folder `target/site` ([`site`]), and the
//! gateway takes that folder in ([`gateway`]). A part whose inputs did not change is left alone
//! ([`inputs`]).

#![forbid(unsafe_code)]

mod anywhere;
mod bench;
mod book;
mod build;
mod cargo;
mod dev;
mod dist;
mod fold;
mod gateway;
mod going_back;
mod html;
mod inputs;
mod links;
mod page;
mod paths;
mod peers;
mod record;
mod release;
mod requirements;
mod site;
mod split;
mod static_site;
mod steps;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::paths::Paths;

/// Builds, serves and tests Wirebook. Without a command: builds everything, starts the gateway and
/// opens the book.
#[derive(Parser)]
#[command(name = "cargo lab", bin_name = "cargo lab")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Builds everything and starts the gateway, which gets the arguments: `serve --port 0 --no-open`
    Serve {
        /// What `wirebook serve --help` lists
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Builds everything: leaves one program that serves the whole book
    Build {
        /// Writes the book into this folder instead, for any static host: there each lab shows its
        /// recorded exchange
        #[arg(long = "static", value_name = "DIR")]
        target: Option<PathBuf>,
    },
    /// Packs what `build` leaves for others to have, with a checksum and the licences of all that is in
    /// it; the same commit gives the same bytes
    Dist,
    /// For authors: serves the book, and rebuilds and reloads on every change
    Dev {
        /// The gateway's port
        #[arg(long, default_value_t = 7878)]
        port: u16,
        /// Does not open the browser
        #[arg(long)]
        no_open: bool,
    },
    /// Plays the labs of the book and keeps what was observed where it is new: `record tcp_ok`
    Record {
        /// The names of labs; without one, all
        labs: Vec<String>,
    },
    /// Measures how fast, how large, how many, beside others in the same run: `bench echo bulk`
    Bench(bench::Arguments),
    /// Does everything CI does: formatting, lints, docs, build, links, and all tests
    Test {
        /// What `cargo test` lists, e.g. the name of one test
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    // mdBook tells what it finds odd in a chapter through its log.
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
    let arguments = Arguments::parse();
    let paths = Paths::new();
    let result = match arguments.command {
        None => gateway::serve(&paths, &[]),
        Some(Command::Serve { arguments }) => gateway::serve(&paths, &arguments),
        Some(Command::Build {
            target: Some(target),
        }) => build::static_book(&paths, &target),
        Some(Command::Build { target: None }) => build::everything(&paths).map(|program| {
            eprintln!("The whole book is in {}", program.display());
        }),
        Some(Command::Dist) => dist::run(&paths),
        Some(Command::Dev { port, no_open }) => dev::run(&paths, port, !no_open),
        Some(Command::Record { labs }) => record::run(&paths, &labs),
        Some(Command::Bench(arguments)) => bench::run_figures(&paths, &arguments),
        Some(Command::Test { arguments }) => test::run(&paths, &arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
