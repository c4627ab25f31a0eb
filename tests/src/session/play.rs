//! Playing a lab as its steps and questions say, with as many clients as they name.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use wire::lab::{Control, Lab, Question};
use wire::play::Act;
use wire::seen::What;
use wire::session::{Adjustment, Server};
use wire::trace::{Answered, Client as Named, Part};
use wire::{ConnectionId, Event, Play, Progress, Seen, SocketOption, ToGateway};

use super::{Session, transcript};
use crate::gateway::PATIENCE;

/// How fast a lab is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Without a pause: whatever can meet on the way meets.
    Quick,
    /// Like a reader who lets each act come to its end, so that playing it again gives the same.
    Calm,
}

/// What was observed when a lab was played.
#[derive(Clone, Debug)]
pub struct Played {
    /// The server as the gateway named it.
    pub server: Server,
    /// What the steps did.
    pub steps: Part,
    /// What each question came to.
    pub questions: Vec<Answered>,
}

/// A step or question that did not come to what it should, with what had been observed by then.
#[derive(Debug)]
pub struct Stuck {
    /// What did not happen.
    pub what: String,
    /// The server as the gateway named it.
    pub server: Server,
    /// What the steps did until then.
    pub steps: Part,
}

impl std::fmt::Display for Stuck {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let observed = transcript(&self.steps.events);
        write!(formatter, "{}; observed:\n{observed}", self.what)
    }
}

impl std::error::Error for Stuck {}

/// One client of a lab while it is played.
#[derive(Debug, Default)]
pub(crate) struct Client {
    pub(crate) connection: Option<ConnectionId>,
    /// Set before the next connection is made.
    pub(crate) options: Vec<(SocketOption, i64)>,
    /// Said as soon as there is a connection.
    pub(crate) adjustments: Vec<Adjustment>,
}

impl Client {
    /// Keeps what is said of a connection before there is one.
    pub(crate) fn remember(&mut self, adjustment: Adjustment) {
        match adjustment {
            Adjustment::Option(option, value) => self.options.push((option, value)),
            adjustment => self.adjustments.push(adjustment),
        }
    }
}

/// The clients of a lab and what they were given.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    all: HashMap<Option<String>, Client>,
    /// Every connection that was opened, in order.
    opened: Vec<Named>,
    /// Which DNS query is next.
    queries: u16,
}

impl Clients {
    /// The client that does this.
    pub(crate) fn take(&mut self, play: &Play) -> Client {
        self.all.remove(&play.client).unwrap_or_default()
    }

    /// The client that did this.
    pub(crate) fn put(&mut self, play: &Play, client: Client) {
        self.all.insert(play.client.clone(), client);
    }

    /// Takes note of a connection that this made.
    pub(crate) fn opened(&mut self, play: &Play, connection: ConnectionId) {
        self.opened.push(Named {
            name: play.client.clone(),
            connection,
        });
    }
}

impl Session {
    /// Plays the steps and questions of a lab.
    ///
    /// # Errors
    ///
    /// [`Stuck`] says which step did not tick.
    pub async fn play(&mut self, lab: &Lab, pace: Pace) -> Result<Played> {
        let servers = self.welcome.servers.iter();
        let server = servers
            .clone()
            .find(|server| server.lesson == lab.server)
            .with_context(|| format!("no server for {}", lab.server))?
            .clone();
        let steps = self.play_steps(lab, &server, pace).await?;
        let mut questions = Vec::new();
        for (index, question) in lab.questions.iter().enumerate() {
            let answered = self.play_question(lab, question, &server, pace).await;
            let number = index + 1;
            questions.push(answered.with_context(|| format!("question {number}"))?);
        }
        Ok(Played {
            server,
            steps,
            questions,
        })
    }

    async fn play_steps(&mut self, lab: &Lab, server: &Server, pace: Pace) -> Result<Part> {
        let begin = self.events.len();
        let mut observed = begin;
        self.look(lab).await?;
        // The first that is observed is how the server waits.
        self.watch(&lab.server).await?;
        let mut clients = Clients::default();
        let mut progress = Progress::new(lab.steps.iter().map(|step| step.seen.clone()), 0);
        // The highest sequence that was observed when each step ticked.
        let mut ticks = Vec::new();
        for (index, step) in lab.steps.iter().enumerate() {
            let ticked = async {
                self.act_all(&mut clients, server, &step.play, pace).await?;
                self.until_ticked(&mut progress, &mut observed, index).await
            };
            if let Err(error) = ticked.await {
                let steps = part(&self.events[begin..], &clients, &ticks);
                return Err(stuck(lab, index, &error, server, steps));
            }
            if pace == Pace::Calm && rests_after(lab, index) {
                self.rest().await?;
                while observed < self.events.len() {
                    progress.observe(&self.events[observed]);
                    observed += 1;
                }
            }
            ticks.push(last_sequence(&self.events[begin..observed]));
        }
        let part = part(&self.events[begin..observed], &clients, &ticks);
        self.close_all(&clients).await?;
        Ok(part)
    }

