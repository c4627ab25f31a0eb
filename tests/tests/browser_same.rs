//! The simulator as WebAssembly in a real browser does what it does natively, to the bit.

use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use wirebook_tests::book::repository;
use wirebook_tests::browser::{Reader, available};

/// Builds `web/sim/examples/same.rs` as the page is built.
fn build() -> Result<Vec<u8>> {
    let cargo = std::env::var_os("CARGO").context("cargo runs the tests")?;
    let arguments = "build --quiet --profile page --target wasm32-unknown-unknown \
                     --package wirebook-sim --example same --message-format json";
    let output = Command::new(cargo)
        .args(arguments.split_whitespace())
        .current_dir(repository())
        .stderr(Stdio::inherit())
        .output()
        .context("running cargo")?;
    ensure!(output.status.success(), "the simulator was not built");
    let text = String::from_utf8(output.stdout)?;
    let messages = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut built = messages.filter_map(|message: Value| {
        let is_it = message["target"]["name"] == "same";
        let file = message["filenames"][0].as_str()?;
        is_it.then(|| file.to_owned())
    });
    let file = built.next().context("no file was built")?;
    std::fs::read(&file).with_context(|| format!("reading {file}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_in_a_browser_is_the_same_to_the_bit() -> Result<()> {
    if !available() {
        return Ok(());
    }
    let program = tokio::task::spawn_blocking(build).await??;
    let program: String = program.iter().map(|byte| format!("{byte:02x}")).collect();
    let reader = Reader::at("about:blank", 800).await?;
    reader.goto("about:blank").await?;
    let script = "const bytes = Uint8Array.from(argument.match(/../g), pair => parseInt(pair, 16));\n\
                  const module = new WebAssembly.Module(bytes);\n\
                  return new WebAssembly.Instance(module).exports.main(0, 0);";
    // What the program leaves behind: 0 only if the digest is the one that it knows.
    let left = reader.run(script, json!(program)).await?;
    ensure!(left == json!(0), "the run in the browser differs: {left}");
    reader.leave().await
}
