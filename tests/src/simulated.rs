//! Simulated labs, played in this process, as fast as it goes: nothing here waits for a clock, so
//! that playing a lab again gives the same to the bit.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use wire::lab::{Control, Lab, Question};
use wire::play::Act;
use wire::seen::What;
use wire::session::Server;
use wire::trace::{Answered, Part};
use wire::{Action, ConnectionId, End, Event, Play, Progress, Seen, ToGateway, ToPage};
use wirebook_sim::Simulator;

use crate::session::{
    Client, Clients, Played, adjustment, choices, last_sequence, part, rests_after, stuck,
    transcript,
};

/// A second on the simulated clock.
const SECOND: u64 = 1_000_000_000;

/// What was done is over when nothing more will happen for so long.
const QUIET_NS: u64 = 5 * SECOND;

/// What never comes to rest is not waited for any longer.
const NO_REST_NS: u64 = 60 * SECOND;

/// How long something is waited for: longer than a connection that is not answered (127 s).
const PATIENCE_NS: u64 = 300 * SECOND;

/// How often it is looked whether silence has lasted.
const LOOK_NS: u64 = SECOND / 20;

/// Plays the steps and questions of a simulated lab.
///
/// # Errors
///
/// [`crate::session::Stuck`] says which step did not tick.
pub fn play(lab: &Lab) -> Result<Played> {
    let mut player = Player::new(lab)?;
    let steps = player.play_steps()?;
    let server = player.server.clone();
    let mut questions = Vec::new();
    for (index, question) in lab.questions.iter().enumerate() {
        // Each begins with the network as it was at first.
        let answered = Player::new(lab)?.play_question(question);
        let number = index + 1;
        questions.push(answered.with_context(|| format!("question {number}"))?);
    }
    Ok(Played {
        server,
        steps,
        questions,
    })
}

/// Somebody who plays a lab.
struct Player<'a> {
    lab: &'a Lab,
    simulator: Simulator,
    server: Server,
    clients: Clients,
    events: Vec<Event>,
    opened: Option<ConnectionId>,
    refused: Vec<String>,
}

impl<'a> Player<'a> {
    fn new(lab: &'a Lab) -> Result<Self> {
        let mut simulator = Simulator::new(lab.network.unwrap_or_default());
        let hello = ToGateway::Hello {
            version: wire::session::VERSION,
            token: String::new(),
        };
        let welcome = simulator.say(hello);
        let servers = welcome.into_iter().find_map(|message| match message {
            ToPage::Welcome(welcome) => Some(welcome.servers),
            _ => None,
        });
        let servers = servers.unwrap_or_default();
        let is_it = |server: &Server| server.lesson == lab.server;
        let server = servers.into_iter().find(is_it);
        let mut player = Self {
            lab,
            simulator,
            server: server.with_context(|| format!("no server for {}", lab.server))?,
            clients: Clients::default(),
            events: Vec::new(),
            opened: None,
            refused: Vec::new(),
        };
        player.say(ToGateway::Look {
            lesson: lab.server.clone(),
            packets: true,
            kernel: looks_at_kernel(lab),
        });
        player.say(ToGateway::Watch {
            lesson: lab.server.clone(),
        });
        Ok(player)
    }

    fn play_steps(&mut self) -> Result<Part> {
        let lab = self.lab;
        let mut progress = Progress::new(lab.steps.iter().map(|step| step.seen.clone()), 0);
        let mut observed = 0;
        // The highest sequence that was observed when each step ticked.
        let mut ticks = Vec::new();
        for (index, step) in lab.steps.iter().enumerate() {
            let acted = self.act_all(&step.play);
            let ticked =
                acted.and_then(|()| self.until_ticked(&mut progress, &mut observed, index));
            if let Err(error) = ticked {
                let steps = part(&self.events, &self.clients, &ticks);
                return Err(stuck(lab, index, &error, &self.server, steps));
            }
            if rests_after(lab, index) {
                self.rest();
                while observed < self.events.len() {
                    progress.observe(&self.events[observed]);
                    observed += 1;
                }
            }
            ticks.push(last_sequence(&self.events[..observed]));
        }
        Ok(part(&self.events[..observed], &self.clients, &ticks))
    }

    fn play_question(mut self, question: &Question) -> Result<Answered> {
        let mut choices = choices(question);
        self.act_all(&question.play)?;
        let listens = choices.iter().any(|choice| is_silence(choice.current()));
        let deadline_ns = self.simulator.now_ns() + PATIENCE_NS;
        let mut observed = 0;
        let outcome = loop {
            let mut outcome = None;
            while outcome.is_none() && observed < self.events.len() {
                let event = &self.events[observed];
                outcome = choices.iter_mut().position(|choice| choice.observe(event));
                observed += 1;
            }
            let now_ns = self.simulator.now_ns();
            let silent = || choices.iter_mut().position(|choice| choice.elapse(now_ns));
            if let Some(outcome) = outcome.or_else(silent) {
                break outcome;
            }
            if let Err(error) = self.go_on(listens, deadline_ns) {
                let events = transcript(&self.events);
                bail!(
                    "no choice of {} was observed ({error:#}):\n{events}",
                    self.lab.name
                );
            }
        };
        self.rest();
        let part = part(&self.events, &self.clients, &[]);
        let outcome = u16::try_from(outcome).context("too many choices")?;
        Ok(Answered { outcome, part })
    }

