//! What the reader is about to send.

use std::collections::VecDeque;

use wire::session::MAX_SEND_BYTES;
use wire::text;

/// How the message is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// Text with escapes such as `\n`.
    #[default]
    Text,
    /// Pairs of hexadecimal digits.
    Hex,
}

/// What is put behind the message. Nothing, unless the reader asks: bytes that nobody typed would
/// be a lie in a book about bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Nothing.
    #[default]
    None,
    /// `\n`
    Lf,
    /// `\r\n`
    CrLf,
}

/// A message that is being written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) typed: String,
    pub(crate) form: Form,
    pub(crate) ending: Ending,
}

impl Draft {
    /// The draft that stands for these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self {
            // A quote needs no escape outside quotes, and would only puzzle.
            typed: text::to_escaped(bytes).replace("\\\"", "\""),
            ..Self::default()
        }
    }

    /// The bytes that would be sent, or a sentence that says why there are none.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, String> {
        let bytes = match self.form {
            Form::Text => text::from_escaped(&self.typed),
            Form::Hex => text::from_hex(&self.typed),
        };
        let mut bytes = bytes.map_err(|error| error.to_string())?;
        bytes.extend_from_slice(match self.ending {
            Ending::None => b"",
            Ending::Lf => b"\n",
            Ending::CrLf => b"\r\n",
        });
        if bytes.len() > MAX_SEND_BYTES {
            return Err([
                "one send takes at most ",
                &MAX_SEND_BYTES.to_string(),
                " bytes: send the rest afterwards",
            ]
            .concat());
        }
        Ok(bytes)
    }

    /// The same bytes written the other way; a draft with a mistake is left as typed.
    pub(crate) fn set_form(&mut self, form: Form) {
        if self.form == form {
            return;
        }
        let typed = match self.form {
            Form::Text => text::from_escaped(&self.typed).map(|bytes| text::to_hex(&bytes)),
            Form::Hex => text::from_hex(&self.typed).map(|bytes| Self::of(&bytes).typed),
        };
        if let Ok(typed) = typed {
            self.typed = typed;
        }
        self.form = form;
    }
}

/// How many sent drafts are remembered.
const MAX_REMEMBERED: usize = 50;

/// What was sent before, for the arrow keys.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    sent: VecDeque<Draft>,
    /// How many steps back the reader is; 0 is the draft under way.
    back: usize,
    under_way: Draft,
}

impl History {
    /// Remembers a draft that was sent.
    pub(crate) fn push(&mut self, draft: &Draft) {
        self.back = 0;
        if self.sent.back() == Some(draft) {
            return;
        }
        if self.sent.len() == MAX_REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back(draft.clone());
    }

    /// The draft sent before the one shown now.
    pub(crate) fn older(&mut self, shown: &Draft) -> Option<Draft> {
        if self.back == self.sent.len() {
            return None;
        }
        if self.back == 0 {
            self.under_way = shown.clone();
            // The one just sent is often still in the box: going back to it would look broken.
            if self.sent.back() == Some(shown) && self.sent.len() > 1 {
                self.back = 1;
            }
        }
        self.back += 1;
        self.sent.get(self.sent.len() - self.back).cloned()
    }

    /// The draft sent after the one shown now, or the one that was under way.
    pub(crate) fn newer(&mut self) -> Option<Draft> {
        self.back = self.back.checked_sub(1)?;
        match self.back {
            0 => Some(self.under_way.clone()),
            back => self.sent.get(self.sent.len() - back).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Draft, Ending, Form, History};

    fn draft(typed: &str) -> Draft {
        Draft {
            typed: typed.to_owned(),
            ..Draft::default()
        }
    }

    #[test]
    fn what_is_typed_is_what_is_sent_and_the_ending_is_a_choice() {
        let mut draft = draft("hello\\t");
        assert_eq!(draft.bytes().as_deref(), Ok(&b"hello\t"[..]));
        draft.ending = Ending::Lf;
        assert_eq!(draft.bytes().as_deref(), Ok(&b"hello\t\n"[..]));
        draft.ending = Ending::CrLf;
        assert_eq!(draft.bytes().as_deref(), Ok(&b"hello\t\r\n"[..]));
    }

    #[test]
    fn a_mistake_is_told_in_words() {
        assert!(
            draft("a\\")
                .bytes()
                .is_err_and(|why| why.contains("lone backslash"))
        );
        assert!(
            draft(&"a".repeat(70_000))
                .bytes()
                .is_err_and(|why| why.contains("at most"))
        );
    }

    #[test]
    fn text_becomes_hex_and_comes_back() {
        let mut draft = draft("say \"ü\"\\n");
        draft.set_form(Form::Hex);
        assert_eq!(draft.typed, "73 61 79 20 22 c3 bc 22 0a");
        draft.set_form(Form::Text);
        assert_eq!(draft.typed, "say \"ü\"\\n");
        draft.typed = "\\q".to_owned();
        draft.set_form(Form::Hex);
        assert_eq!(draft.typed, "\\q");
        assert!(draft.bytes().is_err());
    }

    #[test]
    fn arrows_walk_through_what_was_sent() {
        let mut history = History::default();
        assert_eq!(history.older(&draft("new")), None);
        history.push(&draft("a"));
        history.push(&draft("b"));
        history.push(&draft("b"));
        assert_eq!(history.older(&draft("new")), Some(draft("b")));
        assert_eq!(history.older(&draft("b")), Some(draft("a")));
        assert_eq!(history.older(&draft("a")), None);
        assert_eq!(history.newer(), Some(draft("b")));
        assert_eq!(history.newer(), Some(draft("new")));
        assert_eq!(history.newer(), None);
        assert_eq!(history.older(&draft("b")), Some(draft("a")));
    }
}
