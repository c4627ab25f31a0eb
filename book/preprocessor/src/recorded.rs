//! Recorded exchanges as files: `book/traces/NAME.json`, made for people to read and compare.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Serialize;
use wire::Lab;
use wire::trace::{Part, TRACE_VERSION, Trace};

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
    let trace =
        serde_json::from_str(&text).with_context(|| format!("reading {}", file.display()))?;
    Ok(Some(trace))
}

/// Writes a recorded exchange into its file.
pub fn write(repository: &Path, trace: &Trace) -> Result<()> {
    let file = file(&trace.lab);
    let path = repository.join(&file);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("making {FOLDER}"))?;
    }
    fs::write(&path, to_text(trace)?).with_context(|| format!("writing {}", file.display()))
}

/// JSON with an event on each line, so that a difference between two files is one of events.
pub fn to_text(trace: &Trace) -> Result<String> {
    let mut questions = Vec::new();
    for answered in &trace.questions {
        questions.push(format!(
            "    {{\n      \"outcome\": {},\n      \"part\": {}\n    }}",
            answered.outcome,
            part(&answered.part, "      ")?
        ));
    }
    Ok(format!(
        "{{\n  \"version\": {},\n  \"lab\": {},\n  \"recorded\": {},\n  \"server\": {},\n  \
         \"steps\": {},\n  \"questions\": {}\n}}\n",
        trace.version,
        json(&trace.lab)?,
        json(&trace.recorded)?,
        json(&trace.server)?,
        part(&trace.steps, "  ")?,
        array(&questions, "  "),
    ))
}

fn part(part: &Part, indent: &str) -> Result<String> {
    let events: Result<Vec<_>> = part
        .events
        .iter()
        .map(|event| Ok(format!("{indent}    {}", json(event)?)))
        .collect();
    Ok(format!(
        "{{\n{indent}  \"clients\": {},\n{indent}  \"ticks\": {},\n{indent}  \"events\": {}\n{indent}}}",
        json(&part.clients)?,
        json(&part.ticks)?,
        array(&events?, &format!("{indent}  "))
    ))
}

/// An array with each of `lines` on its own, the bracket after them at `indent`.
fn array(lines: &[String], indent: &str) -> String {
    match lines {
        [] => "[]".to_owned(),
        _ => format!("[\n{}\n{indent}]", lines.join(",\n")),
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).context("writing JSON")
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
