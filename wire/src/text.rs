//! Bytes as text that a person can read and type, and back.
//!
//! One notation everywhere: the composer, `seen` and `play` phrases, rows of a lab.
//! `\n`, `\r`, `\t`, `\0`, `\\`, `\"` and `\xNN` mean what they mean in Rust; all else is itself.

use std::fmt;

/// Why a typed text is not a sequence of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextError {
    /// The character after the backslash at `offset` (in bytes) means nothing.
    UnknownEscape {
        /// Of the backslash.
        offset: usize,
        /// What follows it; `None` at the end of the text.
        found: Option<char>,
    },
    /// `\x` at `offset` wants exactly two hexadecimal digits.
    BadHexEscape {
        /// Of the backslash.
        offset: usize,
    },
    /// At `offset` of a hexadecimal text stands something that is not a digit or a separator.
    NotHex {
        /// Of the character.
        offset: usize,
        /// The character.
        found: char,
    },
    /// A hexadecimal text ends in the middle of a byte.
    HalfByte,
}

impl fmt::Display for TextError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownEscape {
                found: Some(found), ..
            } => write!(
                formatter,
                "\\{found} means nothing here: use \\n, \\r, \\t, \\0, \\xNN, or \\\\ for a backslash"
            ),
            Self::UnknownEscape { found: None, .. } => write!(
                formatter,
                "the text ends with a lone backslash: write \\\\ to send one"
            ),
            Self::BadHexEscape { .. } => {
                write!(formatter, "\\x wants two hexadecimal digits, as in \\x0a")
            }
            Self::NotHex { found, .. } => {
                write!(formatter, "'{found}' is not a hexadecimal digit (0-9, a-f)")
            }
            Self::HalfByte => write!(
                formatter,
                "a byte has two hexadecimal digits, and the last one here has one"
            ),
        }
    }
}

impl std::error::Error for TextError {}

/// The bytes that a typed text with escapes stands for; text itself is UTF-8 (RFC 3629).
pub fn from_escaped(text: &str) -> Result<Vec<u8>, TextError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut characters = text.char_indices();
    while let Some((offset, character)) = characters.next() {
        if character != '\\' {
            let mut utf8 = [0; 4];
            bytes.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
            continue;
        }
        match characters.next().map(|(_, escaped)| escaped) {
            Some('n') => bytes.push(b'\n'),
            Some('r') => bytes.push(b'\r'),
            Some('t') => bytes.push(b'\t'),
            Some('0') => bytes.push(0),
            Some('\\') => bytes.push(b'\\'),
            Some('"') => bytes.push(b'"'),
            Some('x') => {
                let mut digit = || characters.next().and_then(|(_, digit)| digit.to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => bytes.push((high * 16 + low) as u8),
                    _ => return Err(TextError::BadHexEscape { offset }),
                }
            }
            found => return Err(TextError::UnknownEscape { offset, found }),
        }
    }
    Ok(bytes)
}

/// The bytes that hexadecimal digits stand for; white space, `:` and `,` may separate bytes.
pub fn from_hex(text: &str) -> Result<Vec<u8>, TextError> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for (offset, character) in text.char_indices() {
        if character.is_whitespace() || matches!(character, ':' | ',') {
            if high.is_some() {
                return Err(TextError::HalfByte);
            }
            continue;
        }
        let found = character;
        let digit = character
            .to_digit(16)
            .ok_or(TextError::NotHex { offset, found })? as u8;
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push(high * 16 + digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err(TextError::HalfByte),
    }
}

/// Bytes in the notation of [`from_escaped`], which reads them back exactly.
/// What has no shape of its own on paper (control characters, bidirectional controls, invisible
/// characters, bytes that are not UTF-8) is escaped byte by byte.
pub fn to_escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\0' => text.push_str("\\0"),
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                _ if is_visible(character) => text.push(character),
                _ => {
                    let mut utf8 = [0; 4];
                    push_hex_escapes(character.encode_utf8(&mut utf8).as_bytes(), &mut text);
                }
            }
        }
        push_hex_escapes(chunk.invalid(), &mut text);
    }
    text
}

/// Bytes as pairs of hexadecimal digits with a space between.
pub fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        if !text.is_empty() {
            text.push(' ');
        }
        push_hex(*byte, &mut text);
    }
    text
}

/// Whether a character can be told apart by eye and does not change how its neighbours look.
pub fn is_visible(character: char) -> bool {
    !(character.is_control()
        || (character.is_whitespace() && character != ' ')
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
            | '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}'))
}

fn push_hex_escapes(bytes: &[u8], text: &mut String) {
    for byte in bytes {
        text.push_str("\\x");
        push_hex(*byte, text);
    }
}

fn push_hex(byte: u8, text: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.push(char::from(DIGITS[usize::from(byte >> 4)]));
    text.push(char::from(DIGITS[usize::from(byte & 15)]));
}
