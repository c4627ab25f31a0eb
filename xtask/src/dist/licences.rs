//! The licences of what others made and the program contains.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cargo::{cargo, output};
use crate::page::TARGET;
use crate::paths::Paths;

/// What is in the book's pages beside our own: mdBook's scripts and styles, and the pictures on its
/// buttons.
const IN_THE_BOOK: [&str; 2] = ["mdbook-html", "font-awesome-as-a-crate"];

const HEAD: &str = "\
Wirebook contains what others have made. This lists it, with its licences.

The program also contains parts of Rust's standard library (MIT OR Apache-2.0).
The book's pages contain mdBook's scripts and styles (MPL-2.0; one line is left out, see
xtask/src/going_back.rs in Wirebook's sources), and with them
  highlight.js, copyright Ivan Sagalaev and others (BSD-3-Clause),
  clipboard.js, copyright Zeno Rocha (MIT),
  mark.js, copyright Julian Kuehnel (MIT),
  elasticlunr.js, copyright Wei Song, with lunr.js, copyright Oliver Nightingale (MIT),
  icons of Font Awesome Free 6.2.0, copyright Fonticons, Inc. (CC BY 4.0, unchanged):
    https://fontawesome.com, https://creativecommons.org/licenses/by/4.0/

";

/// One crate.
struct Crate {
    name: String,
    line: String,
    texts: Vec<String>,
}

/// The list for the program on `host` with the page inside.
pub(super) fn all(paths: &Paths, host: &str) -> Result<String> {
    let mut crates = BTreeMap::new();
    for (platform, tops) in [
        (host, ["wirebook"].as_slice()),
        (TARGET, &["wirebook-web", "wirebook-depth"]),
    ] {
        let arguments = ["metadata", "--format-version", "1", "--locked"];
        let mut command = cargo(paths, &arguments);
        command.args(["--filter-platform", platform]);
        let metadata: Value =
            serde_json::from_str(&output(&mut command)?).context("reading cargo's metadata")?;
        let wanted = inside(&metadata, tops);
        for package in packages(&metadata) {
            let name = package["name"].as_str().unwrap_or_default();
            let is_wanted = package["id"].as_str().is_some_and(|id| wanted.contains(id));
            // Ours have no source.
            if (is_wanted && !package["source"].is_null()) || IN_THE_BOOK.contains(&name) {
                let found = read(package)?;
                crates.insert(found.line.clone(), found);
            }
        }
    }
    Ok(tell(crates.into_values()))
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten()
}

/// The ids of everything that is linked into these packages: no macros, no tools, no tests.
fn inside(metadata: &Value, tops: &[&str]) -> BTreeSet<String> {
    let is_macro = |package: &Value| {
        let mut targets = package["targets"].as_array().into_iter().flatten();
        targets.any(|target| target["kind"][0] == "proc-macro")
    };
    let known: HashMap<&str, &Value> = packages(metadata)
        .filter_map(|package| Some((package["id"].as_str()?, package)))
        .collect();
    let nodes: HashMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let mut open: Vec<&str> = known
        .iter()
        .filter(|(_, package)| tops.iter().any(|top| package["name"] == *top))
        .map(|(id, _)| *id)
        .collect();
    let mut found = BTreeSet::new();
    while let Some(id) = open.pop() {
        if known.get(id).is_some_and(|package| is_macro(package)) || !found.insert(id.to_owned()) {
            continue;
        }
        let dependencies = nodes.get(id).and_then(|node| node["deps"].as_array());
        open.extend(
            dependencies
                .into_iter()
                .flatten()
                .filter(|dependency| {
                    let mut kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
                    // A normal dependency has no kind.
                    kinds.any(|kind| kind["kind"].is_null())
                })
                .filter_map(|dependency| dependency["pkg"].as_str()),
        );
    }
    found
}

fn read(package: &Value) -> Result<Crate> {
    let word = |key: &str| package[key].as_str().unwrap_or_default();
    let mut line = format!("{} {} ({})", word("name"), word("version"), word("license"));
    if !word("repository").is_empty() {
        write!(line, ", {}", word("repository"))?;
    }
    let folder = Path::new(word("manifest_path")).parent();
    let folder = folder.context("a package has no folder")?;
    let mut files: Vec<_> = fs::read_dir(folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .collect::<Result<_, _>>()?;
    files.sort_unstable_by_key(std::fs::DirEntry::file_name);
    let mut texts = Vec::new();
    for file in files {
        let name = file.file_name().to_string_lossy().to_ascii_lowercase();
        let is_licence = ["licen", "copying", "notice", "unlicense"]
            .iter()
            .any(|start| name.starts_with(start));
        if is_licence && file.file_type()?.is_file() {
            let text = fs::read(file.path())?;
            texts.push(String::from_utf8_lossy(&text).trim().to_owned());
        }
    }
    Ok(Crate {
        name: format!("{} {}", word("name"), word("version")),
        line,
        texts,
    })
}

/// Each text once, after those whose it is.
fn tell(crates: impl Iterator<Item = Crate>) -> String {
    let mut list = String::from(HEAD);
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut without = Vec::new();
    for found in crates {
        list += &found.line;
        list.push('\n');
        if found.texts.is_empty() {
            without.push(found.name.clone());
        }
        for text in found.texts {
            texts.entry(text).or_default().push(found.name.clone());
        }
    }
    if !without.is_empty() {
        list += "\nWithout a text of their own, under the licence named above: ";
        list += &without.join(", ");
        list.push('\n');
    }
    let mut texts: Vec<_> = texts.into_iter().collect();
    texts.sort_by(|(_, one), (_, other)| one.cmp(other));
    for (text, of) in texts {
        let rule = "-".repeat(78);
        list += &format!("\n{rule}\nOf {}:\n\n{text}\n", of.join(", "));
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_listed_and_what_only_builds_or_tests_is_not() {
        let metadata = serde_json::json!({
            "packages": [
                { "id": "top", "name": "top", "targets": [{ "kind": ["bin"] }] },
                { "id": "lib", "name": "lib", "targets": [{ "kind": ["lib"] }] },
                { "id": "deep", "name": "deep", "targets": [{ "kind": ["lib"] }] },
                { "id": "macro", "name": "macro", "targets": [{ "kind": ["proc-macro"] }] },
                { "id": "test", "name": "test", "targets": [{ "kind": ["lib"] }] },
            ],
            "resolve": { "nodes": [
                { "id": "top", "deps": [
                    { "pkg": "lib", "dep_kinds": [{ "kind": null }] },
                    { "pkg": "macro", "dep_kinds": [{ "kind": null }] },
                    { "pkg": "test", "dep_kinds": [{ "kind": "dev" }] },
                ] },
                { "id": "lib", "deps": [{ "pkg": "deep", "dep_kinds": [{ "kind": null }] }] },
                { "id": "macro", "deps": [{ "pkg": "test", "dep_kinds": [{ "kind": null }] }] },
            ] },
        });
        let found = inside(&metadata, &["top"]);
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["deep", "lib", "top"]
        );
    }

    #[test]
    fn a_text_that_several_have_is_told_once() {
        let of = |name: &str, texts: &[&str]| Crate {
            name: name.to_owned(),
            line: format!("{name} (MIT)"),
            texts: texts.iter().map(|&text| text.to_owned()).collect(),
        };
        let crates = [of("a 1", &["free"]), of("b 2", &["free"]), of("c 3", &[])];
        let list = tell(crates.into_iter());
        assert_eq!(list.matches("\nfree\n").count(), 1);
        assert!(list.contains("Of a 1, b 2:"));
        assert!(list.contains("named above: c 3\n"));
    }
}
