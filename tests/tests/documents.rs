//! What the documents say of the tests: each test that SECURITY.md names exists.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

/// The library crates, by the name that stands before the first `::`, and their folders.
const CRATES: [(&str, &str); 8] = [
    ("wire", "wire"),
    ("wirebook", "native"),
    ("wirebook_web", "web"),
    ("wirebook_depth", "web/depth"),
    ("wirebook_sim", "web/sim"),
    ("wirebook_preprocessor", "book/preprocessor"),
    ("wirebook_tests", "tests"),
    ("xtask", "xtask"),
];

/// What stands in place of a test where there is nothing to reach.
const CONSTANT: &str = "documented constant";

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rows of all tables of a document, without their heads: the line's number and its cells.
fn rows(document: &str) -> Vec<(usize, Vec<&str>)> {
    let mut rows = Vec::new();
    let mut is_body = false;
    for (index, line) in document.lines().enumerate() {
        let Some(inner) = line
            .trim()
            .strip_prefix('|')
            .and_then(|line| line.strip_suffix('|'))
        else {
            is_body = false;
            continue;
        };
        if inner.chars().all(|letter| "-|: ".contains(letter)) {
            is_body = true;
        } else if is_body {
            rows.push((index + 1, inner.split('|').map(str::trim).collect()));
        }
    }
    rows
}

/// What stands between backquotes and looks like a test's path.
fn named_tests(cell: &str) -> Vec<&str> {
    let quoted = cell.split('`').skip(1).step_by(2);
    quoted.filter(|quoted| quoted.contains("::")).collect()
}

/// Looks for the function of this path, and that it is a test.
fn find(path: &str) -> Result<()> {
    let mut parts: Vec<&str> = path.split("::").collect();
    let function = parts.pop().context("a path ends with a function")?;
    let root = parts.first().context("a path begins with a program")?;
    let roots: Vec<PathBuf> = match CRATES.iter().find(|(name, _)| name == root) {
        Some((_, folder)) => vec![top().join(folder).join("src/lib.rs")],
        None => CRATES
            .iter()
            .map(|(_, folder)| top().join(folder).join("tests"))
            .flat_map(|tests| {
                [
                    tests.join(format!("{root}.rs")),
                    tests.join(root).join("main.rs"),
                ]
            })
            .filter(|file| file.is_file())
            .collect(),
    };
    let [root_file] = roots.as_slice() else {
        bail!("{} test programs have the name {root}", roots.len());
    };
    let file = module_file(root_file, &parts[1..])?;
    let source = std::fs::read_to_string(&file)?;
    ensure!(
        is_test(&source, function),
        "{} has no test {function}",
        file.display()
    );
    Ok(())
}

/// The file in which the module of this path is written, perhaps inside of other modules there.
fn module_file(root_file: &Path, modules: &[&str]) -> Result<PathBuf> {
    let folder = root_file.parent().context("a file has a folder")?;
    for length in (1..=modules.len()).rev() {
        let base = folder.join(modules[..length].join("/"));
        for file in [base.with_extension("rs"), base.join("mod.rs")] {
            if file.is_file() {
                let source = std::fs::read_to_string(&file)?;
                let has = |module| source.contains(&format!("mod {module} {{"));
                ensure!(
                    modules[length..].iter().all(has),
                    "{} has no module {:?}",
                    file.display(),
                    &modules[length..]
                );
                return Ok(file);
            }
        }
    }
    ensure!(modules.is_empty(), "there is no module {modules:?}");
    Ok(root_file.to_owned())
}

/// Whether `function` stands in the source with an attribute that makes it a test.
fn is_test(source: &str, function: &str) -> bool {
    let mut is_marked = false;
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_marked = true;
        } else if let Some((_, rest)) = line.split_once("fn ") {
            let name = rest.split(['(', '<']).next();
            if is_marked && name == Some(function) {
                return true;
            }
            is_marked = false;
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            is_marked = false;
        }
    }
    false
}

#[test]
fn each_row_of_the_promises_names_tests_that_exist() -> Result<()> {
    let document = std::fs::read_to_string(top().join("SECURITY.md"))?;
    let rows = rows(&document);
    ensure!(rows.len() >= 7, "only {} rows were found", rows.len());
    let mut wrong = Vec::new();
    for (line, cells) in rows {
        let last = cells.last().copied().unwrap_or_default();
        let tests = named_tests(last);
        if tests.is_empty() && !last.contains(CONSTANT) {
            wrong.push(format!("line {line}: no test and no {CONSTANT}: {last}"));
        }
        for test in tests {
            if let Err(error) = find(test) {
                wrong.push(format!("line {line}: {test}: {error:#}"));
            }
        }
    }
    ensure!(
        wrong.is_empty(),
        "SECURITY.md is not true:\n{}",
        wrong.join("\n")
    );
    Ok(())
}

#[test]
fn a_test_that_does_not_exist_is_found_out() -> Result<()> {
    find("documents::a_test_that_does_not_exist_is_found_out")?;
    find("wirebook::gateway::token::tests::the_token_is_kept")?;
    find("wirebook::capture::tests::traffic_on_other_ports_never_appears")?;
    for wrong in [
        "documents::find",
        "documents::nobody_wrote_this",
        "nowhere::a_test_that_does_not_exist_is_found_out",
        "wirebook::gateway::token::the_token_is_lost",
        "wirebook::gateway::nowhere::tests::the_token_is_kept",
        "wirebook::gateway::http::tests::the_token_is_kept",
    ] {
        ensure!(find(wrong).is_err(), "{wrong} was found");
    }
    let document = "| who | proof |\n|---|---|\n| a | `x::y` |\n| b | - |\n\n| who |\n";
    ensure!(rows(document).len() == 2, "{:?}", rows(document));
    ensure!(named_tests("`x::y`, `--flag`, x::z") == ["x::y"]);
    Ok(())
}
