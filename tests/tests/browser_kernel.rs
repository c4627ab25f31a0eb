//! What the kernels at both ends say, in a real browser.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use thirtyfour::Key;
use wirebook_tests::browser::{LabOnPage, NARROW, Reader, Theme, WIDE, live};

/// Waits until an end, `client` or `server`, is said to be in this state, in words and in the
/// diagram, whose other states lead there.
async fn see_state(lab: &LabOnPage<'_>, end: &str, state: &str) -> Result<()> {
    lab.wait(
        &format!("the {end} in state {state}"),
        "(() => {
            const [end, state] = argument.value;
            const part = lab.querySelector(`.kernel-end.is-${end}`);
            return part?.querySelector('.kernel-state b').textContent === state
                && part.querySelector('.is-now text').textContent === state;
        })()",
        json!([end, state]),
    )
    .await
}

async fn open(reader: &Reader) -> Result<LabOnPage<'_>> {
    reader.open("silence.html").await?;
    let lab = reader.lab("half_close");
    lab.becomes("live").await?;
    lab.click("The kernel's view").await?;
    Ok(lab)
}

#[tokio::test]
async fn the_diagram_follows_both_ends_to_time_wait() -> Result<()> {
    live(WIDE, async |_, reader| {
        let lab = open(reader).await?;
        lab.click("Connect").await?;
        see_state(&lab, "client", "ESTABLISHED").await?;
        see_state(&lab, "server", "ESTABLISHED").await?;
        lab.click("Half-close").await?;
        see_state(&lab, "client", "TIME-WAIT").await?;
        see_state(&lab, "server", "CLOSED").await?;
        lab.wait(
            "the way it went",
            "lab.querySelectorAll('.kernel-end.is-client .is-seen').length >= 2",
            Value::Null,
        )
        .await?;

        // Back to the first event: what was known then.
        lab.select_row("client", "connect").await?;
        see_state(&lab, "client", "ESTABLISHED").await
    })
    .await
}

#[tokio::test]
async fn numbers_have_a_meaning_and_the_keys_go_through_time() -> Result<()> {
    live(WIDE, async |_, reader| {
        let lab = open(reader).await?;
        lab.send_text("hello").await?;
        lab.wait(
            "a round-trip time at the client",
            "/µs|ms/.test([...lab.querySelectorAll('.kernel-table tr')]
                .find(row => row.textContent.includes('round-trip time'))
                ?.cells[1].textContent)",
            Value::Null,
        )
        .await?;
        lab.wait(
            "a chart with a line",
            "lab.querySelector('.kernel-chart .line')?.getAttribute('d').length > 4",
            Value::Null,
        )
        .await?;
        reader.tab_to("half_close", "Time in the charts").await?;
        reader.press(Key::Home.value().to_string()).await?;
        lab.wait(
            "the first moment, and the event that was then",
            "lab.querySelector('.kernel-time input').value === '0'
                && lab.querySelector('.ladder-rows li[aria-current]')",
            Value::Null,
        )
        .await
    })
    .await
}

#[tokio::test]
async fn nothing_is_asked_for_while_the_part_is_closed() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("silence.html").await?;
        let lab = reader.lab("half_close");
        lab.becomes("live").await?;
        lab.click("Connect").await?;
        lab.see_row("server", "accept", "").await?;
        ensure!(
            reader
                .run(
                    "return !document.querySelector('.kernel-view')",
                    Value::Null
                )
                .await?
                == json!(true)
        );
        // Opened later, it begins with how everything is.
        lab.click("The kernel's view").await?;
        see_state(&lab, "client", "ESTABLISHED").await
    })
    .await
}

#[tokio::test]
async fn axe_finds_nothing_and_a_phone_has_room() -> Result<()> {
    live(NARROW, async |_, reader| {
        let lab = open(reader).await?;
        lab.send_text("hello").await?;
        see_state(&lab, "server", "ESTABLISHED").await?;
        lab.click("Half-close").await?;
        see_state(&lab, "client", "TIME-WAIT").await?;
        for theme in [Theme::Light, Theme::Dark] {
            reader.choose(theme).await?;
            reader.has_no_violations().await?;
        }
        reader.has_room().await?;
        reader.has_no_complaints().await?;
        Ok(())
    })
    .await
}
