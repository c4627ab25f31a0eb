//! Exhibits in a real browser: a packet is explored, addresses are typed, and what was found is
//! still found after a visit elsewhere.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use wirebook_tests::browser::{Reader, Scripts, StaticHost, WIDE, available};

/// Waits until the exhibit is alive and this many things have been found in it.
async fn found(reader: &Reader, exhibit: &str, count: usize) -> Result<()> {
    reader
        .wait(
            &format!("{count} found in {exhibit}"),
            "(tasks => tasks.length > 0
                 && tasks.filter(task => task.dataset.done === 'true').length === argument.count)
             ([...document.querySelectorAll(`[data-exhibit=\"${argument.exhibit}\"] li[data-done]`)])",
            json!({ "exhibit": exhibit, "count": count }),
        )
        .await?;
    Ok(())
}

/// Presses the field at this path of the packet that the exhibit shows.
async fn select(reader: &Reader, exhibit: &str, path: &[&str]) -> Result<()> {
    let pressed = reader
        .run(
            "let level = document.querySelector(`[data-exhibit=\"${argument.exhibit}\"] .fields`);
             let button;
             for (const name of argument.path) {
                 const item = [...level.children].find(item =>
                     item.querySelector('.field-name').textContent === name);
                 if (!item) return false;
                 button = item.querySelector('button');
                 level = item.querySelector('ul');
             }
             button.click();
             return true",
            json!({ "exhibit": exhibit, "path": path }),
        )
        .await?;
    ensure!(pressed == json!(true), "no field {path:?} in {exhibit}");
    Ok(())
}

#[tokio::test]
async fn a_packet_is_taken_apart_and_what_was_found_is_kept() -> Result<()> {
    if !available() {
        return Ok(());
    }
    let host = StaticHost::start("book", Scripts::Run).await?;
    let reader = Reader::at(&host.origin(), WIDE).await?;
    reader.open("layers.html").await?;
    let exhibit = "packet_tcp_ok";
    found(&reader, exhibit, 0).await?;
    // In order: what is asked for later ticks nothing yet.
    select(&reader, exhibit, &["Data"]).await?;
    select(&reader, exhibit, &["Ethernet", "Destination"]).await?;
    found(&reader, exhibit, 1).await?;
    reader
        .wait(
            "the six bytes of the address are lit",
            "document.querySelectorAll('[data-exhibit=packet_tcp_ok] .dump-hex.is-marked').length === 6",
            Value::Null,
        )
        .await?;
    select(&reader, exhibit, &["Ethernet", "EtherType"]).await?;
    found(&reader, exhibit, 2).await?;
    reader.open("addresses.html").await?;
    reader.open("layers.html").await?;
    found(&reader, exhibit, 2).await?;
    reader.has_no_complaints().await?;
    reader.leave().await
}

#[tokio::test]
async fn what_is_typed_is_classified_or_told_what_is_wrong() -> Result<()> {
    if !available() {
        return Ok(());
    }
    let host = StaticHost::start("book", Scripts::Run).await?;
    let reader = Reader::at(&host.origin(), WIDE).await?;
    reader.open("addresses.html").await?;
    found(&reader, "classify", 0).await?;
    for (typed, says, count) in [
        ("localhost", "a name must be looked up first", 0),
        ("127.1.2.3", "127.0.0.0/8", 1),
        ("[::1]:9090", "23 82", 2),
        ("192.168.0.256", "from 0 to 255", 2),
        ("192.168.0.25", "RFC 1918", 3),
    ] {
        reader
            .run(
                "const input = document.querySelector('[data-exhibit=classify] input');
                 input.value = argument;
                 input.dispatchEvent(new Event('input', { bubbles: true }));",
                json!(typed),
            )
            .await?;
        reader
            .wait(
                &format!("{says} for {typed}"),
                "document.querySelector('[data-exhibit=classify]').innerText.includes(argument.says)",
                json!({ "says": says }),
            )
            .await?;
        found(&reader, "classify", count).await?;
    }
    reader.leave().await
}

#[tokio::test]
async fn without_javascript_every_field_of_a_packet_is_in_a_table() -> Result<()> {
    if !available() {
        return Ok(());
    }
    let host = StaticHost::start("book", Scripts::Blocked).await?;
    let reader = Reader::at(&host.origin(), WIDE).await?;
    reader.open("layers.html").await?;
    let text = reader
        .run(
            "return document.querySelector('[data-exhibit=packet_tcp_ok]').innerText",
            Value::Null,
        )
        .await?;
    let text = text.as_str().context("a text")?;
    for expected in [
        "IPv4 / Time to Live",
        "02:00:00:00:00:02",
        "hello",
        "RFC 791",
    ] {
        ensure!(text.contains(expected), "{expected} is not in:\n{text}");
    }
    reader.leave().await
}
