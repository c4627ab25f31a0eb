//! Pages that never read what they are told, and one that asks as fast as it may: what they cost
//! the gateway, and what others feel of it.

use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;

use super::crowd::{Answers, Door, Member, join, keep_sending, once, resident_bytes, start};
use crate::Bench;
use crate::report::{Measured, Row, Unit};

/// Pages that send and do not read.
const SLEEPERS: usize = 64;

/// How much the gateway may grow for all of them, in bytes.
const GROWTH_AIM: f64 = 64.0 * 1024.0 * 1024.0;

/// Pages that are answered all the time.
const OTHERS: usize = 8;

/// How long they are watched: a page that has not read for 10 s is closed.
const SECONDS: usize = 8;

/// How many times longer others may wait while the rest does its worst.
const WAIT_AIM: f64 = 2.0;

/// How often the gateway's memory is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A message. It is no byte many times over, which would travel as one.
const MESSAGE_BYTES: usize = 16 * 1024;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let seconds = bench.many(SECONDS, 1);
    let sleepers = bench.many(SLEEPERS, 4);
    let slept = others_beside(sleepers, seconds, |member, message| async move {
        member.send_and_never_read(&message).await;
    })
    .await?;
    let flooded = others_beside(1, seconds, |member, message| async move {
        member.send_and_read(&message).await;
    })
    .await?;
    let grown = Measured::once(Unit::Bytes, slept.grown_bytes as f64);
    let mut rows = vec![
        Row::new(
            format!("memory for {sleepers} pages that never read"),
            grown,
        )
        .at_most(GROWTH_AIM),
    ];
    rows.extend(slept.rows(&format!("beside {sleepers} that never read")));
    rows.extend(flooded.rows("beside one that sends as fast as it may"));
    Ok(rows)
}

/// What was seen of others.
struct Seen {
    without: Answers,
    with: Answers,
    grown_bytes: usize,
}

impl Seen {
    fn rows(&self, beside: &str) -> [Row; 2] {
        let row = |percent| {
            let without = once(self.without.percentile(percent));
            let with = once(self.with.percentile(percent));
            Row::new(format!("{OTHERS} other pages {beside}, p{percent}"), with)
                .against("without", &without)
        };
        [row(50).at_most(WAIT_AIM), row(99)]
    }
}

/// Has other pages send and read, first by themselves, then beside so many that behave as `act`.
async fn others_beside<F>(
    actors: usize,
    seconds: usize,
    act: impl Fn(Member, Vec<u8>) -> F,
) -> Result<Seen>
where
    F: Future<Output = ()> + 'static,
{
    let state = tempfile::tempdir()?;
    let program = start(state.path(), actors + OTHERS).await?;
    let door = Door::of(&program)?;
    let mut others = join(&door, OTHERS).await?;
    let without = keep_sending(&mut others, seconds).await?;
    let before = resident_bytes(&program)?;
    let members = join(&door, actors).await?;
    let message: Vec<u8> = (0..=u8::MAX).cycle().take(MESSAGE_BYTES).collect();
    let local = tokio::task::LocalSet::new();
    let mut acting = JoinSet::new();
    for member in members {
        acting.spawn_local_on(act(member, message.clone()), &local);
    }
    let watched = local.run_until(async {
        let sending = keep_sending(&mut others, seconds);
        tokio::pin!(sending);
        let mut most = before;
        loop {
            tokio::select! {
                answers = &mut sending => return anyhow::Ok((answers?, most)),
                () = tokio::time::sleep(LOOK_INTERVAL) => {
                    most = most.max(resident_bytes(&program)?);
                }
            }
        }
    });
    let (with, most) = watched.await?;
    Ok(Seen {
        without,
        with,
        grown_bytes: most.saturating_sub(before),
    })
}