    /// Looks at packets and at what the system says, if the lab does from its start.
    async fn look(&mut self, lab: &Lab) -> Result<()> {
        let packets = lab.controls.contains(&Control::Packets);
        let kernel = lab.controls.contains(&Control::Kernel);
        let lesson = lab.server.clone();
        if packets || kernel {
            self.say(&[ToGateway::Look {
                lesson,
                packets,
                kernel,
            }])
            .await?;
        }
        Ok(())
    }

    /// Plays a question with clients of its own.
    async fn play_question(
        &mut self,
        lab: &Lab,
        question: &Question,
        server: &Server,
        pace: Pace,
    ) -> Result<Answered> {
        let begin = self.events.len();
        // What older connections still do is no answer.
        let known: Vec<_> = self.opened.iter().map(|(_, id)| *id).collect();
        let is_new = |event: &Event| event.connection.is_none_or(|id| !known.contains(&id));
        let mut clients = Clients::default();
        let mut choices = choices(question);
        self.act_all(&mut clients, server, &question.play, pace)
            .await?;
        let deadline = Instant::now() + PATIENCE;
        let mut observed = begin;
        let outcome = loop {
            // Those of one frame in the order of their sequence.
            let mut events: Vec<Event> = self.events[observed..].to_vec();
            observed = self.events.len();
            events.sort_by_key(|event| event.sequence);
            let mut outcome = None;
            for event in events.iter().filter(|event| is_new(event)) {
                outcome = choices.iter_mut().position(|choice| choice.observe(event));
                if outcome.is_some() {
                    break;
                }
            }
            let now_ns = self.now_ns();
            let silent = || choices.iter_mut().position(|choice| choice.elapse(now_ns));
            if let Some(outcome) = outcome.or_else(silent) {
                break outcome;
            }
            let waits = question.choices.iter().map(|choice| &choice.seen);
            let next = next_look(waits).map_or(deadline, |wait| Instant::now() + wait);
            if !self.listen(deadline.min(next)).await? && Instant::now() >= deadline {
                let events = transcript(&self.events[begin..]);
                bail!("no choice of {} was observed:\n{events}", lab.name);
            }
        };
        if pace == Pace::Calm {
            self.rest().await?;
        }
        let events: Vec<Event> = self.events[begin..]
            .iter()
            .filter(|event| is_new(event))
            .cloned()
            .collect();
        let part = part(&events, &clients, &[]);
        self.close_all(&clients).await?;
        let outcome = u16::try_from(outcome).context("too many choices")?;
        Ok(Answered { outcome, part })
    }

    async fn act_all(
        &mut self,
        clients: &mut Clients,
        server: &Server,
        plays: &[Play],
        pace: Pace,
    ) -> Result<()> {
        for (index, play) in plays.iter().enumerate() {
            if index > 0 && pace == Pace::Calm {
                self.pause().await?;
            }
            self.act(clients, server, play)
                .await
                .with_context(|| format!("playing `{play}`"))?;
        }
        Ok(())
    }

    async fn act(&mut self, clients: &mut Clients, server: &Server, play: &Play) -> Result<()> {
        let client = clients.all.entry(play.client.clone()).or_default();
        // A datagram needs no connection: the first one binds the socket it goes from.
        let sends = matches!(play.act, Act::Send(_) | Act::Ask { .. });
        let opens = match play.act {
            Act::Connect => true,
            _ => sends && client.connection.is_none() && !server.transport.is_stream(),
        };
        if opens {
            client.connection = None;
            let options = client.options.clone();
            // That nobody accepts may be what the lab is about; its events tell.
            if let Ok(connection) = self.try_open_with(&server.lesson, options).await? {
                client.connection = Some(connection);
                clients.opened.push(Named {
                    name: play.client.clone(),
                    connection,
                });
                for adjustment in client.adjustments.clone() {
                    self.adjust(connection, adjustment).await?;
                }
            }
        }
        if let Some(adjustment) = adjustment(&play.act) {
            return match client.connection {
                Some(connection) => self.adjust(connection, adjustment).await,
                None => {
                    client.remember(adjustment);
                    Ok(())
                }
            };
        }
        if play.act == Act::Connect {
            return Ok(());
        }
        let id = client.connection.context("there is no connection")?;
        match &play.act {
            Act::Send(bytes) => self.send(id, bytes.clone()).await,
            Act::Ask { name, kind } => {
                clients.queries += 1;
                let query = wire::dns::query(clients.queries, name, kind)?;
                self.send(id, query).await
            }
            Act::HalfClose => self.half_close(id).await,
            Act::Reset => {
                client.connection = None;
                self.reset(id).await
            }
            _ => {
                client.connection = None;
                self.close(id).await
            }
        }
    }

