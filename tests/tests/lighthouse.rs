//! Whole pages as Lighthouse judges them: how quickly they load, whether all can use them, and what
//! browsers advise against. In a test program of its own, so that nothing else runs meanwhile.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;
use wirebook_tests::browser::Program;
use wirebook_tests::requirements::met;

/// One with a lab, one with exhibits and many of everything, one whose labs are simulated.
const CHAPTERS: [&str; 3] = ["tcp-ok.html", "layers.html", "congestion.html"];

/// What each page gets at least in each category, of 100.
const WANTED: f64 = 95.0;

/// Speed on a busy machine varies: the best of so many is what the page can do.
const TRIES: usize = 3;

const CATEGORIES: [&str; 3] = ["performance", "accessibility", "best-practices"];

const CHROMIUM: &str = "--headless --no-sandbox --disable-gpu --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync";

#[tokio::test]
async fn lighthouse_gives_three_chapters_95_or_more() -> Result<()> {
    if !(met("browser") && met("lighthouse")) {
        return Ok(());
    }
    let state = tempfile::tempdir()?;
    let program = Program::start(state.path()).await?;
    for chapter in CHAPTERS {
        let url = format!("{}/{chapter}{}", program.origin(), program.fragment());
        let mut told = Vec::new();
        for _ in 0..TRIES {
            let report = judge(&url, state.path()).await?;
            let scores = CATEGORIES.map(|category| score(&report, category));
            eprintln!("{chapter}: {CATEGORIES:?} {scores:?}");
            if scores.iter().all(|score| *score >= WANTED) {
                told.clear();
                break;
            }
            told.push(format!("{scores:?}: {}", faults(&report).join("; ")));
        }
        ensure!(
            told.is_empty(),
            "{chapter} is below {WANTED} in one of {CATEGORIES:?}:\n{}",
            told.join("\n")
        );
    }
    Ok(())
}

/// Loads a page as on a desktop and has it judged.
async fn judge(url: &str, folder: &Path) -> Result<Value> {
    let report = folder.join("report.json");
    let browser = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find_map(on_path)
        .context("a browser is on the path")?;
    let output = Command::new("node")
        .arg(std::env::var_os("WIREBOOK_LIGHTHOUSE").unwrap_or_else(|| {
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let installed = "../target/peers/node_modules/lighthouse/cli/index.js";
            root.join(installed).into()
        }))
        .arg(url)
        .args(["--quiet", "--preset=desktop", "--no-enable-error-reporting"])
        .arg(format!("--only-categories={}", CATEGORIES.join(",")))
        .arg("--output=json")
        .arg(format!("--output-path={}", report.display()))
        .arg(format!("--chrome-flags={CHROMIUM}"))
        .env("CHROME_PATH", browser)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("starting Lighthouse")?;
    ensure!(
        output.status.success(),
        "Lighthouse ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(serde_json::from_slice(&std::fs::read(report)?)?)
}

/// Of 100; 0 if there is none.
fn score(report: &Value, category: &str) -> f64 {
    let score = &report["categories"][category]["score"];
    score.as_f64().map_or(0.0, |score| (score * 100.0).round())
}

/// What counted against the page.
fn faults(report: &Value) -> Vec<String> {
    let categories = report["categories"].as_object().into_iter().flatten();
    let counted = categories.flat_map(|(_, category)| {
        let audits = category["auditRefs"].as_array().into_iter().flatten();
        audits.filter(|audit| audit["weight"].as_f64() > Some(0.0))
    });
    counted
        .filter_map(|audit| {
            let audit = &report["audits"][audit["id"].as_str()?];
            let is_fault = audit["score"].as_f64()? < 0.9;
            is_fault.then(|| format!("{} {}", audit["title"], audit["displayValue"]))
        })
        .collect()
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut folders = std::env::split_paths(&path);
    folders.find_map(|folder| Some(folder.join(program)).filter(|file| file.is_file()))
}
