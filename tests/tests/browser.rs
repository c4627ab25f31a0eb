//! The reader's journeys, in a real browser.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use thirtyfour::Key;
use wire::Act;
use wirebook_tests::browser::{NARROW, Program, Reader, Site, Theme, WIDE, available, live};

#[tokio::test]
async fn a_newcomer_sees_their_message_in_the_server_by_pressing_send_alone() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("").await?;
        let lab = reader.lab("start_here");
        lab.becomes("live").await?;
        let message = lab.message().await?;
        ensure!(!message.is_empty(), "the composer offers something to send");
        lab.click("Send").await?;
        lab.see_row("client", "write", &message).await?;
        lab.see_row("server", "accept", "").await?;
        lab.see_row("server", "read", &message).await?;
        lab.see_row("client", "read", "ok").await?;
        reader.has_no_complaints().await
    })
    .await
}

#[tokio::test]
async fn every_lab_of_every_chapter_ticks_by_its_own_steps() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("").await?;
        let mut labs = 0;
        for page in reader.pages().await? {
            reader.open(&page).await?;
            for lab in reader.labs().await? {
                lab.is_ready().await?;
                lab.follow_all_steps().await?;
                labs += 1;
            }
            reader.has_no_complaints().await?;
        }
        ensure!(labs >= 5, "only {labs} labs were found");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_answer_can_be_inspected_and_the_line_that_read_it_is_lit() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("live").await?;
        lab.click("Connect").await?;
        lab.see_row("server", "accept", "").await?;
        lab.send_text("hello").await?;
        lab.see_row("client", "read", "ok").await?;
        lab.select_row("server", "read").await?;
        lab.see_inspected("68 65 6c 6c 6f").await?;
        lab.see_inspected("hello").await?;
        lab.see_line_lit("read").await?;
        lab.select_row("server", "write").await?;
        lab.see_inspected("6f 6b").await?;
        lab.see_line_lit("write_all").await
    })
    .await
}

#[tokio::test]
async fn reloading_the_page_keeps_the_progress_and_starting_over_clears_it() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("live").await?;
        lab.click("Connect").await?;
        lab.see_step_ticked(0).await?;
        reader.reload().await?;
        lab.becomes("live").await?;
        lab.see_step_ticked(0).await?;
        lab.click("Start over").await?;
        lab.wait(
            "no step ticked",
            "stepsOf(lab).every(step => step.dataset.done === 'false')",
            Value::Null,
        )
        .await?;
        reader.reload().await?;
        lab.becomes("live").await?;
        ensure!(lab.steps_ticked().await? == 0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_page_survives_the_end_of_its_gateway_and_finds_it_again() -> Result<()> {
    live(WIDE, async |program, reader| {
        reader.open("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("live").await?;
        lab.send_text("before").await?;
        lab.see_row("client", "read", "ok").await?;
        let ticked = lab.steps_ticked().await?;

        program.stop().await?;
        lab.becomes("offline").await?;
        lab.wait(
            "what to do",
            "/cargo lab|wirebook serve/.test(lab.textContent)",
            Value::Null,
        )
        .await?;
        lab.see_row("client", "write", "before").await?;

        program.start_again().await?;
        lab.becomes("live").await?;
        ensure!(lab.steps_ticked().await? >= ticked);
        lab.send_text("after").await?;
        lab.see_row("server", "read", "after").await
    })
    .await
}

/// Opens a chapter, then publishes a new build of the book under the open page.
async fn new_build_under_an_open_page(author: bool) -> Result<()> {
    if !available() {
        return Ok(());
    }
    let state = tempfile::tempdir()?;
    let mut site = Site::copy()?;
    let mut arguments = vec!["--site".into(), site.folder().into()];
    arguments.extend(author.then(|| "--author".into()));
    let mut program = Program::start_with(state.path(), arguments).await?;
    let reader = Reader::new(&program, WIDE).await?;
    reader.open("tcp-ok.html").await?;
    let lab = reader.lab("tcp_ok");
    lab.becomes("live").await?;
    program.stop().await?;
    site.publish("0123456789abcdef")?;
    program.start_again().await?;
    if !author {
        lab.wait(
            "that the book has changed",
            "/changed/.test(lab.textContent)",
            Value::Null,
        )
        .await?;
        lab.click("Reload").await?;
    }
    lab.wait(
        "the new build",
        "lab.dataset.build === '0123456789abcdef' && lab.dataset.state === 'live'",
        Value::Null,
    )
    .await?;
    reader.leave().await
}

#[tokio::test]
async fn a_stale_page_asks_to_be_loaded_anew() -> Result<()> {
    new_build_under_an_open_page(false).await
}

#[tokio::test]
async fn an_authors_page_follows_a_new_build_by_itself() -> Result<()> {
    new_build_under_an_open_page(true).await
}

#[tokio::test]
async fn a_page_without_the_token_says_how_to_get_it() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open_without_token("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("recorded").await?;
        lab.wait(
            "where the link is",
            "/link/i.test(lab.textContent)",
            Value::Null,
        )
        .await
    })
    .await
}

