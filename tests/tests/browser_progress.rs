//! What a reader comes back to: progress, and what was typed, chosen and answered.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use thirtyfour::Key;
use wirebook_tests::browser::{Program, Reader, WIDE, available, live};

/// Does the first step of the lab `tcp_ok`.
async fn take_a_step(reader: &Reader) -> Result<()> {
    reader.open("tcp-ok.html").await?;
    let lab = reader.lab("tcp_ok");
    lab.becomes("live").await?;
    lab.click("Connect").await?;
    lab.see_step_ticked(0).await
}

/// Presses a button outside the labs.
async fn press(reader: &Reader, button: &str) -> Result<()> {
    reader
        .wait(
            &format!("the button {button}"),
            "(button => button && (button.click(), true))(named(document, 'button', argument))",
            json!(button),
        )
        .await?;
    Ok(())
}

/// Waits until the progress page says this.
async fn see(reader: &Reader, words: &str) -> Result<()> {
    reader
        .wait(
            words,
            "document.querySelector('[data-progress]')?.textContent.includes(argument)",
            json!(words),
        )
        .await?;
    Ok(())
}

/// Hands a file to the progress page.
async fn import(reader: &Reader, content: &str) -> Result<()> {
    reader
        .run(
            "const files = new DataTransfer();
             files.items.add(new File([argument], 'wirebook-progress.json'));
             const input = document.querySelector('input[type=file]');
             input.files = files.files;
             input.dispatchEvent(new Event('change'));
             return true",
            json!(content),
        )
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_reader_who_closes_the_browser_comes_back_to_the_same_state() -> Result<()> {
    if !available() {
        return Ok(());
    }
    let state = tempfile::tempdir()?;
    let program = Program::start(state.path()).await?;
    let profile = tempfile::tempdir()?;
    let profile = format!("--user-data-dir={}", profile.path().display());

    let reader = Reader::with_arguments(&program, WIDE, &[&profile]).await?;
    take_a_step(&reader).await?;
    let lab = reader.lab("tcp_ok");
    lab.type_message("half a thou").await?;
    lab.click("\\n").await?;
    lab.wait(
        "an answer to the question",
        "(choice => choice && (choice.click(), true))(lab.querySelector('.lab-question input[type=radio]'))",
        Value::Null,
    )
    .await?;
    lab.click("Run").await?;
    let known = "lab.querySelector('.lab-question [data-mark=right]')?.textContent";
    lab.wait("what came of the question", known, Value::Null)
        .await?;
    let ticked = lab.steps_ticked().await?;
    ensure!(ticked >= 1);
    reader.leave().await?;

    let reader = Reader::with_arguments(&program, WIDE, &[&profile]).await?;
    reader.open("tcp-ok.html").await?;
    let lab = reader.lab("tcp_ok");
    lab.becomes("live").await?;
    ensure!(lab.steps_ticked().await? == ticked);
    ensure!(lab.message().await? == "half a thou");
    lab.wait(
        "the line ending as it was chosen",
        "buttonOf(lab, '\\\\n').getAttribute('aria-pressed') === 'true'",
        Value::Null,
    )
    .await?;
    lab.wait("what came of the question", known, Value::Null)
        .await?;
    reader.leave().await
}

#[tokio::test]
async fn the_sidebar_marks_on_every_page_what_is_done() -> Result<()> {
    live(WIDE, async |_, reader| {
        take_a_step(reader).await?;
        let mark = "[...document.querySelectorAll('#mdbook-sidebar a')]
             .find(link => link.pathname.endsWith('/tcp-ok.html'))?.textContent.includes(argument)";
        reader
            .wait("a mark for a part", mark, json!(" steps done)"))
            .await?;
        reader.open("progress.html").await?;
        reader
            .wait("the same mark on another page", mark, json!(" steps done)"))
            .await?;
        reader.open("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("live").await?;
        lab.click("Start over").await?;
        lab.follow_all_steps().await?;
        reader
            .wait("a mark for the whole", mark, json!("(all steps done)"))
            .await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_progress_page_leads_on_and_exports_imports_and_resets() -> Result<()> {
    live(WIDE, async |_, reader| {
        take_a_step(reader).await?;
        reader.open("progress.html").await?;
        see(reader, "1 of ").await?;
        see(reader, "Lab tcp_ok, step 2 of ").await?;
        let next = reader
            .run(
                "return document.querySelector('.course-next a').href",
                Value::Null,
            )
            .await?;
        ensure!(next.as_str().unwrap().ends_with("/tcp-ok.html#lab-tcp_ok"));

        // What the browser would write into the file.
        reader
            .run(
                "URL.createObjectURL = blob => { blob.text().then(text => {
                   window.exported = text; document.body.dataset.exported = 'yes'; }); return '#'; };
                 return true",
                Value::Null,
            )
            .await?;
        press(reader, "Export to a file").await?;
        let exported = reader
            .wait("the file", "window.exported", Value::Null)
            .await?;
        let exported = exported.as_str().unwrap().to_owned();
        ensure!(exported.contains("\"lab\": \"tcp_ok\""), "{exported}");

        press(reader, "Reset all").await?;
        press(reader, "Keep it").await?;
        see(reader, "1 of ").await?;
        press(reader, "Reset all").await?;
        press(reader, "Forget it").await?;
        see(reader, "0 of ").await?;
        see(reader, "Begin: ").await?;

        for (wrong, why) in [
            ("{", "The file is not JSON."),
            ("{}", "The file is not progress exported from this book."),
            (
                &*exported.replace("\"done\": 1", "\"done\": -1"),
                "A record in the file is damaged; nothing was imported.",
            ),
        ] {
            import(reader, wrong).await?;
            see(reader, why).await?;
        }
        see(reader, "0 of ").await?;
        import(reader, &exported).await?;
        see(reader, "Imported 1 lab.").await?;
        see(reader, "Lab tcp_ok, step 2 of ").await?;

        press(reader, "Reset tcp_ok").await?;
        see(reader, "Begin: ").await
    })
    .await
}

#[tokio::test]
async fn importing_never_makes_anything_less() -> Result<()> {
    live(WIDE, async |_, reader| {
        take_a_step(reader).await?;
        let less = reader
            .run(
                "const file = JSON.parse(wirebookProgress.exported());
                 file.labs[0].done = 0; file.labs[0].at += 1000; return JSON.stringify(file)",
                Value::Null,
            )
            .await?;
        reader.open("progress.html").await?;
        import(reader, less.as_str().unwrap()).await?;
        see(reader, "Imported 1 lab.").await?;
        see(reader, "Lab tcp_ok, step 2 of ").await
    })
    .await
}

#[tokio::test]
async fn what_cannot_be_read_is_put_aside_and_told() -> Result<()> {
    live(WIDE, async |_, reader| {
        take_a_step(reader).await?;
        let key = reader
            .run(
                "const key = Object.keys(localStorage).find(key => key.startsWith('wirebook.progress.tcp_ok.'));
                 localStorage.setItem(key, '{\"version\":1,\"done\":\"all\"}'); return key",
                Value::Null,
            )
            .await?;
        let key = key.as_str().context("the key of the lab")?;
        reader.reload().await?;
        let lab = reader.lab("tcp_ok");
        lab.wait(
            "that it could not be read",
            "lab.textContent.includes('could not be read')",
            Value::Null,
        )
        .await?;
        lab.becomes("live").await?;
        ensure!(lab.steps_ticked().await? == 0);
        reader.open("progress.html").await?;
        see(reader, "What was kept for tcp_ok could not be read.").await?;
        let aside = reader
            .run(
                "return localStorage.getItem(argument)",
                json!(key.replace("progress", "damaged")),
            )
            .await?;
        ensure!(aside == json!("{\"version\":1,\"done\":\"all\"}"));
        press(reader, "Throw it away").await?;
        see(reader, "What could not be read was thrown away.").await
    })
    .await
}

#[tokio::test]
async fn two_tabs_know_of_each_other() -> Result<()> {
    live(WIDE, async |program, reader| {
        reader.open("tcp-ok.html").await?;
        reader.lab("tcp_ok").becomes("live").await?;
        let first = reader.driver().window().await?;
        let second = reader.driver().new_tab().await?;

        reader.driver().switch_to_window(second.clone()).await?;
        take_a_step(reader).await?;
        reader.driver().switch_to_window(first.clone()).await?;
        reader.lab("tcp_ok").see_step_ticked(0).await?;

        reader.driver().switch_to_window(second).await?;
        reader
            .goto(&format!("{}/progress.html", program.origin()))
            .await?;
        press(reader, "Reset tcp_ok").await?;
        see(reader, "tcp_ok starts anew.").await?;
        reader.driver().switch_to_window(first).await?;
        let lab = reader.lab("tcp_ok");
        lab.wait(
            "no step ticked",
            "stepsOf(lab).every(step => step.dataset.done === 'false')",
            Value::Null,
        )
        .await
    })
    .await
}

#[tokio::test]
async fn the_progress_page_is_within_reach_of_the_keyboard() -> Result<()> {
    live(WIDE, async |_, reader| {
        take_a_step(reader).await?;
        reader.open("progress.html").await?;
        see(reader, "1 of ").await?;
        for wanted in [
            "Reset tcp_ok",
            "Export to a file",
            "Import from a file",
            "Reset all",
        ] {
            let mut steps = 0;
            loop {
                reader.press(Key::Tab.value().to_string()).await?;
                let name = reader
                    .run("return nameOf(document.activeElement)", Value::Null)
                    .await?;
                if name == json!(wanted) {
                    break;
                }
                steps += 1;
                ensure!(steps < 200, "{wanted} cannot be reached with the Tab key");
            }
        }
        reader.press(Key::Enter.value().to_string()).await?;
        reader
            .wait(
                "the safe answer in focus",
                "nameOf(document.activeElement) === 'Keep it'",
                Value::Null,
            )
            .await?;
        Ok(())
    })
    .await
}
