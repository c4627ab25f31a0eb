//! The preprocessor as a program that mdBook starts: `mdbook build book` works without anything else.

#![forbid(unsafe_code)]

use std::io;
use std::process::ExitCode;

use anyhow::{Context, Result};
use mdbook_preprocessor::Preprocessor;
use wirebook_preprocessor::Labs;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["supports", renderer] => match Labs.supports_renderer(renderer) {
            Ok(true) => ExitCode::SUCCESS,
            _ => ExitCode::FAILURE,
        },
        [] => match preprocess() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error:#}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("mdBook starts this program; it takes a book on standard input.");
            ExitCode::FAILURE
        }
    }
}

fn preprocess() -> Result<()> {
    let (context, book) = mdbook_preprocessor::parse_input(io::stdin().lock())?;
    let book = Labs.run(&context, book)?;
    serde_json::to_writer(io::stdout().lock(), &book).context("writing the book")
}
