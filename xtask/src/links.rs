//! Whether every link inside the rendered book leads somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::html::{Scan, scan};
use crate::inputs::files;

/// Checks every page of a site; the error lists all that is wrong.
pub(crate) fn check(site: &Path) -> Result<()> {
    let mut names = BTreeSet::new();
    let mut pages = BTreeMap::new();
    for file in files(site)? {
        let name = file
            .strip_prefix(site)?
            .to_string_lossy()
            .replace('\\', "/");
        if name.ends_with(".html") {
            let page = fs::read_to_string(&file).with_context(|| format!("reading {name}"))?;
            pages.insert(name.clone(), scan(&page)?);
        }
        names.insert(name);
    }
    let problems = problems(&names, &pages);
    if !problems.is_empty() {
        bail!("{} broken links\n{}", problems.len(), problems.join("\n"));
    }
    Ok(())
}

fn problems(names: &BTreeSet<String>, pages: &BTreeMap<String, Scan>) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, page) in pages {
        for source in &page.sources {
            if is_elsewhere(source) && !source.starts_with("data:") {
                problems.push(format!("{name}: {source} would be loaded from elsewhere"));
            }
        }
        for link in page.sources.iter().chain(&page.links) {
            if is_elsewhere(link) {
                continue;
            }
            // The page for unknown addresses is shown at any depth, so its links start at the top.
            let base = if name == "404.html" { "" } else { name };
            if let Some(problem) = problem(link, base, name, names, pages) {
                problems.push(format!("{name}: {link}: {problem}"));
            }
        }
    }
    problems
}

fn problem(
    link: &str,
    base: &str,
    name: &str,
    names: &BTreeSet<String>,
    pages: &BTreeMap<String, Scan>,
) -> Option<String> {
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let path = path.split('?').next().unwrap_or("");
    let target = if path.is_empty() {
        name.to_owned()
    } else {
        match resolve(base, &decode(path)) {
            Some(target) => target,
            None => return Some("leads out of the book".to_owned()),
        }
    };
    let target = if target.is_empty() || target.ends_with('/') {
        format!("{target}index.html")
    } else {
        target
    };
    if !names.contains(&target) {
        return Some(format!("there is no {target}"));
    }
    let page = pages.get(&target)?;
    let fragment = decode(fragment);
    if fragment.is_empty() || page.anchors.contains(&fragment) {
        return None;
    }
    Some(format!("nothing in {target} is called {fragment}"))
}

/// Whether a link names a scheme or a host.
fn is_elsewhere(link: &str) -> bool {
    link.starts_with("//")
        || link.split_once(':').is_some_and(|(scheme, _)| {
            !scheme.is_empty()
                && scheme
                    .chars()
                    .all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character))
        })
}

/// A path from the top of the site; `None` if it leads above it.
fn resolve(base: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = if path.starts_with('/') {
        Vec::new()
    } else {
        let mut parts: Vec<&str> = base.split('/').collect();
        parts.pop();
        parts
    };
    let mut rest = path.trim_start_matches('/').split('/').peekable();
    while let Some(part) = rest.next() {
        let is_last = rest.peek().is_none();
        match part {
            ".." => {
                parts.pop()?;
            }
            "." => {}
            "" if !is_last => {}
            _ => parts.push(part),
        }
        if is_last && matches!(part, "." | "..") {
            parts.push("");
        }
    }
    Some(parts.join("/"))
}

/// Undoes percent-encoding (RFC 3986, 2.1).
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        let digits = text.get(index + 1..index + 3);
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(value) if byte == b'%' => {
                decoded.push(value);
                index += 3;
            }
            _ => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(page: &str, html: &str, expected: &[&str]) {
        let pages = [
            (page.to_owned(), scan(html).unwrap()),
            (
                "tcp/ok.html".to_owned(),
                scan("<h2 id='two-words'>").unwrap(),
            ),
        ];
        let pages = BTreeMap::from(pages);
        let names = ["index.html", "tcp/ok.html", "css/a.css", page];
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(problems(&names, &pages), expected);
    }

    #[test]
    fn good_links_are_good() {
        let html = "<a href='tcp/ok.html#two-words'><a href='#here' id=here><a href='./'>\
                    <link href='css/a.css?v=1'><a href='https://example.org/x'>\
                    <a href='mailto:a@b'><img src='data:x'>";
        check("index.html", html, &[]);
        check(
            "udp/a.html",
            "<a href='../tcp/ok.html#two%2Dwords'><a href='..'>",
            &[],
        );
        check(
            "404.html",
            "<a href='tcp/ok.html'><a href='/index.html'>",
            &[],
        );
    }

    #[test]
    fn broken_links_are_told() {
        check(
            "index.html",
            "<a href='tcp/no.html'><a href='tcp/ok.html#three'><a href='../up.html'>",
            &[
                "index.html: tcp/no.html: there is no tcp/no.html",
                "index.html: tcp/ok.html#three: nothing in tcp/ok.html is called three",
                "index.html: ../up.html: leads out of the book",
            ],
        );
    }

    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        check(
            "index.html",
            "<img src='https://example.org/a.png'>",
            &["index.html: https://example.org/a.png would be loaded from elsewhere"],
        );
    }
}
