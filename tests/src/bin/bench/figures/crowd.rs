//! Many pages at once, each with a connection to the lesson `tcp_echo`: what one costs while it
//! rests, and how soon each is answered when all are busy.
//!
//! Measured once: the thousands of ports are not free again for a minute. The pages are in this
//! process and its one thread, the memory is the gateway's process alone: what the kernel keeps for
//! its sockets is not in it.

mod member;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use wirebook_tests::browser::Program;
use wirebook_tests::serving::Process;

pub(crate) use self::member::{Door, Member};
use crate::Bench;
use crate::report::{Measured, Row, Unit, percentile};

/// Pages that rest.
const IDLE_PAGES: usize = 5_000;

/// What one of them may cost, in bytes.
const BYTES_AIM: f64 = 40.0 * 1024.0;

/// Within this, in seconds, all of them are answered.
const ALL_ANSWERED_AIM: f64 = 1.0;

/// Pages that are busy.
const BUSY_PAGES: usize = 1_000;

/// How long they are.
const BUSY_SECS: usize = 10;

/// How often each of them sends.
const INTERVAL: Duration = Duration::from_millis(100);

/// Of a hundred of their messages 99 are answered within this, in seconds.
const P99_AIM: f64 = 0.050;

/// What is not answered so long after the last message is not answered.
const PATIENCE: Duration = Duration::from_secs(5);

/// Pages that open at once: a gateway greets 64.
const WAVE: usize = 48;

/// What a page sends.
const MESSAGE: [u8; 64] = [b'x'; 64];

/// Sockets that the gateway has open for one page.
const SOCKETS_PER_PAGE: usize = 3;

/// Files that are open besides.
const OTHER_FILES: usize = 400;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows = idle(bench.many(possible(IDLE_PAGES), 40)).await?;
    let seconds = bench.many(BUSY_SECS, 1);
    rows.extend(busy(bench.many(possible(BUSY_PAGES), 20), seconds).await?);
    Ok(rows)
}

/// Fewer pages, where the system allows a process fewer files. The rows say how many they are.
fn possible(pages: usize) -> usize {
    match wirebook::descriptors::raise().map(usize::try_from) {
        Some(Ok(files)) => pages.min(files.saturating_sub(OTHER_FILES) / SOCKETS_PER_PAGE),
        _ => pages,
    }
}

async fn idle(pages: usize) -> Result<Vec<Row>> {
    let state = tempfile::tempdir()?;
    let program = start(state.path(), pages + 1).await?;
    let door = Door::of(&program)?;
    // What the first one makes the gateway have for all of them is no page's.
    let mut first = Member::join(&door).await?;
    first.trip(&MESSAGE).await?;
    let before = resident_bytes(&program)?;
    let mut members = join(&door, pages).await?;
    let grown = resident_bytes(&program)?.saturating_sub(before);
    let began = Instant::now();
    try_join_all(members.iter_mut().map(|member| member.trip(&MESSAGE))).await?;
    let answered = began.elapsed();
    let per_page = Measured::once(Unit::Bytes, grown as f64 / pages as f64);
    Ok(vec![
        Row::new(format!("memory of each of {pages} idle pages"), per_page).at_most(BYTES_AIM),
        Row::new(
            format!("{pages} pages send at once, until all are answered"),
            once(answered),
        )
        .at_most(ALL_ANSWERED_AIM),
    ])
}

async fn busy(pages: usize, seconds: usize) -> Result<Vec<Row>> {
    let state = tempfile::tempdir()?;
    let program = start(state.path(), pages).await?;
    let mut members = join(&Door::of(&program)?, pages).await?;
    let answers = keep_sending(&mut members, seconds).await?;
    let what = format!("{pages} pages send 10 messages a second each");
    Ok(vec![
        Row::new(format!("{what}, p50"), once(answers.percentile(50))),
        Row::new(format!("{what}, p99"), once(answers.percentile(99)))
            .at_most(P99_AIM)
            .note(answers.fewest()),
        Row::new(
            format!("{what}, p50 of the slowest page"),
            once(answers.slowest()),
        )
        .against("p50 of all", &once(answers.percentile(50))),
    ])
}

/// A gateway that takes so many pages, and asks of them what it asks of any reader's.
pub(crate) async fn start(state: &std::path::Path, pages: usize) -> Result<Program> {
    // One each, and some of the one before that are not forgotten yet.
    let connections = pages + 100;
    let arguments = [
        "--max-sessions".to_owned(),
        pages.to_string(),
        "--max-connections".to_owned(),
        connections.to_string(),
    ];
    Program::start_with(state, arguments.map(Into::into).into()).await
}

/// So many pages, which come in waves.
pub(crate) async fn join(door: &Door, pages: usize) -> Result<Vec<Member>> {
    stream::iter(0..pages)
        .map(|_| Member::join(door))
        .buffer_unordered(WAVE)
        .try_collect()
        .await
}

/// How long the messages of each page took.
pub(crate) struct Answers {
    each: Vec<Vec<f64>>,
    messages: usize,
}

/// Has each page send ten times a second, all of them spread evenly.
pub(crate) async fn keep_sending(members: &mut [Member], seconds: usize) -> Result<Answers> {
    let start = Instant::now() + INTERVAL;
    let messages = seconds * 10;
    let step = INTERVAL / u32::try_from(members.len())?;
    let sending = members.iter_mut().enumerate().map(async |(index, member)| {
        let first = start + step * u32::try_from(index)?;
        let due_at: Vec<_> = (0..u32::try_from(messages)?)
            .map(|number| first + INTERVAL * number)
            .collect();
        let taken = member.keep_sending(&MESSAGE, &due_at, PATIENCE).await?;
        anyhow::Ok(taken.iter().map(Duration::as_secs_f64).collect())
    });
    Ok(Answers {
        each: try_join_all(sending).await?,
        messages,
    })
}

impl Answers {
    /// Of all pages together.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let all: Vec<_> = self.each.iter().flatten().copied().collect();
        seconds(percentile(&all, percent))
    }

    /// Of the page that waited longest.
    fn slowest(&self) -> Duration {
        let medians = self.each.iter().map(|taken| percentile(taken, 50));
        seconds(medians.fold(0.0, f64::max))
    }

    /// Whether nobody was starved.
    fn fewest(&self) -> String {
        let fewest = self.each.iter().map(Vec::len).min().unwrap_or(0);
        format!(
            "the page with the fewest answers has {fewest} of {}",
            self.messages
        )
    }
}

fn seconds(number: f64) -> Duration {
    Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX)
}

pub(crate) fn once(time: Duration) -> Measured {
    Measured::once(Unit::Seconds, time.as_secs_f64())
}

/// What a program has in memory now.
pub(crate) fn resident_bytes(program: &Program) -> Result<usize> {
    Process(program.id().context("the gateway runs")?).resident_bytes()
}
