//! Packets among the calls of programs, in a real browser.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use thirtyfour::Key;
use wirebook_tests::browser::{
    LabOnPage, NARROW, Program, Reader, Theme, WIDE, available, captured,
};

/// What the rows of this end and action say, from top to bottom.
async fn rows(reader: &Reader, lab: &LabOnPage<'_>) -> Result<Vec<String>> {
    let rows = reader
        .run(
            "return rowsOf(labOf(argument))
               .sort((one, other) => one.ariaPosInSet - other.ariaPosInSet)
               .map(row => [row.dataset.end, row.dataset.from ?? row.dataset.action,
                 row.querySelector('b')?.textContent].join(' '))",
            json!(lab.name()),
        )
        .await?;
    Ok(serde_json::from_value(rows)?)
}

/// Waits for a packet of this kind from this end.
async fn see_packet(lab: &LabOnPage<'_>, from: &str, kind: &str) -> Result<()> {
    lab.wait(
        &format!("{kind} from the {from}"),
        "rowsOf(lab).some(row => row.dataset.action === 'packet'
           && row.dataset.from === argument.value[0]
           && row.querySelector('b').textContent === argument.value[1])",
        json!([from, kind]),
    )
    .await
}

/// Connects, and sees the handshake.
async fn shake_hands(reader: &Reader) -> Result<LabOnPage<'_>> {
    reader.open("tcp-ok.html").await?;
    let lab = reader.lab("tcp_ok");
    lab.becomes("live").await?;
    lab.click("Connect").await?;
    see_packet(&lab, "client", "SYN").await?;
    see_packet(&lab, "server", "SYN-ACK").await?;
    see_packet(&lab, "client", "ACK").await?;
    lab.see_row("client", "connect", "").await?;
    lab.see_row("server", "accept", "").await?;
    Ok(lab)
}

