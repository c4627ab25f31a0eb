//! One lab: what was observed, how far the reader is, and what the composer's buttons mean now.

mod hearing;
mod input;
mod saying;

use std::collections::VecDeque;

use wire::event::SocketOption;
use wire::lab::Control;
use wire::seen::What;
use wire::session::{Server, Stats, Transport, is_simulated};
use wire::transfer::Transfers;
use wire::{Act, Action, ConnectionId, Event, Play, Progress, ToGateway};

use super::clients::{Client, Clients};
use super::conversation::{Conversation, Conversations, number};
use super::hops::Hops;
use super::kernel::Views;
use super::packets::Packets;
use super::question::{Answer, Trial};
use super::replay::Replay;
use super::running::{Lit, Running};
use super::simulated::Simulated;
use super::trace::Trace;
use super::workers::Workers;
pub(crate) use input::{Command, Input};

/// What is looked at besides the calls of programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looks {
    pub(crate) packets: bool,
    /// What the system says of the sockets.
    pub(crate) kernel: bool,
}

/// What the reader's own connection allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    /// The gateway is not there.
    Offline,
    /// No connection.
    None,
    /// Asked for.
    Opening,
    /// It stands.
    Open {
        /// Whether the writing half is open.
        can_write: bool,
        /// Whether the server has closed its half.
        server_ended: bool,
    },
}

/// One lab.
#[derive(Clone, Debug)]
pub(crate) struct Lab {
    pub(crate) spec: wire::Lab,
    /// The running server; `None` while the gateway is not there.
    pub(crate) server: Option<Server>,
    pub(crate) trace: Trace,
    /// What the gateway is asked to show besides calls.
    pub(crate) looks: Looks,
    pub(crate) transfers: Transfers,
    /// Through whose hands datagrams went, where there is a relay.
    pub(crate) hops: Hops,
    /// What packets mean.
    pub(crate) packets: Packets,
    /// What the systems of both ends said.
    pub(crate) kernel: Views,
    /// The server's tasks and threads.
    pub(crate) workers: Workers,
    pub(crate) conversations: Conversations,
    pub(crate) progress: Progress,
    /// What the gateway refused last, in its words.
    pub(crate) notice: Option<String>,
    /// The exchange that is shown in place of what is observed here.
    pub(crate) replay: Option<Replay>,
    /// The server when the gateway was last there.
    pub(super) reached: Option<Server>,
    /// The question under way.
    pub(super) trial: Option<Trial>,
    pub(crate) answers: Vec<Answer>,
    /// The conversation that was last heard of.
    latest: Option<ConnectionId>,
    running: Running,
    /// The reader's clients.
    pub(crate) clients: Clients,
    /// What serving costs the server now.
    pub(crate) stats: Option<Stats>,
    /// The network between the ends, if it is simulated.
    pub(crate) simulated: Option<Box<Simulated>>,
    /// Cleared away by starting over; the latest.
    forgotten: VecDeque<ConnectionId>,
    next_request: u32,
    sessions: u64,
}

impl Lab {
    /// The lab at `place` on its page, of which `done` steps were done before.
    pub(crate) fn new(spec: wire::Lab, place: u16, done: usize) -> Self {
        let mut trace = Trace::default();
        trace.show_packets(wants(&spec, Control::Packets));
        Self {
            progress: progress(&spec, done),
            clients: Clients::new(plays(&spec)),
            looks: Looks {
                packets: wants(&spec, Control::Packets),
                kernel: wants(&spec, Control::Kernel),
            },
            simulated: is_simulated(&spec.server).then(Box::default),
            spec,
            server: None,
            trace,
            transfers: Transfers::default(),
            hops: Hops::default(),
            packets: Packets::default(),
            kernel: Views::default(),
            workers: Workers::default(),
            conversations: Conversations::default(),
            notice: None,
            replay: None,
            reached: None,
            trial: None,
            answers: Vec::new(),
            latest: None,
            running: Running::default(),
            stats: None,
            forgotten: VecDeque::new(),
            // Labs share a session: each has its own range of request numbers.
            next_request: u32::from(place) << 16,
            sessions: 0,
        }
    }

    /// Takes note of an input; what is to be said to the gateway.
    pub(crate) fn update(&mut self, input: Input) -> Vec<ToGateway> {
        let say = match self.divert(input) {
            (say, None) => say,
            (_, Some(input)) => self.take(input),
        };
        self.packets.settle(&self.trace);
        say
    }

    fn take(&mut self, input: Input) -> Vec<ToGateway> {
        match input {
            Input::Online(server) => {
                self.reached = Some(server.clone());
                if self.server.is_none() && self.trace.first().is_some() {
                    self.sessions += 1;
                }
                self.server = Some(server);
                let mut say = Vec::new();
                if self.looks.packets || self.looks.kernel {
                    say.push(self.look());
                }
                if self.simulated.is_some() {
                    say.extend(Simulated::greet(&self.spec));
                }
                say
            }
            Input::Offline => {
                self.offline();
                Vec::new()
            }
            Input::Message(message) => self.message(message),
            Input::Command(command) => {
                self.notice = None;
                self.command(command)
            }
            Input::Now(now_ns) => {
                self.progress.elapse(now_ns);
                self.try_silence(now_ns);
                Vec::new()
            }
            Input::StartOver => self.start_over(),
            Input::Show(filter, shows_waits) => {
                self.trace.show(filter, shows_waits);
                Vec::new()
            }
            Input::Packets(shows_packets) => {
                self.trace.show_packets(shows_packets);
                // Where steps wait for packets they are looked for, seen or not.
                self.looks.packets = shows_packets || wants(&self.spec, Control::Packets);
                vec![self.look()]
            }
            Input::Kernel(looks) => {
                self.looks.kernel = looks;
                vec![self.look()]
            }
            Input::Reel(_) => Vec::new(),
            Input::Ask { question, chosen } => {
                self.notice = None;
                self.predict(question, chosen)
            }
            Input::Choose(index) => {
                self.clients.choose(index);
                Vec::new()
            }
            Input::ChooseNamed(name) => {
                self.clients.choose_named(name.as_deref());
                Vec::new()
            }
            Input::AddClient => {
                self.clients.add();
                Vec::new()
            }
            Input::Resume(done) => {
                // Nothing means that it was reset there; less than here, that this tab is ahead.
                if done == 0 || done > self.progress.done() {
                    self.progress = progress(&self.spec, done);
                }
                Vec::new()
            }
            Input::Simulate(message) => vec![message],
        }
    }

