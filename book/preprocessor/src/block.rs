//! Reading the TOML of a lab block.
//!
//! The table is walked by hand, so that every problem of a block is found at once and each has the
//! line of the key or phrase that it is about.

pub(crate) mod exhibit;
mod reader;

use toml::de::{DeTable, DeValue};
use wire::lab::{Choice, Control, Experiment, ExperimentKind, Question, Run, Step};
use wire::session::{SIMULATED_PREFIX, is_simulated};
use wire::{Act, NetworkSettings, Play, Seen, dns};

use self::reader::{Reader, Value, kind};
use crate::fence::Fence;
use crate::problem::Finding;

/// The longest name of a lab, which becomes a file's.
const MAX_NAME_CHARS: usize = 64;

/// What a lab block says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// Unique in the book.
    pub(crate) name: String,
    /// The line that gives it.
    pub(crate) name_line: usize,
    /// The lesson whose server the lab talks to.
    pub(crate) server: String,
    /// The line that names it.
    pub(crate) server_line: usize,
    /// The link of a simulated network.
    pub(crate) network: Option<NetworkSettings>,
    /// What the composer offers beyond the basics.
    pub(crate) controls: Vec<Control>,
    /// In order.
    pub(crate) steps: Vec<Step>,
    /// In order.
    pub(crate) questions: Vec<Question>,
    /// In order.
    pub(crate) experiments: Vec<Experiment>,
}

/// Reads a block; `None` if anything was wrong, which `findings` then tells.
pub(crate) fn parse(fence: &Fence, findings: &mut Vec<Finding>) -> Option<Block> {
    let before = findings.len();
    let mut reader = Reader { fence, findings };
    let block = reader.block();
    block.filter(|_| findings.len() == before)
}

