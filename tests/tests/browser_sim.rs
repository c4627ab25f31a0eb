//! Simulated networks in a real browser, from a static host as well as from the gateway.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use thirtyfour::Key;
use wirebook_tests::browser::{LabOnPage, NARROW, Reader, WIDE, hosted, live};

/// A chapter with a simulated lab, whose server echoes.
const PAGE: &str = "retransmission.html";
const LAB: &str = "lost_data";

/// Opens the chapter on a static host below a path.
async fn on_a_static_host<F>(width: u32, story: F) -> Result<()>
where
    F: AsyncFnOnce(&Reader, &LabOnPage<'_>) -> Result<()>,
{
    hosted(width, async |host, reader| {
        reader.open(PAGE).await?;
        let lab = reader.lab(LAB);
        lab.becomes("waiting").await?;
        lab.wait(
            "the head to say what kind of lab it is",
            "lab.querySelector('.lab-header').textContent
             .includes('simulated: starts when it is in view')",
            Value::Null,
        )
        .await?;
        into_view(reader).await?;
        lab.becomes("simulated").await?;
        story(reader, &lab).await?;
        reader.has_no_complaints().await?;
        ensure!(host.misses().is_empty(), "not there: {:?}", host.misses());
        Ok(())
    })
    .await
}

/// A simulator starts when its lab comes into view.
async fn into_view(reader: &Reader) -> Result<()> {
    let script = "labOf(argument).scrollIntoView(); return true";
    reader.run(script, json!(LAB)).await.map(drop)
}

/// Connects while time stands still, and goes on to the moment when the SYN-ACK has left.
async fn until_the_syn_ack_is_under_way(lab: &LabOnPage<'_>) -> Result<()> {
    lab.click("Pause").await?;
    lab.click("Connect").await?;
    see_chip(lab, "SYN from you").await?;
    see_states(lab, "SYN-SENT", "").await?;
    for _ in 0..20 {
        let leaves = "[...lab.querySelectorAll('.sim-chip')].some(chip => nameOf(chip).startsWith('SYN-ACK'))";
        let before = clock(lab).await?;
        lab.click("Next event").await?;
        let moved =
            format!("{leaves} || lab.querySelector('.sim-clock').textContent !== argument.value");
        lab.wait("what happens next", &moved, json!(before)).await?;
        if lab.is_true(leaves).await? {
            return Ok(());
        }
    }
    anyhow::bail!("the SYN-ACK never leaves")
}

async fn clock(lab: &LabOnPage<'_>) -> Result<Value> {
    lab.value_of("lab.querySelector('.sim-clock').textContent")
        .await
}

async fn see_chip(lab: &LabOnPage<'_>, name: &str) -> Result<()> {
    lab.wait(
        &format!("the packet {name} under way"),
        "[...lab.querySelectorAll('.sim-chip')].some(chip => nameOf(chip).startsWith(argument.value))",
        json!(name),
    )
    .await
}

async fn see_states(lab: &LabOnPage<'_>, you: &str, server: &str) -> Result<()> {
    lab.wait(
        &format!("the states {you} and {server}"),
        "(states => states[0].includes(argument.value[0]) && states[1].includes(argument.value[1]))
         ([...lab.querySelectorAll('.sim-state')].map(state => state.textContent))",
        json!([you, server]),
    )
    .await
}

async fn recovers(lab: &LabOnPage<'_>) -> Result<()> {
    lab.see_row("wire", "packet", "SYN-ACK").await?;
    lab.fill("Speed", "10000").await?;
    lab.click("Play").await?;
    // The handshake is made good by a second attempt.
    lab.see_row("client", "connect", "").await?;
    see_states(lab, "ESTABLISHED", "ESTABLISHED").await?;
    lab.wait(
        "a packet that was dropped, and one that was sent again",
        "rowsOf(lab).some(row => row.textContent.includes('dropped on purpose'))
         && rowsOf(lab).some(row => row.textContent.includes('retransmission'))",
        Value::Null,
    )
    .await?;
    lab.send_text("still here").await?;
    lab.see_row("client", "read", "still here").await
}

#[tokio::test]
async fn the_syn_ack_is_dropped_by_a_click_and_the_stacks_recover_without_a_gateway() -> Result<()>
{
    on_a_static_host(WIDE, async |_, lab| {
        until_the_syn_ack_is_under_way(lab).await?;
        lab.wait(
            "the packet to click",
            "(chip => chip && (chip.click(), true))
             ([...lab.querySelectorAll('.sim-chip')].find(chip => nameOf(chip).startsWith('SYN-ACK')))",
            Value::Null,
        )
        .await?;
        lab.click("Drop").await?;
        see_chip(lab, "SYN-ACK from server, lost").await?;
        recovers(lab).await
    })
    .await
}

#[tokio::test]
async fn the_keyboard_alone_drops_it_too_and_escape_lets_a_packet_go() -> Result<()> {
    on_a_static_host(WIDE, async |reader, lab| {
        until_the_syn_ack_is_under_way(lab).await?;
        let focus = "buttonOf(labOf(argument), 'Restart').focus(); return true";
        reader.run(focus, json!(LAB)).await?;
        reader.press(Key::Tab.value().to_string()).await?;
        let has_focus = "nameOf(document.activeElement).startsWith('SYN-ACK from server')";
        lab.wait("the focus on the packet", has_focus, Value::Null)
            .await?;
        let enter = || reader.press(Key::Enter.value().to_string());
        enter().await?;
        let in_menu = "nameOf(document.activeElement) === 'Drop'";
        lab.wait("the focus in the menu", in_menu, Value::Null)
            .await?;
        reader.press(Key::Escape.value().to_string()).await?;
        lab.wait("the focus back", has_focus, Value::Null).await?;
        enter().await?;
        lab.wait("the focus in the menu", in_menu, Value::Null)
            .await?;
        enter().await?;
        see_chip(lab, "SYN-ACK from server, lost").await?;
        recovers(lab).await
    })
    .await
}

#[tokio::test]
async fn time_goes_back_and_comes_otherwise() -> Result<()> {
    on_a_static_host(WIDE, async |reader, lab| {
        lab.fill("Speed", "10000").await?;
        lab.click("Connect").await?;
        lab.see_row("client", "connect", "").await?;
        lab.rests().await?;
        // To the moment when the call began.
        lab.select_row("wire", "packet").await?;
        let rows = "rowsOf(lab).length";
        let before = lab.value_of(rows).await?;
        lab.wait(
            "the way back",
            "(button => button && (button.click(), true))
             ([...lab.querySelectorAll('.sim-bar button')].find(button => nameOf(button).startsWith('Back to')))",
            Value::Null,
        )
        .await?;
        lab.wait("fewer rows", &format!("{rows} < argument.value"), before.clone()).await?;
        see_chip(lab, "SYN from you").await?;
        lab.wait("time standing still", "buttonOf(lab, 'Play')", Value::Null).await?;
        lab.click("Play").await?;
        lab.see_row("client", "connect", "").await?;
        lab.send_text("again").await?;
        lab.see_row("client", "read", "again").await?;
        // Begun anew: nothing was done.
        lab.click("Restart").await?;
        let nothing_done = "rowsOf(lab).every(row => row.dataset.end === 'server')";
        lab.wait("nothing done", nothing_done, Value::Null).await?;
        see_states(lab, "no connection", "").await?;
        lab.click("Connect").await?;
        lab.see_row("client", "connect", "").await?;
        ensure!(reader.overflow().await? <= 0, "the page is too wide");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_link_that_loses_everything_lets_nothing_through_until_it_is_reset() -> Result<()> {
    on_a_static_host(WIDE, async |_, lab| {
        lab.fill("Speed", "10000").await?;
        lab.fill("loss", "100").await?;
        lab.wait(
            "the loss told",
            "lab.querySelector('.sim-network summary').textContent.includes('loss=100')",
            Value::Null,
        )
        .await?;
        lab.click("Connect").await?;
        lab.wait(
            "a SYN that is sent again and lost again",
            "rowsOf(lab).filter(row => row.textContent.includes('lost')).length >= 2",
            Value::Null,
        )
        .await?;
        lab.click("As in the chapter").await?;
        lab.see_row("client", "connect", "").await
    })
    .await
}

#[tokio::test]
async fn every_simulated_lab_ticks_by_its_own_steps_without_a_gateway() -> Result<()> {
    hosted(WIDE, async |host, reader| {
        let mut labs = 0;
        for page in host.pages()? {
            reader.open(&page).await?;
            for lab in reader.labs().await? {
                if lab.is_simulated().await? {
                    lab.is_ready().await?;
                    lab.follow_all_steps()
                        .await
                        .with_context(|| lab.name().to_owned())?;
                    labs += 1;
                }
            }
            let complaints = reader.complaints().await?;
            ensure!(complaints.is_empty(), "{page} says: {complaints:#?}");
        }
        ensure!(labs >= 5, "only {labs} simulated labs were found");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn axe_finds_nothing_while_a_packet_is_under_way_on_a_phone_too() -> Result<()> {
    for width in [WIDE, NARROW] {
        on_a_static_host(width, async |reader, lab| {
            until_the_syn_ack_is_under_way(lab).await?;
            reader.has_no_violations().await?;
            ensure!(reader.overflow().await? <= 0, "the page is too wide");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_gateway_s_policy_lets_the_simulator_run_and_it_is_no_business_of_the_gateway()
-> Result<()> {
    live(WIDE, async |_, reader| {
        // Without the token the gateway lets nobody in; the simulator does not need it.
        reader.open_without_token(PAGE).await?;
        into_view(reader).await?;
        let lab = reader.lab(LAB);
        lab.is_ready().await?;
        lab.send_text("hello").await?;
        lab.see_row("client", "read", "hello").await?;
        reader.has_no_complaints().await
    })
    .await
}
