//! Splitting a `seen` or `play` phrase into words and quoted text.

use std::fmt;
use std::str::FromStr;

use crate::text;

/// Why a phrase could not be understood; reads well behind "line 12: ".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhraseError {
    /// The phrase.
    pub phrase: String,
    /// What was expected, and what came.
    pub problem: String,
}

impl fmt::Display for PhraseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`: {}", self.phrase, self.problem)
    }
}

impl std::error::Error for PhraseError {}

/// A word, or the bytes of a quoted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Word(String),
    Text(Vec<u8>),
}

/// The tokens of one phrase, taken from the front.
#[derive(Clone)]
pub(crate) struct Tokens<'a> {
    phrase: &'a str,
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    pub(crate) fn new(phrase: &'a str) -> Self {
        Self {
            phrase,
            rest: phrase,
        }
    }

    pub(crate) fn problem(&self, problem: impl Into<String>) -> PhraseError {
        PhraseError {
            phrase: self.phrase.to_owned(),
            problem: problem.into(),
        }
    }

    /// The next token; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Token>, PhraseError> {
        self.rest = self.rest.trim_start();
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let end = end_of_quote(quoted)
                .ok_or_else(|| self.problem("the quoted text has no closing \""))?;
            let bytes = text::from_escaped(&quoted[..end])
                .map_err(|error| self.problem(error.to_string()))?;
            self.rest = &quoted[end + 1..];
            return Ok(Some(Token::Text(bytes)));
        }
        if self.rest.is_empty() {
            return Ok(None);
        }
        let end = self
            .rest
            .find(|character: char| character.is_whitespace() || character == '"')
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(Some(Token::Word(word.to_owned())))
    }

    /// The next word, which must be there.
    pub(crate) fn word(&mut self, expected: &str) -> Result<String, PhraseError> {
        match self.next()? {
            Some(Token::Word(word)) => Ok(word),
            Some(Token::Text(_)) => {
                Err(self.problem(format!("expected {expected}, found a quoted text")))
            }
            None => Err(self.problem(format!("expected {expected}, found the end"))),
        }
    }

    /// The next word if one is left.
    pub(crate) fn optional_word(&mut self, expected: &str) -> Result<Option<String>, PhraseError> {
        self.rest = self.rest.trim_start();
        if self.rest.is_empty() {
            return Ok(None);
        }
        self.word(expected).map(Some)
    }

    /// The next word as a number, which must be there.
    pub(crate) fn number<T: FromStr>(&mut self, expected: &str) -> Result<T, PhraseError> {
        let word = self.word(expected)?;
        word.parse()
            .map_err(|_| self.problem(format!("expected {expected}, found {word}")))
    }

    /// The next word as a number, or `None` for the word `off`.
    pub(crate) fn number_or_off<T: FromStr>(
        &mut self,
        expected: &str,
    ) -> Result<Option<T>, PhraseError> {
        let word = self.word(expected)?;
        if word == "off" {
            return Ok(None);
        }
        word.parse()
            .map(Some)
            .map_err(|_| self.problem(format!("expected {expected} or off, found {word}")))
    }

    /// Takes `N times` from the end of the phrase, if it is there.
    pub(crate) fn times(&mut self) -> Result<Option<u16>, PhraseError> {
        let Some(before) = self.rest.trim_end().strip_suffix(" times") else {
            return Ok(None);
        };
        let (before, number) = before.rsplit_once(' ').unwrap_or(("", before));
        let times = number.parse().ok().filter(|times| *times > 0);
        let times = times.ok_or_else(|| {
            self.problem(format!("{number} is no number of times from 1 to 65535"))
        })?;
        self.rest = before;
        Ok(Some(times))
    }

    /// Nothing may be left.
    pub(crate) fn end(&mut self) -> Result<(), PhraseError> {
        match self.next()? {
            None => Ok(()),
            Some(Token::Word(word)) => Err(self.problem(format!("{word} is one word too many"))),
            Some(Token::Text(_)) => Err(self.problem("there is a quoted text too many")),
        }
    }

    /// Looks `word` up in a table of words.
    pub(crate) fn lookup<T: Copy>(
        &self,
        table: &[(T, &'static str)],
        word: &str,
    ) -> Result<T, PhraseError> {
        table
            .iter()
            .find(|(_, candidate)| *candidate == word)
            .map(|(value, _)| *value)
            .ok_or_else(|| {
                let known: Vec<_> = table.iter().map(|(_, word)| *word).collect();
                self.problem(format!("{word} is none of {}", known.join(", ")))
            })
    }
}

/// The offset of the quote that ends a text, skipping escaped ones.
fn end_of_quote(quoted: &str) -> Option<usize> {
    let mut escaped = false;
    for (offset, byte) in quoted.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(offset),
            _ => {}
        }
    }
    None
}