    /// Waits until step `index` has ticked.
    fn until_ticked(
        &mut self,
        progress: &mut Progress,
        observed: &mut usize,
        index: usize,
    ) -> Result<()> {
        let deadline_ns = self.simulator.now_ns() + PATIENCE_NS;
        loop {
            while progress.done() <= index && *observed < self.events.len() {
                progress.observe(&self.events[*observed]);
                *observed += 1;
            }
            if progress.done() > index || progress.elapse(self.simulator.now_ns()) {
                return Ok(());
            }
            self.go_on(is_silence(progress.current()), deadline_ns)?;
        }
    }

    /// Lets the next thing happen, or a moment of silence pass.
    fn go_on(&mut self, listens: bool, deadline_ns: u64) -> Result<()> {
        let now_ns = self.simulator.now_ns();
        let look_ns = listens.then_some(now_ns + LOOK_NS);
        let Some(next_ns) = self.simulator.next_ns().into_iter().chain(look_ns).min() else {
            bail!("nothing more will happen{}", self.refusals());
        };
        if next_ns > deadline_ns {
            bail!("it takes too long{}", self.refusals());
        }
        let messages = self.simulator.run_until(next_ns);
        self.take(messages);
        Ok(())
    }

    /// Until what was done has come to its end.
    fn rest(&mut self) {
        let limit_ns = self.simulator.now_ns() + NO_REST_NS;
        while let Some(next_ns) = self.simulator.next_ns()
            && next_ns <= limit_ns.min(self.simulator.now_ns() + QUIET_NS)
        {
            let messages = self.simulator.run_until(next_ns);
            self.take(messages);
        }
    }

    fn act_all(&mut self, plays: &[Play]) -> Result<()> {
        for (index, play) in plays.iter().enumerate() {
            self.act(play)
                .with_context(|| format!("playing `{play}`"))?;
            let is_more = index + 1 < plays.len();
            if play.act == Act::Connect && is_more && self.server.transport.is_stream() {
                self.until_connected()?;
            }
        }
        Ok(())
    }

    /// As on the page, a connection under way is waited for before the next thing is done.
    fn until_connected(&mut self) -> Result<()> {
        let opened = self.opened;
        let deadline_ns = self.simulator.now_ns() + PATIENCE_NS;
        let is_over = |event: &Event| {
            event.connection == opened
                && event.end == End::Client
                && matches!(event.action, Action::Connect { .. } | Action::Error { .. })
        };
        while opened.is_some() && !self.events.iter().any(is_over) {
            self.go_on(false, deadline_ns)?;
        }
        Ok(())
    }

    fn act(&mut self, play: &Play) -> Result<()> {
        match &play.act {
            Act::Network(network) => {
                self.say(ToGateway::Network(*network));
                return Ok(());
            }
            Act::Trap(trap) => {
                self.say(ToGateway::Trap(*trap));
                return Ok(());
            }
            _ => {}
        }
        let mut client = self.clients.take(play);
        // A datagram needs no connection: the first one binds the socket it goes from.
        let sends = matches!(play.act, Act::Send(_)) && !self.server.transport.is_stream();
        if play.act == Act::Connect || sends && client.connection.is_none() {
            client.connection = None;
            self.opened = None;
            self.say(ToGateway::Open {
                request: 1,
                lesson: self.lab.server.clone(),
                options: client.options.clone(),
            });
            if let Some(connection) = self.opened {
                client.connection = Some(connection);
                self.clients.opened(play, connection);
                for adjustment in client.adjustments.clone() {
                    self.say(ToGateway::Adjust {
                        connection,
                        adjustment,
                    });
                }
            }
        }
        let acted = self.tell(&mut client, play);
        self.clients.put(play, client);
        acted
    }

    fn tell(&mut self, client: &mut Client, play: &Play) -> Result<()> {
        if let Some(adjustment) = adjustment(&play.act) {
            match client.connection {
                Some(connection) => self.say(ToGateway::Adjust {
                    connection,
                    adjustment,
                }),
                None => client.remember(adjustment),
            }
            return Ok(());
        }
        if play.act == Act::Connect {
            return Ok(());
        }
        let connection = client.connection.context("there is no connection")?;
        let message = match &play.act {
            Act::Send(bytes) => ToGateway::Send {
                connection,
                bytes: bytes.clone(),
            },
            Act::HalfClose => ToGateway::ShutDown { connection },
            Act::Reset => ToGateway::Reset { connection },
            _ => ToGateway::Close { connection },
        };
        if matches!(play.act, Act::Reset | Act::Close) {
            client.connection = None;
        }
        self.say(message);
        Ok(())
    }

    fn say(&mut self, message: ToGateway) {
        let messages = self.simulator.say(message);
        self.take(messages);
    }

    fn take(&mut self, messages: Vec<ToPage>) {
        for message in messages {
            match message {
                ToPage::Event { event, .. } => self.events.push(event),
                ToPage::Opened { connection, .. } => self.opened = Some(connection),
                ToPage::Refused(refused) => self.refused.push(refused.why),
                _ => {}
            }
        }
    }

    /// What was refused, behind another sentence.
    fn refusals(&self) -> String {
        let mut refusals = String::new();
        for why in &self.refused {
            // Writing into a string does not fail.
            let _ = write!(refusals, "; refused: {why}");
        }
        refusals
    }
}

/// Whether a lab shows what the stacks say of their sockets, or waits for it.
fn looks_at_kernel(lab: &Lab) -> bool {
    let questions = lab.questions.iter();
    let choices = questions.flat_map(|question| &question.choices);
    let steps = lab.steps.iter().map(|step| &step.seen);
    let mut seen = steps.chain(choices.map(|choice| &choice.seen));
    lab.controls.contains(&Control::Kernel) || seen.any(|seen| matches!(seen.what, What::State(_)))
}

fn is_silence(seen: Option<&Seen>) -> bool {
    seen.is_some_and(|seen| matches!(seen.what, What::Nothing { .. }))
}
