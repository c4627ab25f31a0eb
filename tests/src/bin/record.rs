//! `cargo lab record`: plays every lab of the book, or those that are named, against the real
//! servers, and writes down what was observed where it is not what was recorded before.

use std::process::ExitCode;

use anyhow::{Result, bail};
use futures_util::{StreamExt as _, stream};
use wirebook_preprocessor::{Found, recorded};
use wirebook_tests::book::{Outcome, compare, labs, repository};

/// How many labs are played at once: most of the time they wait.
const AT_ONCE: usize = 6;

#[tokio::main]
async fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    match record_all(&names).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn record_all(names: &[String]) -> Result<()> {
    let labs = labs()?;
    for name in names {
        if !labs.iter().any(|found| found.lab.name == *name) {
            let known: Vec<_> = labs.iter().map(|found| found.lab.name.as_str()).collect();
            bail!("no lab is called {name}; there are {}", known.join(", "));
        }
    }
    let is_wanted = |found: &&Found| names.is_empty() || names.contains(&found.lab.name);
    let wanted: Vec<&Found> = labs.iter().filter(is_wanted).collect();
    let mut outcomes = stream::iter(wanted)
        .map(async |found| (found, record(found).await))
        .buffered(AT_ONCE);
    let mut failed = 0;
    while let Some((found, outcome)) = outcomes.next().await {
        let name = &found.lab.name;
        match outcome {
            Ok(Outcome::Same) => eprintln!("{name}: as recorded"),
            Ok(Outcome::Drifted(how, _)) => eprintln!("{name}: recorded anew\n{how}"),
            Ok(Outcome::Failed(why)) => {
                failed += 1;
                eprintln!("{name}: FAILED ({}:{})\n{why}", found.file, found.line);
            }
            Err(error) => {
                failed += 1;
                eprintln!("{name}: FAILED ({}:{})\n{error:#}", found.file, found.line);
            }
        }
    }
    if failed > 0 {
        bail!("{failed} labs could not be recorded");
    }
    Ok(())
}

/// Plays a lab, and keeps what was observed if it is new.
async fn record(found: &Found) -> Result<Outcome> {
    // The one in the lab fits its steps; one that does not is recorded anew without a word.
    let outcome = compare(&found.lab, found.lab.recorded.as_ref()).await?;
    if let Outcome::Drifted(_, trace) = &outcome {
        recorded::write(&repository(), trace)?;
    }
    Ok(outcome)
}
