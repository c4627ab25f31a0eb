//! Every lab of the book, played against the real servers and compared with what was recorded.

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, stream};
use wirebook_preprocessor::Found;
use wirebook_tests::book::{Outcome, compare, labs};

/// How many labs are played at once: most of the time they wait.
const AT_ONCE: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn every_lab_plays_as_it_was_recorded() -> Result<()> {
    let labs = labs()?;
    ensure!(labs.len() >= 5, "only {} labs were found", labs.len());
    let problems: Vec<String> = stream::iter(&labs)
        .map(async |found| check(found).await.err())
        .buffered(AT_ONCE)
        .filter_map(async |problem| problem.map(|problem| format!("{problem:#}")))
        .collect()
        .await;
    ensure!(problems.is_empty(), "\n\n{}\n", problems.join("\n\n"));
    Ok(())
}

async fn check(found: &Found) -> Result<()> {
    let name = &found.lab.name;
    let place = format!("{}:{}", found.file, found.line);
    let recorded = found.lab.recorded.as_ref().with_context(|| {
        format!("{place}: no exchange of the lab {name} as it is now was recorded: run `cargo lab record {name}`")
    })?;
    match compare(&found.lab, Some(recorded)).await? {
        Outcome::Same => Ok(()),
        Outcome::Drifted(how, _) => anyhow::bail!(
            "{place}: the lab {name} is not as it was recorded\n{how}\n\
             If that is meant: `cargo lab record {name}`"
        ),
        Outcome::Failed(why) => anyhow::bail!("{place}: the lab {name} cannot be played\n{why}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_exchange_than_the_recorded_one_is_told_line_by_line() -> Result<()> {
    let labs = labs()?;
    let found = labs.iter().find(|found| found.lab.name == "tcp_ok");
    let lab = &found.context("the lab tcp_ok")?.lab;
    let mut recorded = lab.recorded.clone().context("a recorded exchange")?;
    // As if the server had answered otherwise when this was recorded.
    for event in &mut recorded.steps.events {
        if let wire::Action::Write(data) = &mut event.action
            && data.bytes == b"ok"
        {
            data.bytes = b"yes".to_vec();
        }
    }
    let Outcome::Drifted(how, _) = compare(lab, Some(&recorded)).await? else {
        anyhow::bail!("the difference was not found");
    };
    for expected in [
        "connection 1, server (- recorded, + now):",
        "  -          write \"yes\"",
        "  +          write \"ok\"",
    ] {
        ensure!(
            how.lines().any(|line| line == expected),
            "no {expected:?} in\n{how}"
        );
    }
    Ok(())
}