#[tokio::test]
async fn the_handshake_the_data_and_the_goodbye_stand_among_the_calls() -> Result<()> {
    captured(WIDE, async |_, reader| {
        let lab = shake_hands(reader).await?;
        let shown = rows(reader, &lab).await?;
        let place = |row: &str| shown.iter().position(|shown| shown == row);
        let handshake = [
            "client connect connect",
            "wire client SYN",
            "wire server SYN-ACK",
            "wire client ACK",
            "server accept accept",
        ];
        let places: Vec<_> = handshake.iter().map(|row| place(row)).collect();
        ensure!(
            places.iter().all(Option::is_some) && places.is_sorted(),
            "the handshake is not between the two calls: {shown:#?}"
        );
        lab.send_text("hello").await?;
        see_packet(&lab, "client", "data 5 bytes").await?;
        see_packet(&lab, "server", "data 2 bytes").await?;
        lab.see_row("wire", "packet", "sequence number 1..6")
            .await?;
        lab.click("Close").await?;
        see_packet(&lab, "client", "FIN").await?;
        see_packet(&lab, "server", "FIN").await?;
        reader.has_no_complaints().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_packet_is_taken_apart_and_a_field_points_at_its_bytes() -> Result<()> {
    captured(WIDE, async |_, reader| {
        let lab = shake_hands(reader).await?;
        lab.select_row("wire", "packet").await?;
        lab.see_inspected("Ethernet").await?;
        lab.see_inspected("Window").await?;
        lab.see_inspected("SYN").await?;
        // From the field to its bytes ...
        reader
            .run(
                "[...inspectorOf(labOf('tcp_ok')).querySelectorAll('.field')]
                   .find(field => field.textContent.startsWith('Source port')).click(); return true",
                Value::Null,
            )
            .await?;
        lab.wait(
            "two bytes marked",
            "inspectorOf(lab).querySelectorAll('.dump-hex.is-marked').length === 2",
            Value::Null,
        )
        .await?;
        // ... and from a byte to its field.
        reader
            .run(
                "inspectorOf(labOf('tcp_ok')).querySelector('.dump-hex[data-offset=\"12\"]').click();
                 return true",
                Value::Null,
            )
            .await?;
        lab.wait(
            "the field EtherType marked",
            "[...inspectorOf(lab).querySelectorAll('.field.is-marked')]
               .some(field => field.textContent.startsWith('EtherType'))",
            Value::Null,
        )
        .await
    })
    .await
}

#[tokio::test]
async fn the_arrow_keys_go_through_packets_and_a_reader_who_listens_hears_them() -> Result<()> {
    captured(WIDE, async |_, reader| {
        let lab = shake_hands(reader).await?;
        reader.tab_to("tcp_ok", "Exchange").await?;
        reader.press(Key::Home.value().to_string()).await?;
        let mut heard = Vec::new();
        for _ in 0..20 {
            let here = reader
                .run(
                    "return rowsOf(labOf('tcp_ok')).find(row => row.ariaCurrent === 'true')
                       ?.querySelector('.lab-hidden')?.textContent ?? ''",
                    Value::Null,
                )
                .await?;
            if here == json!("wire, from you: SYN, sequence number 0, window 65495") {
                return lab.see_inspected("Sequence number").await;
            }
            heard.push(here);
            reader.press(char::from(Key::Down).to_string()).await?;
        }
        anyhow::bail!("no row says in words that the SYN left: {heard:?}")
    })
    .await
}

#[tokio::test]
async fn the_switch_hides_and_shows_packets_and_the_book_remembers_it() -> Result<()> {
    captured(WIDE, async |_, reader| {
        let lab = shake_hands(reader).await?;
        lab.click("Packets").await?;
        lab.wait(
            "calls and no packet",
            "rowsOf(lab).length && !rowsOf(lab).some(row => row.dataset.end === 'wire')",
            Value::Null,
        )
        .await?;
        lab.click("Packets").await?;
        see_packet(&lab, "client", "SYN").await?;
        // Another lab, which does not ask for them: the reader has.
        reader.open("framing.html").await?;
        let lab = reader.lab("tcp_line");
        lab.becomes("live").await?;
        lab.click("Connect").await?;
        see_packet(&lab, "client", "SYN").await
    })
    .await
}

#[tokio::test]
async fn packets_fit_a_phone_and_axe_finds_nothing_in_light_and_dark() -> Result<()> {
    captured(NARROW, async |_, reader| {
        reader.open("tcp-ok.html").await?;
        for theme in [Theme::Light, Theme::Dark] {
            reader.choose(theme).await?;
            let lab = shake_hands(reader).await?;
            lab.send_text("hello").await?;
            see_packet(&lab, "server", "data 2 bytes").await?;
            lab.select_row("wire", "packet").await?;
            lab.see_inspected("Ethernet").await?;
            reader.has_room().await?;
            reader.has_no_violations().await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_gateway_that_may_not_capture_says_what_to_type_and_does_all_else() -> Result<()> {
    if !available() {
        return Ok(());
    }
    let state = tempfile::tempdir()?;
    let program = Program::start_unprivileged(state.path()).await?;
    let reader = Reader::new(&program, NARROW).await?;
    reader.open("tcp-ok.html").await?;
    let lab = reader.lab("tcp_ok");
    lab.becomes("live").await?;
    lab.wait(
        "the command",
        "lab.querySelector('.packets-notice code')?.textContent.includes('setcap')",
        Value::Null,
    )
    .await?;
    reader.has_room().await?;
    let copied = lab.copies(&reader, "Copy the command").await?;
    ensure!(copied.contains("setcap"), "{copied}");
    lab.send_text("hello").await?;
    lab.see_row("client", "read", "ok").await?;
    // Whoever does not want to know is not told.
    lab.click("Packets").await?;
    lab.wait(
        "no notice",
        "!lab.querySelector('.packets-notice')",
        Value::Null,
    )
    .await?;
    // A page with several labs says it once.
    reader.open("handshake.html").await?;
    reader.lab("resets").becomes("live").await?;
    reader
        .wait(
            "why in each of its labs, and the command in one",
            "document.querySelectorAll('.packets-notice').length > 1
               && document.querySelectorAll('.packets-notice code').length === 1",
            Value::Null,
        )
        .await?;
    reader.leave().await
}