    /// Whether the lesson speaks in datagrams.
    pub(crate) fn is_udp(&self) -> bool {
        // Before the gateway says so, the recorded exchange does.
        let recorded = self.spec.recorded.as_ref().map(|trace| &trace.server);
        (self.server.as_ref().or(recorded)).is_some_and(|server| server.transport == Transport::Udp)
    }

    /// Whether packets were observed here, or recorded with the book.
    pub(crate) fn has_packets(&self) -> bool {
        let is_packet = |event: &Event| matches!(event.action, Action::Packet(_));
        let recorded = self.spec.recorded.as_ref().map(|trace| &trace.steps);
        let shown = self.replay.as_ref().map(Replay::part);
        let mut kept = recorded.into_iter().chain(shown);
        self.packets.is_any() || kept.any(|part| part.events.iter().any(is_packet))
    }

    /// What the connection of the chosen client allows now.
    pub(crate) fn own(&self) -> Own {
        let here = self.live();
        here.own_of(here.clients.current())
    }

    /// What a client's connection allows now.
    pub(crate) fn own_of(&self, client: &Client) -> Own {
        if self.server.is_none() {
            return Own::Offline;
        }
        if client.opening.is_some() {
            return Own::Opening;
        }
        match self.open_of(client) {
            None => Own::None,
            // In a simulated network it has a name before it stands.
            Some(open) if self.is_under_way(open) => Own::Opening,
            Some(open) => Own::Open {
                can_write: open.can_write,
                server_ended: open.server_ended,
            },
        }
    }

    /// Whether a connection is being made, in a simulated network.
    fn is_under_way(&self, open: &Conversation) -> bool {
        self.simulated.is_some() && !self.is_udp() && open.client.is_none()
    }

    /// Whether time passing alone may be what is waited for.
    pub(crate) fn needs_clock(&self) -> bool {
        let here = self.live();
        let current = here.progress.current();
        matches!(current.map(|seen| &seen.what), Some(What::Nothing { .. })) || here.trial.is_some()
    }

    /// The conversation that the reader looks at: that of `selected`, or the latest.
    pub(crate) fn focus(&self, selected: Option<u64>) -> Option<ConnectionId> {
        selected
            .and_then(|order| self.trace.event(order)?.connection)
            .or(self.trace.filter)
            .or(self.latest)
    }

    /// The server's lines that are lit for a conversation.
    pub(crate) fn lit(&self, focus: Option<ConnectionId>) -> Vec<Lit> {
        self.running.lit(focus)
    }

    /// The text that the current step sends, or the first to come.
    pub(crate) fn suggestion(&self) -> Option<&[u8]> {
        self.spec
            .steps
            .iter()
            .skip(self.progress.done())
            .chain(&self.spec.steps)
            .flat_map(|step| &step.play)
            .find_map(|play| match &play.act {
                Act::Send(bytes) => Some(&bytes[..]),
                _ => None,
            })
    }

    /// What the kernel said last of an option of the chosen client's socket.
    pub(crate) fn option(&self, option: SocketOption) -> Option<i64> {
        let here = self.live();
        let own = here.open_of(here.clients.current())?;
        let found = own.options.iter().find(|(other, _)| *other == option);
        found.map(|(_, value)| *value)
    }

    fn open_of(&self, client: &Client) -> Option<&Conversation> {
        (self.conversations.get(client.connection?)).filter(|own| own.is_open)
    }

    /// The open connection of the chosen client, as the gateway knows it.
    fn open(&self) -> Option<ConnectionId> {
        self.open_of(self.clients.current())
            .map(|own| number(own.id))
    }
}

/// Whether the chapter asks to look at this from the start; in a simulation all can be seen.
fn wants(spec: &wire::Lab, control: Control) -> bool {
    spec.controls.contains(&control) || is_simulated(&spec.server)
}

/// Everything that the chapter proposes to do.
fn plays(spec: &wire::Lab) -> impl Iterator<Item = &Play> {
    let steps = spec.steps.iter().flat_map(|step| &step.play);
    let experiments = spec.experiments.iter().flat_map(|one| &one.play);
    let questions = spec.questions.iter().flat_map(|one| &one.play);
    steps.chain(experiments).chain(questions)
}

pub(super) fn progress(spec: &wire::Lab, done: usize) -> Progress {
    Progress::new(spec.steps.iter().map(|step| step.seen.clone()), done)
}

#[cfg(test)]
#[path = "lab_tests.rs"]
pub(super) mod tests;