impl Reader<'_> {
    fn block(&mut self) -> Option<Block> {
        let body = self.fence.body.clone();
        let table = self.table(&body)?;
        let table = table.get_ref();
        let known = [
            "name",
            "server",
            "network",
            "controls",
            "step",
            "question",
            "experiment",
        ];
        self.only(table, &known, "a lab");
        let server = self.required(table, "server", self.fence.line, "`server = \"LESSON\"`");
        let server = server.and_then(|value| {
            let line = self.line(&value.span());
            self.text("server", value)
                .map(|server| (server.to_owned(), line))
        });
        let name = match table.get("name") {
            None => server.clone(),
            Some(value) => self.name(value),
        };
        let controls = self.list(table.get("controls"), |reader, value| reader.control(value));
        let steps = self.required(table, "step", self.fence.line, "at least one `[[step]]`");
        let steps = steps.and_then(|value| self.tables("[[step]]", Some(value), Self::step));
        let questions = self.tables("[[question]]", table.get("question"), Self::question);
        let experiments = self.tables("[[experiment]]", table.get("experiment"), Self::experiment);
        let (server, server_line) = server?;
        let (name, name_line) = name?;
        let is_simulated = is_simulated(&server);
        let network = match table.get("network") {
            None => Some(is_simulated.then(NetworkSettings::default)),
            Some(value) => self.network(value, is_simulated).map(Some),
        };
        for kind in ["step", "question", "experiment"] {
            self.only_possible(table.get(kind), is_simulated);
        }
        Some(Block {
            network: network?,
            name,
            name_line,
            server,
            server_line,
            controls: controls?,
            steps: steps?,
            questions: questions?,
            experiments: experiments?,
        })
    }

    fn network(&mut self, value: &Value<'_>, is_simulated: bool) -> Option<NetworkSettings> {
        if !is_simulated {
            self.problem(
                &value.span(),
                format!(
                    "expected a `network` in a simulated lab only, whose server's name begins \
                     with {SIMULATED_PREFIX}"
                ),
            );
            return None;
        }
        self.phrase("network", value)
    }

    /// What is played in these tables must be possible in the lab's network.
    fn only_possible(&mut self, tables: Option<&Value<'_>>, is_simulated: bool) {
        let tables = tables.and_then(|value| value.get_ref().as_array());
        for table in tables.into_iter().flatten() {
            let play = table
                .get_ref()
                .as_table()
                .and_then(|table| table.get("play"));
            let phrases = match play.map(|value| (value, value.get_ref())) {
                Some((_, DeValue::Array(phrases))) => phrases.iter().collect(),
                Some((value, _)) => vec![value],
                None => Vec::new(),
            };
            for phrase in phrases {
                let play = phrase.get_ref().as_str().map(str::parse::<Play>);
                // What is no phrase is told elsewhere.
                let Some(Ok(play)) = play else { continue };
                let expected = match play.act {
                    Act::Network(_) | Act::Trap(_) if !is_simulated => "a simulated",
                    Act::Slicer(_) | Act::Relay(_) | Act::Ask { .. } if is_simulated => "a real",
                    _ => continue,
                };
                self.problem(
                    &phrase.span(),
                    format!("expected `{play}` in {expected} lab only"),
                );
            }
        }
    }

    /// A name that can be a file's on every system.
    fn name(&mut self, value: &Value<'_>) -> Option<(String, usize)> {
        let name = self.text("name", value)?;
        let is_plain = |character: char| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_'
        };
        if name.is_empty() || name.len() > MAX_NAME_CHARS || !name.chars().all(is_plain) {
            self.problem(
                &value.span(),
                format!("expected a name of lower-case letters, digits and _, found `{name}`"),
            );
            return None;
        }
        Some((name.to_owned(), self.line(&value.span())))
    }

    fn control(&mut self, value: &Value<'_>) -> Option<Control> {
        self.word("controls", &Control::ALL, value)
    }

    fn step(&mut self, table: &DeTable<'_>, line: usize) -> Option<Step> {
        self.only(table, &["say", "play", "seen", "hint"], "a step");
        let say = self.sentence(table, "say", line, "step");
        let play = self.required(table, "play", line, "`play = \"...\"` in this step");
        let play = play.and_then(|value| self.plays(value));
        let seen = self.seen(table, line, "step");
        let hints = self.list(table.get("hint"), |reader, value| {
            reader.runs("hint", value)
        });
        Some(Step {
            say: say?,
            play: play?,
            seen: seen?,
            hints: hints?,
        })
    }

    fn question(&mut self, table: &DeTable<'_>, line: usize) -> Option<Question> {
        self.only(table, &["ask", "play", "choice"], "a question");
        let ask = self.sentence(table, "ask", line, "question");
        let play = self.required(table, "play", line, "`play = \"...\"` in this question");
        let play = play.and_then(|value| self.plays(value));
        let choices = self.tables("[[question.choice]]", table.get("choice"), Self::choice);
        if let Some(choices) = &choices {
            if choices.len() < 2 {
                let found = choices.len();
                self.finding(
                    line,
                    format!("expected two or more `[[question.choice]]`, found {found}"),
                );
            }
            let twice = |(index, choice): (usize, &Choice)| {
                choices[..index]
                    .iter()
                    .any(|other| other.seen == choice.seen)
            };
            if choices.iter().enumerate().any(twice) {
                self.finding(
                    line,
                    "expected choices that are seen to differ, found the same `seen` twice",
                );
            }
        }
        Some(Question {
            ask: ask?,
            play: play?,
            choices: choices?,
        })
    }

    fn choice(&mut self, table: &DeTable<'_>, line: usize) -> Option<Choice> {
        self.only(table, &["say", "seen", "why"], "a choice");
        let say = self.sentence(table, "say", line, "choice");
        let seen = self.seen(table, line, "choice");
        let why = self.sentence(table, "why", line, "choice");
        Some(Choice {
            say: say?,
            seen: seen?,
            why: why?,
        })
    }

    fn experiment(&mut self, table: &DeTable<'_>, line: usize) -> Option<Experiment> {
        self.only(table, &["kind", "say", "play"], "an experiment");
        let kind = self.required(
            table,
            "kind",
            line,
            "`kind = \"useful\"` in this experiment",
        );
        let kind = kind.and_then(|value| self.word("kind", &ExperimentKind::ALL, value));
        let say = self.sentence(table, "say", line, "experiment");
        let play = match table.get("play") {
            None => Some(Vec::new()),
            Some(value) => self.plays(value),
        };
        Some(Experiment {
            kind: kind?,
            say: say?,
            play: play?,
        })
    }

    /// One thing to do, or a list of them.
    fn plays(&mut self, value: &Value<'_>) -> Option<Vec<Play>> {
        self.list(Some(value), |reader, value| {
            let play: Play = reader.phrase("play", value)?;
            if let Act::Ask { name, kind } = &play.act
                && let Err(problem) = dns::query(1, name, kind)
            {
                reader.problem(
                    &value.span(),
                    format!("expected a query that can be sent, found `{play}`: {problem}"),
                );
                return None;
            }
            Some(play)
        })
    }

    fn sentence(
        &mut self,
        table: &DeTable<'_>,
        key: &str,
        line: usize,
        of: &str,
    ) -> Option<Vec<Run>> {
        let expected = format!("`{key} = \"...\"` in this {of}");
        let value = self.required(table, key, line, &expected)?;
        self.runs(key, value)
    }

    fn seen(&mut self, table: &DeTable<'_>, line: usize, of: &str) -> Option<Seen> {
        let expected = format!("`seen = \"...\"` in this {of}");
        let value = self.required(table, "seen", line, &expected)?;
        self.phrase("seen", value)
    }

    /// The tables of an array; none if the key is missing.
    fn tables<T>(
        &mut self,
        key: &str,
        value: Option<&Value<'_>>,
        read: impl Fn(&mut Self, &DeTable<'_>, usize) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(value) = value else {
            return Some(Vec::new());
        };
        let tables = match value.get_ref() {
            DeValue::Array(tables) if !tables.is_empty() => tables,
            other => {
                let found = kind(other);
                self.problem(
                    &value.span(),
                    format!("expected `{key}` tables, found {found}"),
                );
                return None;
            }
        };
        // All are read, so that the problems of each are told.
        let read: Vec<Option<T>> = tables
            .iter()
            .map(|table| match table.get_ref() {
                DeValue::Table(fields) => read(self, fields, self.line(&table.span())),
                other => {
                    let found = kind(other);
                    self.problem(
                        &table.span(),
                        format!("expected a `{key}` table, found {found}"),
                    );
                    None
                }
            })
            .collect();
        read.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
