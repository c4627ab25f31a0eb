//! Saying what is being done, of how many steps, and how long each took.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use anyhow::Result;

/// How a step ended well.
pub(crate) enum Outcome {
    /// The work was done.
    Done,
    /// There was nothing to do.
    UpToDate,
}

/// The steps of one command.
pub(crate) struct Steps {
    total: usize,
    times: Vec<(String, Duration)>,
}

impl Steps {
    pub(crate) fn new(total: usize) -> Self {
        Self {
            total,
            times: Vec::new(),
        }
    }

    /// Does the next step.
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Result<Outcome>) -> Result<()> {
        let number = self.times.len() + 1;
        let start = Instant::now();
        let mut stderr = std::io::stderr();
        let is_terminal = stderr.is_terminal();
        // On a terminal the step's own output follows; elsewhere the outcome ends the line.
        let end = if is_terminal { "\n" } else { "" };
        // Progress that nobody can read is no reason to stop.
        write!(stderr, "[{number}/{}] {name}…{end}", self.total).ok();
        let outcome = work();
        let time = start.elapsed();
        let told = match &outcome {
            Ok(Outcome::Done) => seconds(time),
            Ok(Outcome::UpToDate) => "up to date".to_owned(),
            Err(_) => format!("failed after {}", seconds(time)),
        };
        let indent = if is_terminal { "      " } else { "  " };
        writeln!(stderr, "{indent}{told}").ok();
        self.times.push((name.to_owned(), time));
        outcome.map(|_| ())
    }

    /// Lists what took how long.
    pub(crate) fn tell_times(&self) {
        let total: Duration = self.times.iter().map(|(_, time)| *time).sum();
        eprintln!();
        for (number, (name, time)) in self.times.iter().enumerate() {
            let number = number + 1;
            eprintln!("[{number}/{}] {name:<44} {:>9}", self.total, seconds(*time));
        }
        eprintln!("{:<50} {:>9}", "      all", seconds(total));
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
