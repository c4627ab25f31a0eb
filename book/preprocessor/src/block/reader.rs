//! Reading values out of a table of TOML, each problem told with its line.

use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use wire::lab::Run;

use crate::fence::{Fence, line_at};
use crate::inline;
use crate::problem::Finding;

/// Any value, with its place in the block.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

pub(super) struct Reader<'a> {
    pub(super) fence: &'a Fence,
    pub(super) findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    /// The TOML of a block.
    pub(super) fn table<'i>(&mut self, body: &'i str) -> Option<Spanned<DeTable<'i>>> {
        let table = DeTable::parse(body);
        if let Err(error) = &table {
            let span = error.span().unwrap_or(0..0);
            let found = error.message().trim().replace('\n', ", ");
            self.problem(&span, format!("expected TOML, found a mistake: {found}"));
        }
        table.ok()
    }

    /// What `read` makes of a value, or of each value of an array; nothing of nothing.
    pub(super) fn list<T>(
        &mut self,
        value: Option<&Value<'_>>,
        read: impl Fn(&mut Self, &Value<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(value) = value else {
            return Some(Vec::new());
        };
        match value.get_ref() {
            DeValue::Array(values) => {
                // All are read, so that the problems of each are told.
                let read: Vec<Option<T>> = values.iter().map(|value| read(self, value)).collect();
                read.into_iter().collect()
            }
            _ => read(self, value).map(|one| vec![one]),
        }
    }

    /// What a word of this table stands for.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &str,
        table: &[(T, &str)],
        value: &Value<'_>,
    ) -> Option<T> {
        let word = self.text(key, value)?;
        let found = table.iter().find(|(_, known)| *known == word);
        if found.is_none() {
            let known: Vec<_> = table.iter().map(|(_, known)| *known).collect();
            let known = known.join(", ");
            self.problem(
                &value.span(),
                format!("expected one of {known} for `{key}`, found `{word}`"),
            );
        }
        found.map(|(meaning, _)| *meaning)
    }

    pub(super) fn phrase<T>(&mut self, key: &str, value: &Value<'_>) -> Option<T>
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

    pub(super) fn runs(&mut self, key: &str, value: &Value<'_>) -> Option<Vec<Run>> {
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

    pub(super) fn text<'v>(&mut self, key: &str, value: &'v Value<'_>) -> Option<&'v str> {
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

    pub(super) fn required<'v, 'i>(
        &mut self,
        table: &'v DeTable<'i>,
        key: &str,
        line: usize,
        expected: &str,
    ) -> Option<&'v Value<'i>> {
        let value = table.get(key);
        if value.is_none() {
            self.missing(line, expected);
        }
        value
    }

    /// Keys that nothing reads are mistakes.
    pub(super) fn only(&mut self, table: &DeTable<'_>, known: &[&str], of: &str) {
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

    pub(super) fn missing(&mut self, line: usize, expected: &str) {
        self.finding(line, format!("expected {expected}, found none"));
    }

    pub(super) fn problem(&mut self, span: &Range<usize>, text: String) {
        self.finding(self.line(span), text);
    }

    pub(super) fn finding(&mut self, line: usize, text: impl Into<String>) {
        self.findings.push(Finding::here(line, text));
    }

    /// The line in the chapter of a place in the block.
    pub(super) fn line(&self, span: &Range<usize>) -> usize {
        self.fence.line + line_at(&self.fence.body, span.start)
    }
}

pub(super) fn kind(value: &DeValue<'_>) -> String {
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
