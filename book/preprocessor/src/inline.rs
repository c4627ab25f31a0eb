//! The inline Markdown of steps and hints: strong, emphasis and code.

use mdbook_markdown::pulldown_cmark::{Event, Tag, TagEnd};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};
use wire::lab::{Run, Style};

/// Reads a sentence or two; the error says what is not allowed.
pub(crate) fn parse(text: &str) -> Result<Vec<Run>, String> {
    let mut runs: Vec<Run> = Vec::new();
    let mut looks = vec![Style::Plain];
    let mut paragraphs = 0;
    for event in new_cmark_parser(text, &MarkdownOptions::default()) {
        let look = looks.last().copied().unwrap_or(Style::Plain);
        match event {
            Event::Start(Tag::Paragraph) => {
                paragraphs += 1;
                if paragraphs > 1 {
                    return Err(not_inline("a second paragraph"));
                }
            }
            Event::End(TagEnd::Paragraph) => {}
            Event::Start(Tag::Strong) => looks.push(Style::Strong),
            Event::Start(Tag::Emphasis) => looks.push(Style::Emphasis),
            Event::End(TagEnd::Strong | TagEnd::Emphasis) => {
                looks.pop();
            }
            Event::Text(text) => push(&mut runs, look, &text),
            Event::Code(code) => push(&mut runs, Style::Code, &code),
            Event::SoftBreak | Event::HardBreak => push(&mut runs, look, " "),
            Event::Start(Tag::Link { .. }) => return Err(not_inline("a link")),
            Event::Start(Tag::Image { .. }) => return Err(not_inline("an image")),
            Event::Start(Tag::List(_)) => return Err(not_inline("a list")),
            Event::Start(Tag::Heading { .. }) => return Err(not_inline("a heading")),
            Event::Start(Tag::CodeBlock(_)) => return Err(not_inline("a code block")),
            Event::Html(_) | Event::InlineHtml(_) | Event::Start(Tag::HtmlBlock) => {
                return Err(not_inline("HTML"));
            }
            _ => return Err(not_inline("other Markdown")),
        }
    }
    Ok(runs)
}

fn not_inline(found: &str) -> String {
    format!("expected text with **strong**, *emphasis* and `code` only, found {found}")
}

/// Adds text to the last run if it looks the same.
fn push(runs: &mut Vec<Run>, style: Style, text: &str) {
    match runs.last_mut() {
        Some(last) if last.style == style => last.text.push_str(text),
        _ => runs.push(Run {
            style,
            text: text.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(Style, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(style, text)| Run {
                style: *style,
                text: (*text).to_owned(),
            })
            .collect();
        assert_eq!(parse(text), Ok(expected));
    }

    #[test]
    fn looks_become_runs() {
        check(
            "Send **hello** and *read* the `ok`.",
            &[
                (Style::Plain, "Send "),
                (Style::Strong, "hello"),
                (Style::Plain, " and "),
                (Style::Emphasis, "read"),
                (Style::Plain, " the "),
                (Style::Code, "ok"),
                (Style::Plain, "."),
            ],
        );
    }

    #[test]
    fn quotes_are_set_and_code_is_verbatim() {
        check(
            "It's `\"ok\\n\"`",
            &[(Style::Plain, "It\u{2019}s "), (Style::Code, "\"ok\\n\"")],
        );
        check("two\nlines", &[(Style::Plain, "two lines")]);
        check("a < b & c", &[(Style::Plain, "a < b & c")]);
    }

    #[test]
    fn anything_else_is_named() {
        for (text, found) in [
            ("[a](b)", "a link"),
            ("![a](b)", "an image"),
            ("- a", "a list"),
            ("# a", "a heading"),
            ("a\n\nb", "a second paragraph"),
            ("a <b>c</b>", "HTML"),
            ("```\na\n```", "a code block"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.ends_with(&format!("found {found}")), "{problem}");
        }
    }
}
