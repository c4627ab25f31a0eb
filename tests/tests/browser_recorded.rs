//! Exchanges that were kept, in a real browser: recorded with the book, shared by a reader.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use wirebook_tests::browser::{LabOnPage, NARROW, Theme, WIDE, hosted, live};

/// Waits until the replay has shown all its events.
async fn see_the_end(lab: &LabOnPage<'_>) -> Result<()> {
    lab.wait(
        "the end of the replay",
        "(([shown, total]) => total && shown === total)(
           lab.querySelector('[aria-label=Replay]')?.textContent.match(/(\\d+) of (\\d+) events/)?.slice(1) ?? [])",
        Value::Null,
    )
    .await
}

#[tokio::test]
async fn every_lab_of_a_hosted_book_replays_its_recorded_exchange_and_reaches_for_nothing()
-> Result<()> {
    hosted(WIDE, async |host, reader| {
        let mut labs = 0;
        for page in host.pages()? {
            reader.open(&page).await?;
            for lab in reader.labs().await? {
                if lab.is_simulated().await? {
                    // It needs no gateway, and is seen live here, too.
                    continue;
                }
                lab.becomes("recorded").await?;
                ensure!(lab.steps_ticked().await? == 0);
                let total = lab
                    .spec()
                    .await?
                    .recorded
                    .map_or(0, |one| one.steps.events.len());
                reader
                    .run(
                        "for (let step = 0; step < argument.value; step += 1) {
                           buttonOf(labOf(argument.lab), 'Step forward').click();
                         }
                         return true",
                        json!({ "lab": lab.name(), "value": total }),
                    )
                    .await?;
                see_the_end(&lab).await?;
                let steps = lab.spec().await?.steps.len();
                ensure!(
                    lab.steps_ticked().await? == steps,
                    "not every step of {} ticked",
                    lab.name()
                );
                labs += 1;
            }
            let complaints = reader.complaints().await?;
            ensure!(complaints.is_empty(), "{page}: {complaints:#?}");
        }
        ensure!(labs >= 5, "only {labs} labs were found");
        // A session, if a page had tried to open one, would be among them.
        ensure!(host.misses().is_empty(), "not there: {:?}", host.misses());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_hosted_chapter_says_where_it_comes_alive_and_fits_a_phone() -> Result<()> {
    hosted(NARROW, async |_, reader| {
        reader.open("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("recorded").await?;
        lab.wait(
            "when it was recorded, how to start the gateway, and this chapter there",
            "/[Rr]ecorded on \\d{4}-\\d\\d-\\d\\d with Wirebook/.test(lab.textContent)
               && lab.textContent.includes('cargo lab')
               && lab.querySelector('a[href=\"http://127.0.0.1:7878/tcp-ok.html\"]')",
            Value::Null,
        )
        .await?;
        lab.click("Share").await?;
        lab.click("Step forward").await?;
        reader.has_room().await?;
        Ok(())
    })
    .await
}

#[tokio::test]
async fn stepping_back_takes_back_what_stepping_forward_showed() -> Result<()> {
    hosted(WIDE, async |_, reader| {
        reader.open("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("recorded").await?;
        let rows = "rowsOf(lab).length === argument.value";
        for count in 1..=4 {
            lab.click("Step forward").await?;
            lab.wait("one row more", rows, json!(count)).await?;
        }
        lab.click("Step back").await?;
        lab.wait("one row less", rows, json!(3)).await?;
        // What a replay ticks is not the reader's.
        lab.click("Play").await?;
        see_the_end(&lab).await?;
        reader.reload().await?;
        lab.becomes("recorded").await?;
        ensure!(lab.steps_ticked().await? == 0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_link_to_an_event_of_the_recorded_exchange_shows_it_selected() -> Result<()> {
    hosted(WIDE, async |host, reader| {
        reader.open("tcp-ok.html#tcp_ok-event-8").await?;
        let lab = reader.lab("tcp_ok");
        let selected = "rowsOf(lab).some(row => row.ariaCurrent === 'true'
                          && row.dataset.sequence === argument.value)";
        lab.wait("event 8 selected", selected, json!("8")).await?;
        lab.click("Share").await?;
        let link = lab
            .copies(reader, "Copy link to the selected event")
            .await?;
        ensure!(
            link == [&host.origin(), "/tcp-ok.html#tcp_ok-event-8"].concat(),
            "the link is {link}"
        );
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_happened_here_travels_in_a_link_and_in_a_file() -> Result<()> {
    live(WIDE, async |program, reader| {
        reader.open("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("live").await?;
        lab.send_text("for <b>you</b>").await?;
        lab.see_row("client", "read", "ok").await?;
        lab.click("Share").await?;
        let link = lab.copies(reader, "Copy link").await?;
        reader
            .run(
                "URL.createObjectURL = blob => {
                   blob.text().then(text => document.documentElement.dataset.saved = text);
                   return '#';
                 };
                 return true",
                Value::Null,
            )
            .await?;
        lab.click("Save as file").await?;
        let saved = "document.documentElement.dataset.saved";
        let file = reader.wait("the file", saved, Value::Null).await?;
        lab.click("Save for Wireshark").await?;
        lab.wait(
            "the file for Wireshark",
            "lab.textContent.includes('Saved as wirebook-tcp_ok.pcapng')",
            Value::Null,
        )
        .await?;

        reader.goto(&link).await?;
        lab.becomes("shared").await?;
        lab.click("Play").await?;
        see_the_end(&lab).await?;
        lab.see_row("server", "read", "for <b>you</b>").await?;
        lab.click("Back to the live lab").await?;
        lab.becomes("live").await?;

        reader
            .goto(&format!("{}/tcp-ok.html", program.origin()))
            .await?;
        lab.becomes("live").await?;
        lab.click("Share").await?;
        lab.wait(
            "the file is chosen",
            "(() => { const chosen = new DataTransfer();
                chosen.items.add(new File([argument.value], 'wirebook-tcp_ok.json'));
                const input = lab.querySelector('input[type=file]');
                input.files = chosen.files;
                input.dispatchEvent(new Event('change', { bubbles: true }));
                return true; })()",
            file,
        )
        .await?;
        lab.becomes("shared").await?;
        lab.click("Play").await?;
        see_the_end(&lab).await?;
        lab.see_row("server", "read", "for <b>you</b>").await
    })
    .await
}

#[tokio::test]
async fn a_damaged_link_says_so_and_the_lab_is_live_all_the_same() -> Result<()> {
    live(WIDE, async |program, reader| {
        reader.open("tcp-ok.html").await?;
        reader
            .goto(&format!("{}/tcp-ok.html#share=AAAA", program.origin()))
            .await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("live").await?;
        lab.wait(
            "what is wrong with the link",
            "/another version|damaged/.test(lab.textContent)",
            Value::Null,
        )
        .await
    })
    .await
}

#[tokio::test]
async fn a_lost_gateway_leaves_what_happened_and_offers_what_was_recorded() -> Result<()> {
    live(WIDE, async |program, reader| {
        reader.open("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("live").await?;
        lab.send_text("mine").await?;
        lab.see_row("client", "read", "ok").await?;
        program.stop().await?;
        lab.becomes("offline").await?;
        lab.see_row("client", "write", "mine").await?;
        lab.click("Show the recorded exchange").await?;
        lab.becomes("recorded").await?;
        lab.click("Play").await?;
        see_the_end(&lab).await?;
        lab.click("Back to what happened here").await?;
        lab.becomes("offline").await?;
        lab.see_row("client", "write", "mine").await?;
        lab.click("Show the recorded exchange").await?;
        program.start_again().await?;
        lab.becomes("live").await
    })
    .await
}

/// Steps through what is replayed, if anything is, without waiting for it to be played.
async fn skip_to_the_end(lab: &LabOnPage<'_>) -> Result<()> {
    lab.wait(
        "the end of the replay",
        "(() => {
           const forward = buttonOf(lab, 'Step forward');
           for (let step = 0; forward && step < 500; step += 1) {
             forward.click();
           }
           return true;
         })()",
        Value::Null,
    )
    .await
}

/// Answers the first question of the lab, and sees it graded.
async fn answer_the_question(lab: &LabOnPage<'_>) -> Result<()> {
    lab.wait(
        "a choice",
        "lab.querySelector('.lab-question input[type=radio]')?.click() ?? true",
        Value::Null,
    )
    .await?;
    lab.click("Run").await?;
    // Nobody needs to watch it to the end to know its outcome.
    lab.wait(
        "the question to run",
        "lab.dataset.state === 'live' || lab.textContent.includes('The question, recorded on')",
        Value::Null,
    )
    .await?;
    skip_to_the_end(lab).await?;
    lab.wait(
        "the outcome, and why",
        "lab.querySelectorAll('.lab-question li[data-mark=right]').length === 1
           && lab.querySelectorAll('.choice-why').length > 1
           && /xpected/.test(lab.querySelector('.lab-question [role=status]').textContent)",
        Value::Null,
    )
    .await
}

#[tokio::test]
async fn a_prediction_is_graded_by_what_happens_live_and_recorded() -> Result<()> {
    live(WIDE, async |_, reader| {
        reader.open("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("live").await?;
        answer_the_question(&lab).await
    })
    .await?;
    hosted(WIDE, async |_, reader| {
        reader.open("tcp-ok.html").await?;
        let lab = reader.lab("tcp_ok");
        lab.becomes("recorded").await?;
        answer_the_question(&lab).await
    })
    .await
}

#[tokio::test]
async fn axe_finds_nothing_where_labs_replay_ask_and_share() -> Result<()> {
    hosted(WIDE, async |host, reader| {
        let mut violations = Vec::new();
        for theme in [Theme::Light, Theme::Dark] {
            reader.open("index.html").await?;
            reader.choose(theme).await?;
            for page in host.pages()? {
                reader.open(&page).await?;
                for lab in reader.labs().await? {
                    if lab.is_simulated().await? {
                        lab.is_ready().await?;
                        continue;
                    }
                    lab.becomes("recorded").await?;
                    lab.click("Share").await?;
                    lab.click("Step forward").await?;
                    if !lab.spec().await?.questions.is_empty() {
                        answer_the_question(&lab).await?;
                    }
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
