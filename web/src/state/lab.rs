//! One lab: what was observed, how far the reader is, and what the composer's buttons mean now.

use wire::seen::What;
use wire::session::{Asked, Server, Transport};
use wire::transfer::Transfers;
use wire::{Act, ConnectionId, Event, Progress, ToGateway, ToPage};

use super::conversation::{Conversation, Conversations, PER_SESSION, number};
use super::question::{Answer, Trial};
use super::replay::{Reel, Replay};
use super::running::{Lit, Running};
use super::trace::Trace;

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
    /// An exchange that was kept is shown, or is done with.
    Reel(Reel),
    /// The reader has chosen what to expect of a question, and wants to see.
    Ask { question: usize, chosen: usize },
}

/// The composer's buttons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Connect,
    Send(Vec<u8>),
    HalfClose,
    Close,
    Reset,
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
    pub(crate) transfers: Transfers,
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
    pub(super) answers: Vec<Answer>,
    /// The conversation that was last heard of.
    latest: Option<ConnectionId>,
    running: Running,
    opening: Option<Opening>,
    own: Option<ConnectionId>,
    /// Cleared away by starting over.
    forgotten: Option<ConnectionId>,
    next_request: u32,
    sessions: u64,
}

/// A connection that was asked for, and what to send when it stands.
#[derive(Clone, Debug)]
struct Opening {
    request: u32,
    then: Vec<Vec<u8>>,
}

impl Lab {
    /// The lab at `place` on its page, of which `done` steps were done before.
    pub(crate) fn new(spec: wire::Lab, place: u16, done: usize) -> Self {
        Self {
            progress: progress(&spec, done),
            spec,
            server: None,
            trace: Trace::default(),
            transfers: Transfers::default(),
            conversations: Conversations::default(),
            notice: None,
            replay: None,
            reached: None,
            trial: None,
            answers: Vec::new(),
            latest: None,
            running: Running::default(),
            opening: None,
            own: None,
            forgotten: None,
            // Labs share a session: each has its own range of request numbers.
            next_request: u32::from(place) << 16,
            sessions: 0,
        }
    }

    /// Takes note of an input; what is to be said to the gateway.
    pub(crate) fn update(&mut self, input: Input) -> Vec<ToGateway> {
        match self.divert(input) {
            (say, None) => say,
            (_, Some(input)) => self.take(input),
        }
    }

