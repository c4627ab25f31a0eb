//! Reading fields off the front of some bytes. What is missing becomes a field that says so.

use std::ops::Range;

use super::{Field, count};
use crate::text;

/// The most fields on one level; the rest is one field that says how much is left.
pub(super) const MAX_FIELDS: usize = 128;

/// The most bytes of a value that are shown in hexadecimal.
const MAX_HEX_BYTES: usize = 32;

/// Fields of one level, and where the next one begins.
///
/// A method that takes bytes returns `None` if they are not there; what is there is then a field of
/// its own, so that the fields cover all bytes whatever they are.
pub(super) struct Reader<'a> {
    /// All bytes: ranges count from their start.
    pub(super) whole: &'a [u8],
    /// Where the message begins whose pointers count from its start.
    pub(super) base: usize,
    /// The next byte.
    pub(super) at: usize,
    /// Where this level ends; never behind the whole.
    end: usize,
    fields: Vec<Field>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(whole: &'a [u8]) -> Self {
        Self {
            whole,
            base: 0,
            at: 0,
            end: whole.len(),
            fields: Vec::new(),
        }
    }

    /// How many bytes are left on this level.
    pub(super) fn left(&self) -> usize {
        self.end - self.at
    }

    /// The bytes that are left on this level.
    pub(super) fn ahead(&self) -> &'a [u8] {
        self.whole.get(self.at..self.end).unwrap_or_default()
    }

    /// The next bytes as one field without a value.
    pub(super) fn take(&mut self, name: &str, length: usize) -> Option<&'a [u8]> {
        if self.fields.len() == MAX_FIELDS {
            self.rest("More");
            return None;
        }
        let Some(bytes) = self.ahead().get(..length) else {
            let here = self.left();
            let (length, there) = (count(length), here.to_string());
            let value = [name, ": ", &length, ", of which ", &there, " are here"].concat();
            self.push("Cut off", here, value);
            return None;
        };
        self.push(name, length, String::new());
        Some(bytes)
    }

    /// The next bytes as a number in network byte order, at most 4 of them.
    pub(super) fn number(&mut self, name: &str, length: usize) -> Option<u32> {
        let bytes = self.take(name, length)?;
        let number = bytes
            .iter()
            .fold(0, |number, byte| number << 8 | u32::from(*byte));
        self.value(number.to_string());
        Some(number)
    }

    /// The next bytes in hexadecimal.
    pub(super) fn hex(&mut self, name: &str, length: usize) -> Option<&'a [u8]> {
        let bytes = self.take(name, length)?;
        self.value(shown(bytes));
        Some(bytes)
    }

    /// All that is left on this level as one field, if anything is.
    pub(super) fn rest(&mut self, name: &str) {
        let left = self.ahead();
        if !left.is_empty() {
            self.push(name, left.len(), shown(left));
        }
    }

    /// Fields on a level of their own: in the next `length` bytes, or as far as `read` gets.
    /// `None` if `read` says so or the bytes are not there; what it has read is kept.
    pub(super) fn group(
        &mut self,
        name: &str,
        length: Option<usize>,
        read: &mut dyn FnMut(&mut Reader<'a>) -> Option<()>,
    ) -> Option<()> {
        if self.fields.len() == MAX_FIELDS {
            self.rest("More");
            return None;
        }
        let start = self.at;
        let mut inner = Reader {
            whole: self.whole,
            base: self.base,
            at: start,
            end: start + length.unwrap_or(usize::MAX).min(self.left()),
            fields: Vec::new(),
        };
        let whole = read(&mut inner);
        if length.is_some() || whole.is_none() {
            inner.rest("Not read");
        }
        let (end, parts) = (inner.at, inner.fields);
        self.push(name, end - start, String::new());
        if let Some(field) = self.fields.last_mut() {
            field.parts = parts;
        }
        match length {
            // What makes no sense inside bounds of its own does not spoil what follows it.
            Some(length) => (end - start == length).then_some(()),
            None => whole,
        }
    }

    /// Fields on this level, in the next `length` bytes or what there is of them.
    pub(super) fn within(
        &mut self,
        length: usize,
        read: &mut dyn FnMut(&mut Reader<'a>) -> Option<()>,
    ) -> Option<()> {
        let end = self.end;
        self.end = self.at + length.min(self.left());
        let read = read(self);
        self.rest("Not read");
        self.end = end;
        read
    }

    /// A part of the last field that has the same bytes, e.g. some bits of them.
    pub(super) fn bits(&mut self, name: &str, value: impl Into<String>, note: &str) {
        if let Some(field) = self.fields.last_mut() {
            let mut part = Field::new(name, field.range.clone(), value);
            note.clone_into(&mut part.note);
            field.parts.push(part);
        }
    }

    /// What the last field says.
    pub(super) fn value(&mut self, value: impl Into<String>) {
        if let Some(field) = self.fields.last_mut() {
            field.value = value.into();
        }
    }

    /// What that means.
    pub(super) fn note(&mut self, note: &str) {
        if let Some(field) = self.fields.last_mut() {
            note.clone_into(&mut field.note);
        }
    }

    /// The fields; bytes that nobody has read are one more.
    pub(super) fn finish(mut self) -> Vec<Field> {
        self.rest("Not read");
        self.fields
    }

    fn push(&mut self, name: &str, length: usize, value: String) {
        let range: Range<usize> = self.at..self.at + length;
        self.at = range.end;
        self.fields.push(Field::new(name, range, value));
    }
}

/// Bytes in hexadecimal, at most a line of them.
pub(super) fn shown(bytes: &[u8]) -> String {
    let mut hex = text::to_hex(&bytes[..bytes.len().min(MAX_HEX_BYTES)]);
    if bytes.len() > MAX_HEX_BYTES {
        hex.push('…');
    }
    hex
}