#[tokio::test]
async fn the_token_does_not_stay_in_the_address() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("tcp-ok.html").await?;
        reader.lab("tcp_ok").becomes("live").await?;
        let address = reader.driver().current_url().await?;
        ensure!(
            !address.as_str().contains("token"),
            "the address is {address}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn typing_in_the_composer_never_triggers_the_books_shortcuts() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("live").await?;
        let before = reader.driver().current_url().await?;
        let keys = format!(
            "s/?hs{}{}{}",
            Key::Left.value(),
            Key::Right.value(),
            Key::Right.value()
        );
        lab.type_message(&keys).await?;
        ensure!(lab.message().await? == "s/?hs");
        // From a button, too: mdBook spares only text boxes.
        reader
            .run(
                "buttonOf(labOf('tcp_ok'), 'Send').focus(); return true",
                Value::Null,
            )
            .await?;
        reader.press(format!("s/?{}", Key::Right.value())).await?;
        ensure!(reader.driver().current_url().await? == before);
        let search_is_open = reader
            .run(
                "const search = document.querySelector('#mdbook-search-wrapper, #search-wrapper');
                 return !!search && !search.classList.contains('hidden')",
                Value::Null,
            )
            .await?;
        ensure!(search_is_open == json!(false), "the search has opened");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_keyboard_alone_is_enough() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("live").await?;
        reader.tab_to("tcp_ok", "Connect").await?;
        reader.press(Key::Enter.value().to_string()).await?;
        lab.see_row("server", "accept", "").await?;
        reader.tab_to("tcp_ok", "Message").await?;
        reader
            .press(format!(
                "{}a{}hello{}",
                Key::Control.value(),
                Key::Null.value(),
                Key::Enter.value()
            ))
            .await?;
        lab.see_row("server", "read", "hello").await?;
        lab.see_row("client", "read", "ok").await?;
        reader.tab_to("tcp_ok", "Exchange").await?;
        reader
            .press(format!("{}{}", Key::Home.value(), char::from(Key::Down)))
            .await?;
        lab.wait(
            "a selected row",
            "rowsOf(lab).some(row => row.getAttribute('aria-current') === 'true' || row.getAttribute('aria-selected') === 'true')",
            Value::Null,
        )
        .await
    })
    .await
}

#[tokio::test]
async fn a_client_from_the_readers_terminal_shows_up_by_its_address() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("live").await?;
        let address = reader
            .wait(
                "the server's address",
                "/127\\.0\\.0\\.1:(\\d+)/.exec(labOf('tcp_ok').textContent)?.[0]",
                Value::Null,
            )
            .await?;
        let mut outside = tokio::net::TcpStream::connect(address.as_str().unwrap()).await?;
        let local = outside.local_addr()?.to_string();
        tokio::io::AsyncWriteExt::write_all(&mut outside, b"from outside").await?;
        lab.see_row("server", "read", "from outside").await?;
        lab.wait(
            "the address of the client",
            "lab.textContent.includes(argument.value)",
            json!(local),
        )
        .await
    })
    .await
}

#[tokio::test]
async fn hostile_bytes_stay_text() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("socket.html").await?;
        let lab = reader.lab("tcp_echo");
        lab.becomes("live").await?;
        reader
            .run("window.hacked = false; return true", Value::Null)
            .await?;
        for payload in [
            "<img src=x onerror=window.hacked=true>",
            "</script><script>window.hacked=true</script>",
            "\\x1b[31m\\xe2\\x80\\xaeevil\\0",
        ] {
            lab.send_text(payload).await?;
            lab.see_row("client", "read", payload.trim_end_matches("\\0"))
                .await?;
        }
        let found = reader
            .run(
                "return [window.hacked, labOf('tcp_echo').querySelectorAll('img, script').length]",
                Value::Null,
            )
            .await?;
        ensure!(found == json!([false, 0]), "{found}");
        reader.has_no_complaints().await
    })
    .await
}

#[tokio::test]
async fn axe_finds_nothing_on_any_page_in_light_and_dark() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("").await?;
        let mut pages = reader.pages().await?;
        pages.push(PRINT.to_owned());
        let mut violations = Vec::new();
        for theme in [Theme::Light, Theme::Dark] {
            for page in &pages {
                reader.open(page).await?;
                reader.choose(theme).await?;
                if page != PRINT {
                    use_every_lab(reader).await?;
                }
                for violation in reader.accessibility_violations().await? {
                    violations.push(format!("{page} ({theme:?}): {violation}"));
                }
            }
        }
        ensure!(violations.is_empty(), "{}", violations.join("\n"));
        Ok(())
    })
    .await
}

/// All chapters on one page, where labs stay on paper.
const PRINT: &str = "print.html";

/// Fills the labs of the open page with something to look at: what their first step does.
async fn use_every_lab(reader: &Reader) -> Result<()> {
    for lab in reader.labs().await? {
        lab.is_ready().await?;
        for step in lab.spec().await?.steps.iter().take(1) {
            for play in &step.play {
                // What the step fills in is on offer only as long as the step is the current one.
                if !matches!(play.act, Act::Network(_) | Act::Trap(_)) {
                    lab.play(play).await?;
                }
            }
        }
        lab.wait("a row", "rowsOf(lab).length > 0", Value::Null)
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn no_page_is_wider_than_a_phone() -> Result<()> {
    live(NARROW, async |_, reader| {
        reader.open("").await?;
        for page in reader.pages().await? {
            reader.open(&page).await?;
            for lab in reader.labs().await? {
                lab.is_ready().await?;
            }
            let overflow = reader.overflow().await?;
            ensure!(overflow <= 0, "{page} is {overflow} px too wide");
        }
        Ok(())
    })
    .await
}
