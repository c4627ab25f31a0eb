//! Finding the labs and exhibits of a chapter, by the same parser and options as mdBook's own.

use std::ops::Range;

use mdbook_markdown::pulldown_cmark::{CodeBlockKind, Event, Tag, TagEnd};
use mdbook_markdown::{MarkdownOptions, new_cmark_parser};

use crate::problem::Finding;

/// The word after the opening fence that makes a block a lab.
const LAB: &str = "lab";

/// The one that makes it a captured packet.
const PACKET: &str = "packet";

/// The one that makes it addresses to classify.
pub(crate) const ADDRESS: &str = "address";

/// A lab or an exhibit of a chapter.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fence {
    /// Where it stands in the chapter, fences included.
    pub(crate) range: Range<usize>,
    /// The line of the opening fence, counted from 1. The body begins on the next one.
    pub(crate) line: usize,
    /// The word that makes it what it is.
    pub(crate) language: &'static str,
    /// What stands between the fences.
    pub(crate) body: String,
}

/// Every lab block of `chapter`, in order.
pub(crate) fn find(chapter: &str, findings: &mut Vec<Finding>) -> Vec<Fence> {
    find_any(chapter, &[LAB], findings)
}

/// Every exhibit of `chapter`, in order.
pub(crate) fn find_exhibits(chapter: &str, findings: &mut Vec<Finding>) -> Vec<Fence> {
    find_any(chapter, &[PACKET, ADDRESS], findings)
}

fn find_any(chapter: &str, languages: &[&'static str], findings: &mut Vec<Finding>) -> Vec<Fence> {
    let language_of = |info: &str| {
        let word = info.split([' ', '\t', ',']).next();
        languages.iter().find(|language| word == Some(**language))
    };
    let mut fences = Vec::new();
    let mut current: Option<Fence> = None;
    let mut depth = 0_usize;
    for (event, range) in new_cmark_parser(chapter, &MarkdownOptions::default()).into_offset_iter()
    {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info)))
                if let Some(language) = language_of(&info) =>
            {
                let line = line_at(chapter, range.start);
                if depth > 0 {
                    findings.push(Finding::here(
                        line,
                        format!(
                            "expected a {language} block on its own, found it inside a list or a \
                             quotation"
                        ),
                    ));
                } else {
                    current = Some(Fence {
                        range,
                        line,
                        language,
                        body: String::new(),
                    });
                }
                depth += 1;
            }
            Event::Start(_) => depth += 1,
            Event::Text(text) => {
                if let Some(fence) = &mut current {
                    fence.body.push_str(&text);
                }
            }
            Event::End(end) => {
                depth = depth.saturating_sub(1);
                if end == TagEnd::CodeBlock {
                    fences.extend(current.take());
                }
            }
            _ => {}
        }
    }
    fences
}

/// The line of `offset` in `text`, counted from 1.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(chapter: &str, expected: &[(usize, &str)]) {
        let mut findings = Vec::new();
        let found = find(chapter, &mut findings);
        let found: Vec<_> = found
            .iter()
            .map(|fence| (fence.line, fence.body.as_str()))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(findings, []);
    }

    #[test]
    fn a_lab_is_found_with_its_line() {
        check(
            "# One\n\ntext\n```lab\na = 1\n\nb = 2\n```\n",
            &[(4, "a = 1\n\nb = 2\n")],
        );
    }

    #[test]
    fn fences_may_be_tildes_longer_and_indented() {
        check("~~~lab\nx\n~~~\n", &[(1, "x\n")]);
        check("`````lab\n```\n`````\n", &[(1, "```\n")]);
        check("  ```lab\n  x\n  ```\n", &[(1, "x\n")]);
        check("```lab,extra\nx\n```\n", &[(1, "x\n")]);
    }

    #[test]
    fn other_blocks_are_left_alone() {
        check("```toml\nserver = 1\n```\n", &[]);
        check("```labs\nx\n```\n", &[]);
        check("````markdown\n```lab\nx\n```\n````\n", &[]);
        check("    ```lab\n    x\n    ```\n", &[]);
    }

    #[test]
    fn two_labs_keep_their_order() {
        check(
            "```lab\na\n```\n\n```lab\nb\n```\n",
            &[(1, "a\n"), (5, "b\n")],
        );
    }

    #[test]
    fn windows_line_ends_count_as_one() {
        check("one\r\n\r\n```lab\r\na = 1\r\n```\r\n", &[(3, "a = 1\n")]);
    }

    #[test]
    fn a_lab_inside_a_list_is_a_problem() {
        let mut findings = Vec::new();
        assert_eq!(find("- item\n\n  ```lab\n  x\n  ```\n", &mut findings), []);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].line, 3);
        assert!(
            findings[0]
                .text
                .starts_with("expected a lab block on its own")
        );
    }
}
