//! Sessions come and go at random, for as long as one likes: nothing of them may stay.
//!
//! `WIREBOOK_SOAK_SECONDS=600 cargo test -p wirebook-tests --test soak -- --nocapture` does it for
//! ten minutes; `WIREBOOK_SOAK_SEED` does the same acts again.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use socket2::SockRef;
use tokio::task::JoinSet;
use wire::session::Adjustment;
use wire::{ConnectionId, ToGateway};
use wirebook_tests::gateway::{PATIENCE, TestGateway};
use wirebook_tests::serving::Serving;
use wirebook_tests::session::Session;

/// Pages at once.
const PAGES: u64 = 12;

/// What a page does before it goes.
const MAX_ACTS: u64 = 40;

/// A relay keeps a client's path for two minutes after its last datagram (RFC 4787, 4.3), which is
/// longer than a short soak.
const RELAYED: [&str; 2] = ["udp_relay", "udp_reliable"];
const RELAYED_TIME: Duration = Duration::from_secs(120);

/// How much more memory may be resident afterwards: what the allocator keeps, and the addresses of
/// clients that are remembered for a minute.
const MORE_RESIDENT_BYTES: usize = 16 * 1024 * 1024;

fn time() -> Result<Duration> {
    let seconds = match std::env::var("WIREBOOK_SOAK_SECONDS") {
        Ok(seconds) => seconds.parse().context("WIREBOOK_SOAK_SECONDS")?,
        Err(_) => 5,
    };
    Ok(Duration::from_secs(seconds))
}

fn has_relays(time: Duration) -> bool {
    time > 2 * RELAYED_TIME
}

/// Of what happens at random; printed, so that it can be done again.
fn seed() -> Result<u64> {
    let seed = match std::env::var("WIREBOOK_SOAK_SEED") {
        Ok(seed) => seed.parse().context("WIREBOOK_SOAK_SEED")?,
        Err(_) => std::process::id().into(),
    };
    println!("WIREBOOK_SOAK_SEED={seed}");
    Ok(seed)
}

/// Numbers by a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    /// One of `0..sides`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        let sides = u64::try_from(all.len()).ok().filter(|sides| *sides > 0)?;
        all.get(usize::try_from(self.roll(sides)).ok()?)
    }
}

/// One page, from its hello to its end.
struct Life {
    page: Session,
    dice: Dice,
    lessons: Vec<String>,
    connections: Vec<ConnectionId>,
}

impl Life {
    async fn live(address: SocketAddr, token: String, seed: u64, has_relays: bool) -> Result<()> {
        let page = Session::begin(address, &token).await?;
        let lessons = page.welcome().servers.iter();
        let lessons = lessons
            .map(|server| server.lesson.clone())
            .filter(|lesson| has_relays || !RELAYED.contains(&lesson.as_str()))
            .collect();
        let mut life = Self {
            page,
            dice: Dice(seed),
            lessons,
            connections: Vec::new(),
        };
        for _ in 0..life.dice.roll(MAX_ACTS) {
            life.act().await?;
        }
        life.leave().await
    }

    async fn act(&mut self) -> Result<()> {
        let lesson = self.dice.one_of(&self.lessons).cloned().unwrap_or_default();
        let connection = self.dice.one_of(&self.connections).copied();
        let act = self.dice.roll(14);
        match (act, connection) {
            (0..=2, _) | (_, None) => {
                // Too many are refused, which is an answer as well.
                if let Ok(id) = self.page.try_open(&lesson).await? {
                    self.connections.push(id);
                }
            }
            (3..=6, Some(id)) => {
                let length = [1, 5, 700, 2_000, 40_000][act as usize % 5];
                let mut bytes = vec![b'0' + self.dice.roll(10) as u8; length];
                bytes.push(b'\n');
                self.page.send(id, bytes).await?;
            }
            (7, Some(id)) => self.page.half_close(id).await?,
            (8, Some(id)) => self.page.close(id).await?,
            (9, Some(id)) => self.page.reset(id).await?,
            (10, _) => self.page.watch(&lesson).await?,
            (11, _) => {
                let (packets, kernel) = (self.dice.roll(2) == 0, self.dice.roll(2) == 0);
                let look = ToGateway::Look {
                    lesson,
                    packets,
                    kernel,
                };
                self.page.say(&[look]).await?;
            }
            (12, Some(connection)) => {
                let adjustment = match self.dice.roll(3) {
                    0 => Adjustment::Reading(self.dice.roll(2) == 0),
                    1 => Adjustment::Slicer((self.dice.roll(2) == 0).then_some(7)),
                    _ => Adjustment::Deadline(Some(20)),
                };
                let adjust = ToGateway::Adjust {
                    connection,
                    adjustment,
                };
                self.page.say(&[adjust]).await?;
            }
            _ => self.page.answered().await?,
        }
        Ok(())
    }

