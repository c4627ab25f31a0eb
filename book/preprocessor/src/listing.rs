//! Cutting listings out of compiled source, with their line numbers.

use std::fs;
use std::path::Path;

use wire::Listing;
use wire::session::SIMULATED_PREFIX;

use crate::highlight::highlight;
use crate::problem::Finding;

/// Where the lesson servers are, from the top of the repository.
const LESSONS: &str = "native/src/lessons";

/// Where the servers of the simulated network are, without the beginning of their names.
const SIMULATED: &str = "web/sim/src/apps";

/// Where the same programs in Go are.
const GO: &str = "book/go";

/// The lines around the part that the book prints.
const BEGIN: &str = "// ANCHOR: listing";
const END: &str = "// ANCHOR_END: listing";

/// The listings of a lesson: its server in Rust, then what there is in Go.
///
/// A problem with the name is a problem of the chapter at `line`; one inside a source file is told
/// with that file's own line.
pub(crate) fn of_lesson(
    repository: &Path,
    lesson: &str,
    line: usize,
    findings: &mut Vec<Finding>,
) -> Option<Vec<Listing>> {
    let simulated = lesson.strip_prefix(SIMULATED_PREFIX);
    let (folder, file) = match simulated {
        Some(name) => (SIMULATED, name),
        None => (LESSONS, lesson),
    };
    let known = lessons(repository, folder);
    if !known.iter().any(|name| name == file) {
        let known = known.join(", ");
        findings.push(Finding::here(
            line,
            format!("expected the name of a file in {folder} ({known}), found `{file}`"),
        ));
        return None;
    }
    let candidates = [
        (
            "Server in Rust",
            "rust",
            format!("{folder}/{file}.rs"),
            true,
        ),
        (
            "Client in Rust",
            "rust",
            format!("{LESSONS}/{lesson}/client.rs"),
            false,
        ),
        (
            "Server in Go",
            "go",
            format!("{GO}/{lesson}/server/main.go"),
            false,
        ),
        (
            "Client in Go",
            "go",
            format!("{GO}/{lesson}/client/main.go"),
            false,
        ),
    ];
    let mut listings = Vec::new();
    for (title, language, file, is_required) in candidates {
        let path = repository.join(&file);
        if !is_required && !path.is_file() {
            continue;
        }
        let cut = fs::read_to_string(&path)
            .map_err(|error| (1, format!("expected a source file, found: {error}")))
            .and_then(|source| {
                cut(&source, is_required).map(|(first_line, text)| Listing {
                    title: title.to_owned(),
                    language: language.to_owned(),
                    file: file.clone(),
                    first_line,
                    lines: highlight(&text, language),
                })
            });
        match cut {
            Ok(listing) => listings.push(listing),
            Err((line, text)) => {
                let file = Some(file);
                let finding = Finding { file, line, text };
                // Two labs may print the same file.
                if !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        }
    }
    Some(listings)
}

/// The names of all lessons of a folder, sorted.
fn lessons(repository: &Path, folder: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(repository.join(folder))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let lesson = name.strip_suffix(".rs")?;
            (lesson != "mod").then(|| lesson.to_owned())
        })
        .collect();
    names.sort();
    names
}

/// The text between the anchors and the number of its first line; the whole file if there are none
/// and none are required. An error has the line in the file.
fn cut(source: &str, is_required: bool) -> Result<(u32, String), (usize, String)> {
    let lines: Vec<&str> = source.lines().collect();
    let line_of = |anchor: &str| lines.iter().position(|line| line.trim() == anchor);
    let (begin, end) = match (line_of(BEGIN), line_of(END)) {
        (Some(begin), Some(end)) if begin < end => (begin + 1, end),
        (Some(begin), _) => {
            return Err((begin + 1, format!("expected `{END}` below, found none")));
        }
        (None, Some(end)) => {
            return Err((end + 1, format!("expected `{BEGIN}` above, found none")));
        }
        (None, None) if is_required => {
            return Err((1, format!("expected `{BEGIN}` and `{END}`, found none")));
        }
        (None, None) => (0, lines.len()),
    };
    let Some(printed) = lines.get(begin..end).filter(|lines| !lines.is_empty()) else {
        return Err((
            begin.max(1),
            "expected lines to print, found none".to_owned(),
        ));
    };
    // A line left out would shift the numbers of those below, and another line would light up.
    if let Some(offset) = printed.iter().position(|line| line.contains("// ANCHOR")) {
        return Err((
            begin + offset + 1,
            "expected no other anchor inside the listing, found one".to_owned(),
        ));
    }
    let first_line = u32::try_from(begin + 1).unwrap_or(u32::MAX);
    Ok((first_line, printed.join("\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_between_the_anchors_keeps_its_numbers() {
        let source = format!("use a;\n{BEGIN}\nfn b() {{\n\n}}\n{END}\nfn c() {{}}\n");
        assert_eq!(cut(&source, true), Ok((3, "fn b() {\n\n}".to_owned())));
    }

    #[test]
    fn a_file_without_anchors_is_printed_whole_where_that_is_allowed() {
        assert_eq!(
            cut("package main\n\nfunc main() {}\n", false),
            Ok((1, "package main\n\nfunc main() {}".to_owned()))
        );
        let problem = cut("fn a() {}\n", true).unwrap_err();
        assert_eq!(problem.0, 1);
    }

    #[test]
    fn half_an_anchor_is_told_with_its_line() {
        let check = |source: String, line: usize, expected: &str| {
            let (found, text) = cut(&source, false).unwrap_err();
            assert_eq!(found, line);
            assert!(text.contains(expected), "{text}");
        };
        check(format!("a\n{BEGIN}\nb\n"), 2, "ANCHOR_END");
        check(format!("a\nb\n{END}\n"), 3, "ANCHOR: listing");
        check(format!("{END}\na\n{BEGIN}\n"), 3, "ANCHOR_END");
        check(format!("a\n{BEGIN}\n{END}\n"), 2, "lines to print");
        check(
            format!("{BEGIN}\na\n// ANCHOR: inner\n{END}\n"),
            3,
            "no other anchor",
        );
    }

    #[test]
    fn an_empty_file_has_nothing_to_print() {
        assert_eq!(cut("", false).unwrap_err().0, 1);
    }
}
