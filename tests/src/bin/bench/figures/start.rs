//! From the start of the program to its first page.

use std::time::Instant;

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wirebook_tests::browser::Program;

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
    let host = program.origin().trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        bail!("the first page is not there");
    }
    Ok(())
}