    async fn leave(mut self) -> Result<()> {
        match self.dice.roll(4) {
            // In order; what is still on its way to the page is not waited for.
            0 => self.page.socket().close(None).await?,
            1 => self.page.answered().await?,
            2 => SockRef::from(self.page.socket().get_ref()).set_linger(Some(Duration::ZERO))?,
            _ => {}
        }
        Ok(())
    }
}

/// Pages that come and go for so long; how many.
async fn storm(
    (address, token): (SocketAddr, &str),
    dice: &mut Dice,
    time: Duration,
    has_relays: bool,
) -> Result<u64> {
    let end = Instant::now() + time;
    let mut pages = JoinSet::new();
    let mut count = 0;
    loop {
        while Instant::now() < end && (pages.len() as u64) < PAGES {
            pages.spawn(Life::live(
                address,
                token.to_owned(),
                dice.roll(u64::MAX),
                has_relays,
            ));
            count += 1;
        }
        match pages.join_next().await {
            Some(ended) => ended??,
            None => return Ok(count),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_stays_of_sessions_that_come_and_go() -> Result<()> {
    let mut dice = Dice(seed()?);
    let time = time()?;
    let has_relays = has_relays(time);
    let serving = Serving::start()?;
    let (process, door) = (serving.process(), (serving.address()?, serving.token()?));
    // What is made when it is first needed, and what the allocator keeps, is there after this. In
    // a long soak the relays come to have as many paths as they take, each with a buffer for the
    // longest datagram: more than all else together.
    let warm_up = match has_relays {
        true => 2 * RELAYED_TIME,
        false => time.min(Duration::from_secs(60)) / 2,
    };
    storm(door, &mut dice, warm_up, has_relays).await?;
    let rest = match has_relays {
        true => RELAYED_TIME + Duration::from_secs(5),
        false => Duration::from_millis(1_500),
    };
    let descriptors = settled(rest, || process.descriptors()).await?;
    let (threads, memory) = (process.threads()?, process.resident_bytes()?);
    println!("at first: {descriptors} descriptors, {threads} threads, {memory} bytes");

    let count = storm(door, &mut dice, time, has_relays).await?;
    let after = settled_at(descriptors, rest, || process.descriptors()).await;
    let memory_after = process.resident_bytes()?;
    let threads_after = process.threads()?;
    println!(
        "after {count} pages: {after:?} descriptors, {threads_after} threads, {memory_after} bytes"
    );
    after?;
    ensure!(
        memory_after < memory + MORE_RESIDENT_BYTES,
        "{memory_after} bytes are resident, {memory} were before"
    );
    let log = serving.log();
    ensure!(log.is_empty(), "it had something to say: {log:?}");
    Ok(())
}

#[test]
fn no_task_stays_of_sessions_that_come_and_go() -> Result<()> {
    let mut dice = Dice(seed()?);
    // The gateway has a runtime of its own: every task there is one of its.
    let gateways = tokio::runtime::Runtime::new()?;
    let pages = tokio::runtime::Runtime::new()?;
    let gateway = gateways.block_on(TestGateway::start())?;
    let token = gateway.token()?;
    let tasks = || Ok(gateways.metrics().num_alive_tasks());
    let door = (gateway.address(), token.as_str());
    // Servers that are threads have begun after this.
    let warm_up = Duration::from_millis(500);
    pages.block_on(storm(door, &mut dice, warm_up, false))?;
    let before = pages.block_on(settled(2 * warm_up, tasks))?;
    let time = time()?.min(Duration::from_secs(30)) / 2;
    let count = pages.block_on(storm(door, &mut dice, time, false))?;
    pages.block_on(gateway.settles_at(0, 0))?;
    let after = pages.block_on(settled_at(before, Duration::ZERO, tasks))?;
    println!("after {count} pages: {after} tasks, {before} before");
    ensure!(gateways.block_on(gateway.stop()), "it did not end in order");
    Ok(())
}

/// What it comes down to: it is asked until it has not fallen for so long.
async fn settled(rest: Duration, count: impl Fn() -> Result<usize>) -> Result<usize> {
    let (mut least, mut since) = (count()?, Instant::now());
    while since.elapsed() < rest {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = count()?;
        if now < least {
            (least, since) = (now, Instant::now());
        }
    }
    Ok(least)
}

/// Waits until it is no more than this, for so long longer than for anything else.
async fn settled_at(
    most: usize,
    rest: Duration,
    count: impl Fn() -> Result<usize>,
) -> Result<usize> {
    let deadline = Instant::now() + PATIENCE + rest;
    loop {
        let now = count()?;
        if now <= most {
            return Ok(now);
        }
        ensure!(Instant::now() < deadline, "it is {now}, and was {most}");
        // Nothing announces it to the outside, so it is asked for again and again.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
