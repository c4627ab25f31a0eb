//! The program, or a page, is stopped for a while: Ctrl-Z, a laptop that sleeps.

use std::time::Duration;

use anyhow::Result;
use wirebook_tests::serving::Serving;

use super::echoes;

/// Far less than this, and a page is gone.
const DEAD: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_was_stopped_goes_on_with_all_its_pages() -> Result<()> {
    let options = ["--dead-page-secs", "3", "--write-secs", "1"];
    let serving = Serving::start_with_options(&options)?;
    let mut pages = Vec::new();
    for _ in 0..8 {
        let mut page = serving.session().await?;
        let id = page.open("tcp_echo").await?;
        echoes(&mut page, id, "before").await?;
        pages.push((page, id));
    }
    serving.process().signal("STOP")?;
    // This is the time that passes for all but the program, and no wait for something.
    tokio::time::sleep(DEAD * 2).await;
    serving.process().signal("CONT")?;
    // Each wait for a page ended while the program stood still; each page is there, and answers.
    for (page, id) in &mut pages {
        echoes(page, *id, "after").await?;
    }
    Ok(())
}