    async fn adjust(&mut self, connection: ConnectionId, adjustment: Adjustment) -> Result<()> {
        let adjust = ToGateway::Adjust {
            connection,
            adjustment,
        };
        self.say(&[adjust]).await
    }

    async fn close_all(&mut self, clients: &Clients) -> Result<()> {
        for client in clients.all.values() {
            if let Some(connection) = client.connection {
                self.close(connection).await?;
            }
        }
        self.rest().await
    }

    /// Waits until step `index` has ticked.
    async fn until_ticked(
        &mut self,
        progress: &mut Progress,
        observed: &mut usize,
        index: usize,
    ) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while progress.done() <= index && *observed < self.events.len() {
                progress.observe(&self.events[*observed]);
                *observed += 1;
            }
            if progress.done() > index {
                return Ok(());
            }
            // Silence is over when it has lasted.
            if progress.elapse(self.now_ns()) {
                return Ok(());
            }
            let next = next_look(progress.current().into_iter())
                .map_or(deadline, |wait| deadline.min(Instant::now() + wait));
            if !self.listen(next).await? && Instant::now() >= deadline {
                bail!("refused: {:?}", self.refused);
            }
        }
    }

    /// Now, on the gateway's clock.
    pub(super) fn now_ns(&self) -> u64 {
        let since = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.welcome.time_ns.saturating_add(since)
    }
}

/// How a client is told to behave; `None` for what it does.
pub(crate) fn adjustment(act: &Act) -> Option<Adjustment> {
    match act {
        Act::Option(option, value) => Some(Adjustment::Option(*option, *value)),
        Act::Slicer(seed) => Some(Adjustment::Slicer(*seed)),
        Act::Pause => Some(Adjustment::Reading(false)),
        Act::Resume => Some(Adjustment::Reading(true)),
        Act::Deadline(deadline) => Some(Adjustment::Deadline(*deadline)),
        Act::Relay(settings) => Some(Adjustment::Relay(*settings)),
        _ => None,
    }
}

/// Silence announces itself to nobody: how soon to look whether it has lasted.
fn next_look<'a>(seen: impl Iterator<Item = &'a Seen>) -> Option<Duration> {
    seen.filter_map(|seen| match seen.what {
        What::Nothing { for_secs } => Some(Duration::from_secs(for_secs) / 20),
        _ => None,
    })
    .min()
}

/// That a step did not tick, and what was observed instead.
pub(crate) fn stuck(
    lab: &Lab,
    index: usize,
    error: &anyhow::Error,
    server: &Server,
    steps: Part,
) -> anyhow::Error {
    let number = index + 1;
    let seen = &lab.steps[index].seen;
    Stuck {
        what: format!("step {number} did not tick: {seen} ({error:#})"),
        server: server.clone(),
        steps,
    }
    .into()
}

/// Whether what a step did may come to rest before the next one: what a step that only watches is
/// about may be on its way already.
pub(crate) fn rests_after(lab: &Lab, index: usize) -> bool {
    let next = lab.steps.get(index + 1);
    next.is_none_or(|step| !step.play.is_empty())
}

/// The highest sequence of these events.
pub(crate) fn last_sequence(events: &[Event]) -> u64 {
    let sequences = events.iter().map(|event| event.sequence);
    sequences.max().unwrap_or(0)
}

/// One matcher for each choice of a question.
pub(crate) fn choices(question: &Question) -> Vec<Progress> {
    let choices = question.choices.iter();
    choices
        .map(|choice| Progress::new([choice.seen.clone()], 0))
        .collect()
}

/// Events in the order of their sequence, and how many of them each tick had seen.
pub(crate) fn part(events: &[Event], clients: &Clients, ticks: &[u64]) -> Part {
    let mut events = events.to_vec();
    events.sort_by_key(|event| event.sequence);
    let count = |tick: &u64| {
        let seen = events.partition_point(|event| event.sequence <= *tick);
        u32::try_from(seen).unwrap_or(u32::MAX)
    };
    Part {
        clients: clients.opened.clone(),
        ticks: ticks.iter().map(count).collect(),
        events,
    }
}
