//! The story of every lesson, played as a lab's steps are.

use anyhow::{Context as _, Result};
use wire::lab::{Lab, Step};
use wire::{End, Event};
use wirebook_tests::gateway::TestGateway;
use wirebook_tests::session::Pace;

/// A lab of these steps: what to do, and what is seen.
fn lab(server: &str, steps: &[(&[&str], &str)]) -> Result<Lab> {
    let step = |(play, seen): &(&[&str], &str)| {
        Ok(Step {
            say: Vec::new(),
            play: play
                .iter()
                .map(|play| Ok(play.parse()?))
                .collect::<Result<_>>()?,
            seen: seen.parse()?,
            hints: Vec::new(),
        })
    };
    Ok(Lab {
        name: server.to_owned(),
        server: server.to_owned(),
        controls: Vec::new(),
        questions: Vec::new(),
        experiments: Vec::new(),
        recorded: None,
        network: None,
        hash: String::new(),
        steps: steps.iter().map(step).collect::<Result<_>>()?,
        listings: Vec::new(),
    })
}

async fn check_story(server: &str, steps: &[(&[&str], &str)]) -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let events = session
        .play(&lab(server, steps)?, Pace::Quick)
        .await?
        .steps
        .events;
    let is_call = |event: &&Event| {
        let verbs = ["accept", "wait", "read", "write", "end", "receive", "send"];
        event.end == End::Server && verbs.contains(&event.action.verb())
    };
    for event in events.iter().filter(is_call) {
        let source = event.source.as_ref().context("the server has lines")?;
        assert_eq!(source.file, format!("native/src/lessons/{server}.rs"));
    }
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn story_of_tcp_ok() -> Result<()> {
    check_story(
        "tcp_ok",
        &[
            (&[], "server wait accept"),
            (&["connect"], "server accept"),
            (&[], "server wait read"),
            (&[r#"send "hello""#], r#"client read "ok""#),
            (&[r#"send "again""#], r#"server read "again""#),
            (&["half-close"], "server end"),
            // Not "server close" before it: that is recorded when the socket is gone, by when the
            // client may have noticed.
            (&[], "client end"),
            (&["close"], "client close"),
        ],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn story_of_tcp_line() -> Result<()> {
    check_story(
        "tcp_line",
        &[
            (
                &["connect", r#"send "Hello, server!""#],
                r#"server read "Hello, server!""#,
            ),
            (&[], "client nothing for 1 s"),
            (&[r#"send "\n""#], r#"client read "Hello, client!""#),
            (&[], "client end"),
            (&["close"], "client close"),
        ],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn story_of_tcp_silent() -> Result<()> {
    check_story(
        "tcp_silent",
        &[
            (&["connect"], "client connect"),
            (&[r#"send "anyone?""#], r#"server read "anyone?""#),
            (&[], "client nothing for 1 s"),
            (&["reset"], "server error reset"),
        ],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn story_of_tcp_echo() -> Result<()> {
    check_story(
        "tcp_echo",
        &[
            (&["connect", r#"send "a\x00b""#], r#"client read "a\x00b""#),
            (&[r#"send "last""#, "half-close"], r#"client read "last""#),
            (&[], "client end"),
            (&["close"], "client close"),
        ],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn story_of_udp_echo() -> Result<()> {
    check_story(
        "udp_echo",
        &[
            (&[], "server wait receive"),
            (&[r#"send "one""#], r#"client receive "one""#),
            (&[r#"send """#], "client receive"),
            (&["close"], "client close"),
        ],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn story_of_udp_dns() -> Result<()> {
    check_story(
        "udp_dns",
        &[
            (
                &[r#"ask "wirebook.test" A"#],
                r#"client receive "\xc0\x00\x02\x01""#,
            ),
            (&[r#"ask "slow.wirebook.test" A"#], "client nothing for 1 s"),
            // It does not keep the others waiting.
            (
                &[r#"ask "nobody.wirebook.test" A"#],
                r#"client receive "nobody""#,
            ),
            (&[], r#"client receive "\xc0\x00\x02\x02""#),
        ],
    )
    .await
}
