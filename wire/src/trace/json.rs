//! An exchange as JSON, for people to read and compare, and for programs of theirs.

use serde::Serialize;

use super::{Part, Trace};

impl Trace {
    /// JSON with an event on each line, so that a difference between two files is one of events.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let mut questions = Vec::new();
        for answered in &self.questions {
            questions.push(format!(
                "    {{\n      \"outcome\": {},\n      \"part\": {}\n    }}",
                answered.outcome,
                part(&answered.part, "      ")?
            ));
        }
        Ok(format!(
            "{{\n  \"version\": {},\n  \"lab\": {},\n  \"recorded\": {},\n  \"server\": {},\n  \
             \"steps\": {},\n  \"questions\": {}\n}}\n",
            self.version,
            json(&self.lab)?,
            json(&self.recorded)?,
            json(&self.server)?,
            part(&self.steps, "  ")?,
            array(&questions, "  "),
        ))
    }

    /// Reads it, in whatever lines it is.
    pub fn from_json(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

fn part(part: &Part, indent: &str) -> serde_json::Result<String> {
    let events: serde_json::Result<Vec<_>> = part
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

fn json(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value)
}
