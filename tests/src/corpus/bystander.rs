//! A page that does nothing wrong, before, during and after.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use wire::{ConnectionId, End, Event, Seen};

use super::heard::has_seen;
use super::target::Target;
use crate::session::Session;

/// How often it says something while others misbehave.
const INTERVAL: Duration = Duration::from_millis(20);

/// What it says; nobody else may hear it.
pub(super) const SECRET: &str = "the bystander's own words";

/// A well-behaved page with a connection of its own.
pub(super) struct Bystander {
    session: Session,
    connection: ConnectionId,
    said: usize,
}

impl Bystander {
    pub(super) async fn at(target: &Target) -> Result<Self> {
        let mut session = target.session().await?;
        let connection = session.open("tcp_echo").await?;
        let mut bystander = Self {
            session,
            connection,
            said: 0,
        };
        bystander.works().await?;
        Ok(bystander)
    }

    /// Its connection, which is nobody else's business.
    pub(super) fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// It is served as if nobody else was there.
    pub(super) async fn works(&mut self) -> Result<()> {
        self.said += 1;
        let (connection, words) = (self.connection, format!("{SECRET} {}.", self.said));
        self.session.send(connection, words.as_str()).await?;
        let echo = |event: &Event| {
            let data = event.data().map(|data| data.bytes.as_slice());
            event.end == End::Client
                && event.action.verb() == "read"
                && data == Some(words.as_bytes())
        };
        self.session
            .until(echo)
            .await
            .context("the bystander's echo")?;
        Ok(())
    }

    /// It is served until something is `done`, and once more.
    pub(super) async fn works_until(&mut self, mut done: impl FnMut(&Self) -> bool) -> Result<()> {
        let mut turns = tokio::time::interval(INTERVAL);
        loop {
            let is_done = done(self);
            self.works().await?;
            if is_done {
                return Ok(());
            }
            turns.tick().await;
        }
    }

    /// From now on it sees what programs do with this lesson.
    pub(super) async fn watch(&mut self, lesson: &str) -> Result<()> {
        self.session.watch(lesson).await
    }

    /// Waits until all this was observed, in this order.
    pub(super) async fn sees(&mut self, steps: &[Seen]) -> Result<()> {
        let own = self.connection;
        let all = |session: &Session| has_seen(of_others(session, own), steps).then_some(());
        self.session.when(all).await
    }

    /// Whether all this was observed by now, in this order.
    pub(super) fn has_seen(&self, steps: &[Seen]) -> bool {
        has_seen(of_others(&self.session, self.connection), steps)
    }

    /// It has seen nothing of other pages.
    pub(super) fn knows_only_its_own(&self) -> Result<()> {
        let foreign = of_others(&self.session, self.connection).next();
        ensure!(foreign.is_none(), "the bystander saw {foreign:?}");
        ensure!(self.session.lost() == 0, "the bystander lost events");
        Ok(())
    }
}

/// What a session observed on connections that are not its `own`.
fn of_others(session: &Session, own: ConnectionId) -> impl Iterator<Item = &Event> {
    let is_foreign = move |event: &&Event| event.connection.is_some_and(|id| id != own);
    session.observed().iter().filter(is_foreign)
}
