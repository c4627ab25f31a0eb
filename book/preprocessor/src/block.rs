//! Reading the TOML of a lab block.
//!
//! The table is walked by hand, so that every problem of a block is found at once and each has the
//! line of the key or phrase that it is about.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};
use wire::Play;
use wire::lab::{Run, Step};

use crate::fence::{Fence, line_at};
use crate::inline;
use crate::problem::Finding;

/// What a lab block says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// The lesson whose server the lab talks to.
    pub(crate) server: String,
    /// The line that names it.
    pub(crate) server_line: usize,
    /// In order.
    pub(crate) steps: Vec<Step>,
}

/// Reads a block; `None` if anything was wrong, which `findings` then tells.
pub(crate) fn parse(fence: &Fence, findings: &mut Vec<Finding>) -> Option<Block> {
    let before = findings.len();
    let mut reader = Reader { fence, findings };
    let block = reader.block();
    block.filter(|_| findings.len() == before)
}

struct Reader<'a> {
    fence: &'a Fence,
    findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    fn block(&mut self) -> Option<Block> {
        let body = self.fence.body.clone();
        let table = match DeTable::parse(&body) {
            Ok(table) => table,
            Err(error) => {
                let span = error.span().unwrap_or(0..0);
                let found = error.message().trim().replace('\n', ", ");
                self.problem(&span, format!("expected TOML, found a mistake: {found}"));
                return None;
            }
        };
        let table = table.get_ref();
        self.only(table, &["server", "step"], "a lab");
        let server = match table.get("server") {
            None => {
                self.missing(self.fence.line, "`server = \"LESSON\"`");
                None
            }
            Some(value) => self
                .text("server", value)
                .map(|server| (server.to_owned(), self.line(&value.span()))),
        };
        let steps = match table.get("step") {
            None => {
                self.missing(self.fence.line, "at least one `[[step]]`");
                None
            }
            Some(value) => match value.get_ref() {
                DeValue::Array(steps) if !steps.is_empty() => Some(self.steps(steps)),
                other => {
                    let found = kind(other);
                    self.problem(
                        &value.span(),
                        format!("expected `[[step]]` tables, found {found}"),
                    );
                    None
                }
            },
        };
        let (server, server_line) = server?;
        Some(Block {
            server,
            server_line,
            steps: steps?,
        })
    }

    /// The steps that are right.
    fn steps(&mut self, steps: &DeArray<'_>) -> Vec<Step> {
        steps.iter().filter_map(|step| self.step(step)).collect()
    }

    fn step(&mut self, step: &Spanned<DeValue<'_>>) -> Option<Step> {
        let DeValue::Table(table) = step.get_ref() else {
            let found = kind(step.get_ref());
            self.problem(
                &step.span(),
                format!("expected a `[[step]]` table, found {found}"),
            );
            return None;
        };
        self.only(table, &["say", "play", "seen", "hint"], "a step");
        let line = self.line(&step.span());
        let say = self.required(table, "say", line, "`say = \"...\"` in this step");
        let say = say.and_then(|value| self.runs("say", value));
        let play = self.required(table, "play", line, "`play = \"...\"` in this step");
        let play = play.and_then(|value| self.plays(value));
        let seen = self.required(table, "seen", line, "`seen = \"...\"` in this step");
        let seen = seen.and_then(|value| self.phrase("seen", value));
        let hint = match table.get("hint") {
            None => Some(Vec::new()),
            Some(value) => self.runs("hint", value).map(|tier| vec![tier]),
        };
        Some(Step {
            say: say?,
            play: play?,
            seen: seen?,
            hints: hint?,
        })
    }

    /// One phrase, or a list of phrases.
    fn plays(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Vec<Play>> {
        match value.get_ref() {
            DeValue::Array(phrases) => {
                let plays: Vec<Option<Play>> = phrases
                    .iter()
                    .map(|phrase| self.phrase("play", phrase))
                    .collect();
                plays.into_iter().collect()
            }
            _ => self.phrase("play", value).map(|play| vec![play]),
        }
    }

    fn phrase<T>(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        match self.text(key, value)?.parse() {
            Ok(phrase) => Some(phrase),
            Err(problem) => {
                self.problem(
                    &value.span(),
                    format!("expected a phrase for `{key}`, found {problem}"),
                );
                None
            }
        }
    }

    fn runs(&mut self, key: &str, value: &Spanned<DeValue<'_>>) -> Option<Vec<Run>> {
        match inline::parse(self.text(key, value)?) {
            Ok(runs) if runs.is_empty() => {
                self.problem(
                    &value.span(),
                    format!("expected a sentence for `{key}`, found nothing"),
                );
                None
            }
            Ok(runs) => Some(runs),
            Err(problem) => {
                self.problem(&value.span(), format!("`{key}`: {problem}"));
                None
            }
        }
    }

    fn text<'v>(&mut self, key: &str, value: &'v Spanned<DeValue<'_>>) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            let found = kind(value.get_ref());
            self.problem(
                &value.span(),
                format!("expected a quoted text for `{key}`, found {found}"),
            );
        }
        text
    }

    fn required<'v, 'i>(
        &mut self,
        table: &'v DeTable<'i>,
        key: &str,
        line: usize,
        expected: &str,
    ) -> Option<&'v Spanned<DeValue<'i>>> {
        let value = table.get(key);
        if value.is_none() {
            self.missing(line, expected);
        }
        value
    }

    /// Keys that nothing reads are mistakes.
    fn only(&mut self, table: &DeTable<'_>, known: &[&str], of: &str) {
        for key in table.keys() {
            let name: &str = key.get_ref();
            if !known.contains(&name) {
                let expected = known.join(", ");
                self.problem(
                    &key.span(),
                    format!("expected {of} to have {expected} only, found `{name}`"),
                );
            }
        }
    }

    fn missing(&mut self, line: usize, expected: &str) {
        self.findings.push(Finding::here(
            line,
            format!("expected {expected}, found none"),
        ));
    }

    fn problem(&mut self, span: &Range<usize>, text: String) {
        let line = self.line(span);
        self.findings.push(Finding::here(line, text));
    }

    /// The line in the chapter of a place in the block.
    fn line(&self, span: &Range<usize>) -> usize {
        self.fence.line + line_at(&self.fence.body, span.start)
    }
}

fn kind(value: &DeValue<'_>) -> String {
    match value {
        DeValue::Array(array) if array.is_empty() => "an empty array".to_owned(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
        DeValue::String(text) => format!("the text \"{text}\""),
        DeValue::Integer(integer) => format!("the number {}", integer.as_str()),
        DeValue::Float(float) => format!("the number {}", float.as_str()),
        DeValue::Boolean(boolean) => format!("{boolean}"),
        DeValue::Datetime(time) => format!("the time {time}"),
    }
}

#[cfg(test)]
mod tests;
