//! Recorded exchanges as files: `book/traces/NAME.json`, made for people to read and compare.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wire::Lab;
use wire::trace::{TRACE_VERSION, Trace};

use crate::problem::Finding;

/// The folder of the recorded exchanges, from the top of the repository.
pub const FOLDER: &str = "book/traces";

/// The file of a lab's recorded exchange, from the top of the repository.
pub fn file(lab: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{lab}.json"))
}

/// The recorded exchange of a lab; `None` if there is none yet.
pub fn read(repository: &Path, lab: &str) -> Result<Option<Trace>> {
    let file = file(lab);
    let path = repository.join(&file);
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", file.display()))?;
    let trace = Trace::from_json(&text).with_context(|| format!("reading {}", file.display()))?;
    Ok(Some(trace))
}

/// Writes a recorded exchange into its file.
pub fn write(repository: &Path, trace: &Trace) -> Result<()> {
    let file = file(&trace.lab);
    let path = repository.join(&file);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {FOLDER}"))?;
    }
    let text = trace.to_json().context("writing JSON")?;
    fs::write(&path, text).with_context(|| format!("writing {}", file.display()))
}

/// The recorded exchange that belongs to the lab as it is now.
pub(crate) fn of(repository: &Path, lab: &Lab) -> Result<Trace, Finding> {
    let problem = |text: String| Finding {
        file: Some(file(&lab.name).to_string_lossy().replace('\\', "/")),
        line: 1,
        text: format!("{text}; run `cargo lab record {}`", lab.name),
    };
    let trace = read(repository, &lab.name)
        .map_err(|error| problem(format!("expected a recorded exchange, found: {error:#}")))?
        .ok_or_else(|| problem("expected a recorded exchange, found none".to_owned()))?;
    check(&trace, lab).map_err(problem)?;
    Ok(trace)
}

/// Whether a trace can be one of this lab.
fn check(trace: &Trace, lab: &Lab) -> Result<(), String> {
    for (expected, found, what) in [
        (TRACE_VERSION.into(), trace.version.into(), "version"),
        (lab.steps.len(), trace.steps.ticks.len(), "number of steps"),
        (
            lab.questions.len(),
            trace.questions.len(),
            "number of questions",
        ),
    ] {
        if expected != found {
            return Err(format!(
                "expected a recorded exchange whose {what} is {expected}, found {found}"
            ));
        }
    }
    let ticks = &trace.steps.ticks;
    let last = ticks.last().map_or(0, |last| *last as usize);
    if !ticks.is_sorted() || last > trace.steps.events.len() {
        return Err("expected ticks in the order of the events, found others".to_owned());
    }
    let outcomes = lab.questions.iter().zip(&trace.questions);
    for (question, answered) in outcomes {
        if usize::from(answered.outcome) >= question.choices.len() {
            let found = answered.outcome;
            return Err(format!("expected the outcome of a question, found {found}"));
        }
    }
    Ok(())
}
