//! One lab: what was observed, how far the reader is, and what the composer's buttons mean now.

use std::collections::VecDeque;

use wire::dns;
use wire::event::SocketOption;
use wire::lab::Control;
use wire::seen::What;
use wire::session::{Adjustment, Asked, Server, Stats, Transport, is_simulated};
use wire::transfer::Transfers;
use wire::{
    Act, Action, ConnectionId, Event, NetworkSettings, Play, Progress, ToGateway, ToPage, Trap,
};

use super::clients::{Client, Clients, Opening};
use super::conversation::{
    Conversation, Conversations, PER_SESSION, SEQUENCES_PER_SESSION, number,
};
use super::hops::Hops;
use super::kernel::Views;
use super::packets::Packets;
use super::question::{Answer, Trial};
use super::replay::{Reel, Replay};
use super::running::{Lit, Running};
use super::simulated::Simulated;
use super::trace::Trace;
use super::workers::Workers;

/// The most connections that are remembered as cleared away.
const MAX_FORGOTTEN: usize = 64;

/// Something that a lab takes note of.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The gateway is there and runs this lab's server.
    Online(Server),
    /// The gateway is gone.
    Offline,
    /// What the gateway says about this lab.
    Message(ToPage),
    /// The reader presses a button.
    Command(Command),
    /// The time on the gateway's clock.
    Now(u64),
    /// The reader wants to start over: nothing observed, nothing done.
    StartOver,
    /// Only rows of this conversation; with or without waits.
    Show(Option<ConnectionId>, bool),
    /// With or without rows for packets.
    Packets(bool),
    /// With or without what the system says of the sockets.
    Kernel(bool),
    /// An exchange that was kept is shown, or is done with.
    Reel(Reel),
    /// The reader has chosen what to expect of a question, and wants to see.
    Ask { question: usize, chosen: usize },
    /// The composer speaks for the client at this place from now on.
    Choose(usize),
    /// It speaks for the client of this name; `None` is the reader's first one.
    ChooseNamed(Option<String>),
    /// The reader wants one more client.
    AddClient,
    /// Another tab has brought the steps this far.
    Resume(usize),
    /// The reader moves the simulated time, or does something to a packet under way.
    Simulate(ToGateway),
}

/// The composer's buttons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Connect,
    Send(Vec<u8>),
    HalfClose,
    Close,
    Reset,
    Adjust(Adjustment),
    /// Of a simulated network.
    Network(NetworkSettings),
    Trap(Trap),
}