    fn take(&mut self, input: Input) -> Vec<ToGateway> {
        match input {
            Input::Online(server) => {
                self.reached = Some(server.clone());
                if self.server.is_none() && self.trace.first().is_some() {
                    self.sessions += 1;
                }
                self.server = Some(server);
                Vec::new()
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
            Input::Reel(_) => Vec::new(),
            Input::Ask { question, chosen } => {
                self.notice = None;
                self.predict(question, chosen)
            }
        }
    }

    /// Whether the lesson speaks in datagrams.
    pub(crate) fn is_udp(&self) -> bool {
        match &self.server {
            Some(server) => server.transport == Transport::Udp,
            // Before the gateway says so, the name does.
            None => self.spec.server.starts_with("udp"),
        }
    }

    /// What the reader's own connection allows now.
    pub(crate) fn own(&self) -> Own {
        let here = self.live();
        if !std::ptr::eq(here, self) {
            return here.own();
        }
        if self.server.is_none() {
            return Own::Offline;
        }
        if self.opening.is_some() {
            return Own::Opening;
        }
        self.open().map_or(Own::None, |open| Own::Open {
            can_write: open.can_write,
            server_ended: open.server_ended,
        })
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

    fn open(&self) -> Option<&Conversation> {
        self.conversations.get(self.own?).filter(|own| own.is_open)
    }

    fn offline(&mut self) {
        if self.server.take().is_some() {
            self.trace.push_break();
        }
        self.conversations.close_all();
        self.running.clear();
        self.opening = None;
        self.own = None;
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
                    if (self.opening.as_ref()).is_some_and(|opening| opening.request == request) {
                        self.opening = None;
                        self.notice = Some(refused.why);
                        self.give_up();
                    }
                }
                Asked::Connection(connection) => {
                    if self.own == Some(self.here(connection)) {
                        self.notice = Some(refused.why);
                    }
                }
                Asked::Watch | Asked::Anything => self.notice = Some(refused.why),
            },
            ToPage::Welcome(_) | ToPage::Pong { .. } | ToPage::Stats { .. } => {}
        }
        Vec::new()
    }

    pub(super) fn observe(&mut self, mut event: Event) {
        event.sequence += self.sessions * PER_SESSION;
        event.connection = event.connection.map(|connection| self.here(connection));
        if event.connection.is_some() {
            if event.connection == self.forgotten {
                return;
            }
            self.latest = event.connection;
        }
        self.conversations.observe(&event);
        self.running.observe(&event);
        self.transfers.observe(&event);
        self.progress.observe(&event);
        self.try_event(&event);
        let before = self.trace.dropped;
        self.trace.push(event);
        // Forgetting looks at every conversation: it need not be done for each event.
        if self.trace.dropped / 1_024 != before / 1_024
            && let Some(first) = self.trace.first()
        {
            self.transfers.forget_before(first / 2);
        }
    }

    fn opened(&mut self, request: u32, connection: ConnectionId) -> Vec<ToGateway> {
        let Some(opening) = self.opening.take_if(|opening| opening.request == request) else {
            return Vec::new();
        };
        let here = self.here(connection);
        self.own = Some(here);
        self.latest = Some(here);
        self.conversations.opened(here);
        let then = opening.then.into_iter();
        let mut say: Vec<_> = then
            .map(|bytes| ToGateway::Send { connection, bytes })
            .collect();
        say.extend(self.go_on());
        say
    }

    pub(super) fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    pub(super) fn command(&mut self, command: Command) -> Vec<ToGateway> {
        if self.server.is_none() {
            return Vec::new();
        }
        let open = self.open().map(|own| number(own.id));
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
            (Command::Close, Some(connection)) => vec![ToGateway::Close { connection }],
            (Command::Reset, Some(connection)) => vec![ToGateway::Reset { connection }],
            (Command::HalfClose | Command::Close | Command::Reset, None) => Vec::new(),
        }
    }

    /// Asks for a connection, unless one was asked for already.
    fn ask(&mut self, mut then: Vec<Vec<u8>>) -> Vec<ToGateway> {
        if let Some(opening) = &mut self.opening {
            opening.then.append(&mut then);
            return Vec::new();
        }
        let request = self.next_request;
        self.next_request += 1;
        self.own = None;
        self.opening = Some(Opening { request, then });
        vec![ToGateway::Open {
            request,
            lesson: self.spec.server.clone(),
            options: Vec::new(),
        }]
    }

    fn start_over(&mut self) -> Vec<ToGateway> {
        let say = match self.open() {
            Some(own) => vec![ToGateway::Close {
                connection: number(own.id),
            }],
            None => Vec::new(),
        };
        let shows_waits = self.trace.shows_waits;
        self.trace = Trace::default();
        self.trace.show(None, shows_waits);
        // Its goodbye belongs to what was cleared away.
        self.forgotten = self.open().map(|own| own.id).or(self.forgotten);
        self.transfers = Transfers::default();
        self.conversations.start_over();
        self.progress = progress(&self.spec, 0);
        self.notice = None;
        self.own = None;
        self.latest = None;
        self.trial = None;
        self.answers.clear();
        say
    }

    /// A connection of the session under way, apart from those of sessions before.
    fn here(&self, connection: ConnectionId) -> ConnectionId {
        ConnectionId(connection.0 + self.sessions * PER_SESSION)
    }
}

pub(super) fn progress(spec: &wire::Lab, done: usize) -> Progress {
    Progress::new(spec.steps.iter().map(|step| step.seen.clone()), done)
}

#[cfg(test)]
#[path = "lab_tests.rs"]
mod tests;
