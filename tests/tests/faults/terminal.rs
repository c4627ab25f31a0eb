//! Whoever reads what the program prints stops reading, or is gone.

use std::process::Command;

use anyhow::Result;
use wirebook_tests::browser::binary;
use wirebook_tests::serving::Serving;
use wirebook_tests::session::Session;

/// More than a pipe holds (pipe(7): 64 KiB), printed by a lesson that prints what it reads.
async fn prints_a_lot(session: &mut Session) -> Result<()> {
    const LINES: usize = 120;
    let id = session.open("tcp_ok").await?;
    for answered in 1..=LINES {
        session.send(id, [b'x'; 1_000]).await?;
        let is_answered = |session: &Session| {
            let read: usize = (session.observed().iter())
                .filter(|event| event.connection == Some(id) && event.end == wire::End::Client)
                .filter(|event| event.action.verb() == "read")
                .filter_map(|event| event.data())
                .map(|data| data.bytes.len())
                .sum();
            (read >= answered * "ok".len()).then_some(())
        };
        session.when(is_answered).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_what_lessons_print() -> Result<()> {
    let serving = Serving::start()?;
    prints_a_lot(&mut serving.session().await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_read_what_lessons_print_is_gone() -> Result<()> {
    let mut serving = Serving::start()?;
    serving.stop_reading();
    prints_a_lot(&mut serving.session().await?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_read_the_log_is_gone() -> Result<()> {
    // What `serve -vv 2>&1 | head -1` does, for stderr alone.
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"exec 2>&-; exec "$0" "$@""#])
        .arg(binary());
    let serving = Serving::start_with(command, &["-vv"])?;
    for _ in 0..3 {
        prints_a_lot(&mut serving.session().await?).await?;
    }
    Ok(())
}
