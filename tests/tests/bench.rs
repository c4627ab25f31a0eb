//! The benchmark runs: every figure once, so small that only its code is tried.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

#[test]
fn every_figure_can_be_measured() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let json = folder.path().join("bench.json");
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["--smoke", "--json"])
        .arg(&json)
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    let report: Value = serde_json::from_slice(&std::fs::read(&json)?)?;
    let figures = report["figures"].as_array().context("figures")?;
    assert!(figures.len() >= 5, "{report}");
    for figure in figures {
        let rows = figure["rows"].as_array().context("rows")?;
        assert!(!rows.is_empty(), "{figure}");
        for row in rows {
            let median = row["value"]["median"].as_f64().context("a number")?;
            assert!(median > 0.0, "{row}");
        }
    }
    let table = String::from_utf8(output.stdout)?;
    assert!(
        table.contains("| echo | 64 B there and back, p50 |"),
        "{table}"
    );
    Ok(())
}
