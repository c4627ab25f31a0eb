//! From the start of the program to its first page.

use std::time::Instant;

use anyhow::{Result, ensure};
use wirebook_tests::browser::Program;
use wirebook_tests::gateway::get;

use crate::Bench;
use crate::report::{Measured, Row, Unit};

/// In seconds.
const AIM: f64 = 0.150;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let state = tempfile::tempdir()?;
    let mut times = Vec::new();
    // The first start warms up, and makes the token.
    for start in 0..=bench.many(2 * bench.rounds, 1) {
        let began = Instant::now();
        let mut program = Program::start(state.path()).await?;
        first_page(&program).await?;
        if start > 0 {
            times.push(began.elapsed().as_secs_f64());
        }
        program.stop().await?;
    }
    let times = Measured::rounds(Unit::Seconds, times);
    Ok(vec![Row::new("start to first page", times).at_most(AIM)])
}

async fn first_page(program: &Program) -> Result<()> {
    let status = get(program.address()?, "/", "").await?.status();
    ensure!(
        status == Some(200),
        "the first page is not there: {status:?}"
    );
    Ok(())
}