impl Command {
    /// What a chapter says, as the composer does it; `None` if no query can be made of it.
    pub(crate) fn of(act: &Act) -> Option<Self> {
        Some(match act {
            Act::Connect => Self::Connect,
            Act::Send(bytes) => Self::Send(bytes.clone()),
            Act::HalfClose => Self::HalfClose,
            Act::Close => Self::Close,
            Act::Reset => Self::Reset,
            Act::Ask { name, kind } => Self::Send(dns::query(1, name, kind).ok()?),
            Act::Option(option, value) => Self::Adjust(Adjustment::Option(*option, *value)),
            Act::Slicer(seed) => Self::Adjust(Adjustment::Slicer(*seed)),
            Act::Pause => Self::Adjust(Adjustment::Reading(false)),
            Act::Resume => Self::Adjust(Adjustment::Reading(true)),
            Act::Deadline(deadline) => Self::Adjust(Adjustment::Deadline(*deadline)),
            Act::Relay(relay) => Self::Adjust(Adjustment::Relay(*relay)),
            Act::Network(settings) => Self::Network(*settings),
            Act::Trap(trap) => Self::Trap(*trap),
        })
    }
}

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

    fn offline(&mut self) {
        if self.server.take().is_some() {
            self.trace.push_break();
        }
        self.conversations.close_all();
        self.running.clear();
        self.clients.disconnect();
        self.stats = None;
        self.give_up();
        // Another gateway has another clock: a silence it cannot vouch for does not count.
        self.progress = progress(&self.spec, self.progress.done());
    }

    fn message(&mut self, message: ToPage) -> Vec<ToGateway> {
        match message {
            ToPage::Event { event, .. } => self.observe(event),
            ToPage::Gap { count } => {
                self.trace.push_gap(count);
                self.transfers.lose_track();
            }
            ToPage::Opened {
                request,
                connection,
            } => return self.opened(request, connection),
            ToPage::Refused(refused) => match refused.what {
                Asked::Open(request) => {
                    if self.clients.refused(request) {
                        self.notice = Some(refused.why);
                        self.give_up();
                    }
                }
                Asked::Connection(connection) => {
                    if self.clients.has(self.here(connection)) {
                        self.notice = Some(refused.why);
                    }
                }
                Asked::Watch | Asked::Anything => self.notice = Some(refused.why),
            },
            ToPage::Stats { stats, .. } => self.stats = Some(stats),
            ToPage::Lost { packets, .. } => self.trace.push_missed(packets),
            ToPage::Now(now) => {
                let time_ns = now.time_ns;
                if let Some(simulated) = &mut self.simulated {
                    simulated.come_to(now);
                }
                if self.needs_clock() {
                    self.progress.elapse(time_ns);
                    self.try_silence(time_ns);
                }
            }
            ToPage::Rewound => self.rewind(),
            ToPage::Welcome(_) | ToPage::Pong { .. } => {}
        }
        Vec::new()
    }

    pub(super) fn observe(&mut self, mut event: Event) {
        event.sequence += self.sessions * SEQUENCES_PER_SESSION;
        event.connection = event.connection.map(|connection| self.here(connection));
        let is_forgotten = |id| self.forgotten.contains(&id);
        if event.connection.is_some_and(is_forgotten) {
            return;
        }
        // A sample is nobody's call: it tells neither whose the connection is nor that it is in use.
        if !self.kernel.observe(&event) {
            self.latest = event.connection.or(self.latest);
            self.conversations.observe(&event);
            self.running.observe(&event);
            self.transfers.observe(&event);
            self.hops.observe(&event);
            self.packets.observe(&event);
            self.workers.observe(&event);
        }
        // What happens once more has ticked its steps.
        if let Some(simulated) = &mut self.simulated {
            simulated.observe(&event);
        }
        if !(self.simulated.as_ref()).is_some_and(|simulated| simulated.is_rewinding) {
            self.progress.observe(&event);
            self.try_event(&event);
        }
        let before = self.trace.dropped;
        self.trace.push(event);
        // Forgetting looks at every conversation: it need not be done for each event.
        if self.trace.dropped / 1_024 != before / 1_024
            && let Some(first) = self.trace.first()
        {
            self.transfers.forget_before(first / 2);
            self.packets.forget_before(first / 2);
        }
    }

    fn opened(&mut self, request: u32, connection: ConnectionId) -> Vec<ToGateway> {
        let here = self.here(connection);
        let asked = (self.simulated.as_ref()).and_then(|simulated| simulated.asked(request));
        let Some(opened) = self.clients.opened(request, here) else {
            // It is opened once more, in a time that was gone back to.
            if let Some(client) = asked {
                self.latest = Some(here);
                self.clients.reopened(client.as_deref(), here);
                self.conversations.opened(here, client);
                return Vec::new();
            }
            // Asked for before the reader started over, or by another lab of the page.
            let is_ours = request >> 16 == self.next_request >> 16;
            return match is_ours {
                true => {
                    self.forget(here);
                    vec![ToGateway::Close { connection }]
                }
                false => Vec::new(),
            };
        };
        self.latest = Some(here);
        self.conversations.opened(here, opened.name);
        let adjust = |adjustment| ToGateway::Adjust {
            connection,
            adjustment,
        };
        let send = |bytes| ToGateway::Send { connection, bytes };
        let adjustments = opened.adjustments.into_iter().map(adjust);
        let mut say: Vec<_> = adjustments
            .chain(opened.then.into_iter().map(send))
            .collect();
        say.extend(self.go_on());
        say
    }

    pub(super) fn command(&mut self, command: Command) -> Vec<ToGateway> {
        if let Command::Adjust(adjustment) = command {
            self.clients.adjust(adjustment);
        }
        if self.server.is_none() {
            return Vec::new();
        }
        let open = self.open();
        match (command, open) {
            (Command::Connect, open) => {
                let mut say = Vec::new();
                // A connection that the server has ended is let go first.
                if let Some(connection) = open {
                    say.push(ToGateway::Close { connection });
                }
                say.extend(self.ask(Vec::new()));
                say
            }
            (Command::Send(bytes), Some(connection)) => {
                vec![ToGateway::Send { connection, bytes }]
            }
            // A message should arrive without any other step.
            (Command::Send(bytes), None) => self.ask(vec![bytes]),
            (Command::HalfClose, Some(connection)) => vec![ToGateway::ShutDown { connection }],
            (Command::Network(settings), _) => vec![ToGateway::Network(settings)],
            (Command::Trap(trap), _) => vec![ToGateway::Trap(trap)],
            (Command::Close, Some(connection)) => vec![ToGateway::Close { connection }],
            (Command::Reset, Some(connection)) => vec![ToGateway::Reset { connection }],
            (Command::Adjust(adjustment), Some(connection)) => vec![ToGateway::Adjust {
                connection,
                adjustment,
            }],
            // Without a connection there is nothing to close; what is adjusted waits for one.
            (_, None) => Vec::new(),
        }
    }

    /// Asks for a connection, unless one was asked for already.
    fn ask(&mut self, mut then: Vec<Vec<u8>>) -> Vec<ToGateway> {
        let client = self.clients.current_mut();
        if let Some(opening) = &mut client.opening {
            opening.then.append(&mut then);
            return Vec::new();
        }
        let request = self.next_request;
        self.next_request += 1;
        client.connection = None;
        if let Some(simulated) = &mut self.simulated {
            simulated.ask(request, client.name.clone());
        }
        let options = client.settings.options.clone();
        client.opening = Some(Opening {
            request,
            then,
            options: options.clone(),
        });
        vec![ToGateway::Open {
            request,
            lesson: self.spec.server.clone(),
            options,
        }]
    }

    fn start_over(&mut self) -> Vec<ToGateway> {
        // The goodbyes of what stands belong to what is cleared away.
        let open: Vec<_> = (self.clients.iter())
            .filter_map(|client| Some(self.open_of(client)?.id))
            .collect();
        let mut say = self.let_go();
        if self.simulated.is_some() {
            // Its connections begin anew, too: nothing of them has to be forgotten.
            say = Simulated::restart();
            self.rewind();
        } else {
            for id in open {
                self.forget(id);
            }
        }
        self.clear();
        self.progress = progress(&self.spec, 0);
        self.notice = None;
        self.trial = None;
        self.answers.clear();
        say
    }

    /// Nothing was observed.
    fn clear(&mut self) {
        self.trace = self.trace.emptied();
        self.trace.filter = None;
        self.packets = Packets::default();
        self.kernel = Views::default();
        self.transfers = Transfers::default();
        self.hops = Hops::default();
        self.workers = Workers::default();
        self.conversations.start_over();
        self.latest = None;
    }

    /// The simulated time goes back: what was observed comes once more, as far as it has happened
    /// in the new present.
    fn rewind(&mut self) {
        self.give_up();
        self.conversations.close_all();
        self.clients.disconnect();
        self.running.clear();
        self.clear();
        if let Some(simulated) = &mut self.simulated {
            simulated.rewind();
        }
    }

    /// Closes every connection of the reader's clients, which begin anew.
    pub(super) fn let_go(&mut self) -> Vec<ToGateway> {
        let open = (self.clients.iter()).filter_map(|client| self.open_of(client));
        let close = |own: &Conversation| ToGateway::Close {
            connection: number(own.id),
        };
        let say = open.map(close).collect();
        // What was asked for still comes, and is then nobody's.
        self.clients = Clients::new(plays(&self.spec));
        say
    }

    /// What the gateway is to show of this lab's lesson besides calls.
    fn look(&self) -> ToGateway {
        ToGateway::Look {
            lesson: self.spec.server.clone(),
            packets: self.looks.packets,
            kernel: self.looks.kernel,
        }
    }

    fn forget(&mut self, connection: ConnectionId) {
        if self.forgotten.len() == MAX_FORGOTTEN {
            self.forgotten.pop_front();
        }
        self.forgotten.push_back(connection);
    }

    /// A connection of the session under way, apart from those of sessions before.
    fn here(&self, connection: ConnectionId) -> ConnectionId {
        ConnectionId(connection.0 + self.sessions * PER_SESSION)
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
