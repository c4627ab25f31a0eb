//! The clients in Go, each against the Rust server of its lesson.

use anyhow::Result;
use wirebook_tests::requirements::met;

use crate::observer::Observer;
use crate::program::{Program, go_client, repository};

/// Runs the client of `lesson` against the lesson's server, and tells `story` with what it does
/// and what a session that watches sees of it.
pub(crate) async fn story(
    lesson: &str,
    story: impl AsyncFnOnce(Program, &mut Observer) -> Result<()>,
) -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let client = go_client(lesson)?;
    let mut observer = Observer::of(lesson).await?;
    let address = observer.address().to_string();
    let program = Program::start(client, &[&address])?;
    story(program, &mut observer).await?;
    observer.has_seen_an_outside_client()
}

#[tokio::test]
async fn tcp_ok_gets_an_ok_for_each_line_until_q() -> Result<()> {
    story("tcp_ok", async |mut client, observer| {
        client.types("hello\n").await?;
        assert_eq!(client.prints().await?, "ok");
        client.types("how are you?\n").await?;
        assert_eq!(client.prints().await?, "ok");
        client.types("Q\n").await?;
        client.ends().await?;
        observer
            .sees(&[
                "server accept",
                "server read \"hello\"",
                "server write \"ok\"",
                "server read \"how are you?\"",
                "server end",
                "server close",
            ])
            .await
    })
    .await
}

#[tokio::test]
async fn tcp_line_gets_its_answer() -> Result<()> {
    story("tcp_line", async |mut client, observer| {
        assert_eq!(client.prints().await?, "Hello, client!");
        client.ends().await?;
        observer
            .sees(&[
                "server accept",
                "server read \"Hello, server!\\n\"",
                "server write \"Hello, client!\"",
                "server close",
            ])
            .await
    })
    .await
}

#[tokio::test]
async fn tcp_silent_gives_up_by_its_own_time_limit() -> Result<()> {
    story("tcp_silent", async |mut client, observer| {
        assert_eq!(client.prints().await?, "no answer in two seconds");
        client.ends().await?;
        observer
            .sees(&[
                "server accept",
                "server read \"Are you there?\"",
                "server end",
            ])
            .await
    })
    .await
}

#[tokio::test]
async fn tcp_echo_gets_back_what_it_sent_and_half_closes() -> Result<()> {
    story("tcp_echo", async |mut client, observer| {
        client.types("hello\n").await?;
        assert_eq!(client.prints().await?, "hello");
        client.end_input();
        client.ends().await?;
        observer
            .sees(&[
                "server accept",
                "server write \"hello\\n\"",
                "server end",
                "server close",
            ])
            .await
    })
    .await
}

#[tokio::test]
async fn udp_echo_gets_each_datagram_back() -> Result<()> {
    story("udp_echo", async |mut client, observer| {
        for text in ["hello", "naïve ☕"] {
            client.types(&format!("{text}\n")).await?;
            assert_eq!(client.prints().await?, text);
        }
        client.end_input();
        client.ends().await?;
        observer
            .sees(&[
                "server receive \"hello\"",
                "server send \"hello\"",
                "server receive \"naïve ☕\"",
                "server send \"naïve ☕\"",
            ])
            .await
    })
    .await
}

#[test]
fn the_go_programs_are_formatted_and_vetted() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    for (folder, program, arguments) in [
        ("book/go", "gofmt", &["-l", "."][..]),
        ("tests/peers", "gofmt", &["-l", "."]),
        ("book/go", "go", &["vet", "./..."]),
    ] {
        let output = std::process::Command::new(program)
            .args(arguments)
            .current_dir(repository().join(folder))
            .env("GOTOOLCHAIN", "local")
            .output()?;
        let said = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success() && said.is_empty(),
            "{program} in {folder}: {}",
            String::from_utf8_lossy(&said)
        );
    }
    Ok(())
}
