//! Parts of the page that come when they are first needed, in a real browser: late, not at all, and
//! then after all.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use wirebook_tests::browser::{LabOnPage, Program, Reader, Site, WIDE, available, live};

/// A part's file, taken from the site and put back.
struct Part {
    file: PathBuf,
    content: Vec<u8>,
}

impl Part {
    fn taken_from(site: &Site, name: &str) -> Result<Self> {
        let end = format!("_{name}.wasm");
        for entry in fs::read_dir(site.folder().join("lab"))? {
            let file = entry?.path();
            if file.to_string_lossy().ends_with(&end) {
                let content = fs::read(&file)?;
                fs::remove_file(&file)?;
                return Ok(Self { file, content });
            }
        }
        anyhow::bail!("the page has no part {name}")
    }

    fn put_back(self) -> Result<()> {
        fs::write(&self.file, self.content).context("putting the part back")
    }
}

/// The lab says that a part is not there, with the button that has the focus.
async fn fails(lab: &LabOnPage<'_>, words: &str) -> Result<()> {
    lab.wait(
        &format!("{words:?} beside a button"),
        "(late => late?.querySelector('[role=status]').textContent === argument.value
             && late.querySelector('button').textContent === 'Try again')
         (lab.querySelector('.lab-late'))",
        json!(words),
    )
    .await
}

const FAILED: &str = "This part of the page could not be loaded.";

#[tokio::test]
async fn an_exchange_goes_on_while_its_inspector_cannot_be_loaded() -> Result<()> {
    if !available() {
        return Ok(());
    }
    let state = tempfile::tempdir()?;
    let site = Site::copy()?;
    let inspector = Part::taken_from(&site, "inspector")?;
    let arguments = vec!["--site".into(), site.folder().into()];
    let program = Program::start_with(state.path(), arguments).await?;
    let reader = Reader::new(&program, WIDE).await?;
    reader.open("tcp-ok.html").await?;
    let lab = reader.lab("tcp_ok");
    lab.becomes("live").await?;
    lab.click("Connect").await?;
    fails(&lab, FAILED).await?;
    lab.send_text("hello").await?;
    lab.see_row("client", "read", "ok").await?;
    lab.see_step_ticked(0).await?;
    reader.tab_to("tcp_ok", "Try again").await?;
    reader.press("\u{e007}").await?;
    let words = "This part of the page could not be loaded, tried 2 times.";
    fails(&lab, words).await?;
    ensure!(
        lab.is_true("document.activeElement === lab.querySelector('.lab-late button')")
            .await?,
        "the button has lost the focus"
    );
    inspector.put_back()?;
    reader.press("\u{e007}").await?;
    // It shows what happened while it was not there.
    lab.see_inspected("ok").await?;
    lab.select_row("client", "write").await?;
    lab.see_inspected("hello").await?;
    reader.leave().await
}

#[tokio::test]
async fn a_simulated_lab_is_there_without_its_network_and_gets_it_later() -> Result<()> {
    if !available() {
        return Ok(());
    }
    let state = tempfile::tempdir()?;
    let site = Site::copy()?;
    let simulated = Part::taken_from(&site, "simulated")?;
    let arguments = vec!["--site".into(), site.folder().into()];
    let program = Program::start_with(state.path(), arguments).await?;
    let reader = Reader::new(&program, WIDE).await?;
    reader.open("handshake.html").await?;
    let lab = reader.lab("lost_syn_ack");
    fails(&lab, FAILED).await?;
    simulated.put_back()?;
    lab.click("Try again").await?;
    lab.wait(
        "the two hosts",
        "lab.querySelectorAll('.sim-host').length === 2",
        Value::Null,
    )
    .await?;
    reader.leave().await
}

#[tokio::test]
async fn an_exhibit_keeps_its_text_until_it_can_be_loaded() -> Result<()> {
    if !available() {
        return Ok(());
    }
    let state = tempfile::tempdir()?;
    let site = Site::copy()?;
    let exhibits = Part::taken_from(&site, "inspector")?;
    let arguments = vec!["--site".into(), site.folder().into()];
    let program = Program::start_with(state.path(), arguments).await?;
    let reader = Reader::new(&program, WIDE).await?;
    reader.open("layers.html").await?;
    let exhibit = "document.querySelector('[data-exhibit=packet_tcp_ok]')";
    let late = format!("{exhibit}.querySelector('.lab-late button')");
    reader
        .wait(
            "the table of the packet with the words that it cannot be explored",
            &format!("{late} && {exhibit}.querySelector('table')"),
            Value::Null,
        )
        .await?;
    exhibits.put_back()?;
    reader.run(&format!("{late}.click()"), Value::Null).await?;
    reader
        .wait(
            "the packet to explore, and nothing else",
            &format!("{exhibit}.querySelector('.fields button') && !{late}"),
            Value::Null,
        )
        .await?;
    reader.leave().await
}

#[tokio::test]
async fn what_is_loaded_stays_when_what_asked_for_it_first_has_gone() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("socket.html").await?;
        let lab = reader.lab("tcp_echo");
        lab.becomes("live").await?;
        // The first part that this page asks for is that of a panel, which goes when a file is chosen.
        lab.click("Share").await?;
        let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../book/traces/tcp_echo.json");
        lab.wait(
            "the panel",
            "(input => input && (() => { const chosen = new DataTransfer();
                chosen.items.add(new File([argument.value], 'wirebook-tcp_echo.json'));
                input.files = chosen.files;
                input.dispatchEvent(new Event('change', { bubbles: true }));
                return true; })())(lab.querySelector('input[type=file]'))",
            json!(fs::read_to_string(trace)?),
        )
        .await?;
        lab.becomes("shared").await?;
        lab.wait(
            "a row that was written",
            "rowsOf(lab).some(row => row.dataset.action === 'write')
               || (buttonOf(lab, 'Step forward')?.click(), false)",
            Value::Null,
        )
        .await?;
        lab.select_row("client", "write").await?;
        lab.see_inspected("hello").await?;
        reader.has_no_complaints().await
    })
    .await
}
