//! The page's one session with the gateway: when to connect, to wait, to give up and to reload.

use wire::session::{Abilities, Server, VERSION, Welcome, close};
use wire::{ToGateway, ToPage};

/// Between attempts; the last one repeats.
const RETRY_MS: [f64; 5] = [300.0, 600.0, 1_200.0, 2_500.0, 5_000.0];

/// How long the gateway may take to let the page in. One that is stopped in the middle of everything
/// takes the connection, and never says a word.
const PATIENCE_MS: f64 = 5_000.0;

/// Where the session stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Phase {
    /// The page does not come from a gateway, and a hosted book does not reach for one.
    Hosted,
    /// The gateway would not let the page in without its token.
    NoToken,
    /// The token is not this gateway's.
    WrongToken,
    /// Under way: the socket opens, or the hello is not answered yet.
    Connecting,
    /// The gateway is there.
    Live,
    /// The gateway is not there; the next attempt comes at this time.
    Waiting { retry_at_ms: f64, why: Why },
    /// The page is of another build than the gateway.
    Stale,
}

/// Why the gateway is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// The connection broke or was never made.
    Gone,
    /// It said that it stops.
    Stopped,
    /// It has as many sessions as it allows.
    Full,
    /// The page was too slow.
    TooSlow,
    /// The page said what the gateway does not understand, or too much, or nothing.
    Misunderstood,
}

impl Why {
    /// For a close code that does not end all attempts (RFC 6455, 7.4, and [`close`]).
    fn of(code: u16) -> Self {
        match code {
            close::GOING_AWAY => Self::Stopped,
            close::TOO_MANY_SESSIONS => Self::Full,
            close::TOO_SLOW => Self::TooSlow,
            close::NO_HELLO | close::MALFORMED | 1002 | 1003 | 1007 | 1009 => Self::Misunderstood,
            _ => Self::Gone,
        }
    }

    /// For the reader; the time of the next attempt follows.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Gone => {
                "The gateway does not answer. If it stopped, start it again: `cargo lab`. \
                 Trying again "
            }
            Self::Stopped => "The gateway stopped. Start it again: `cargo lab`. Trying again ",
            Self::Full => "The gateway has as many pages open as it allows. Trying again ",
            Self::TooSlow => "This page was too slow for what the servers did. Connecting again ",
            Self::Misunderstood => {
                "The gateway did not understand this page. If it stays so, load the page anew. \
                 Connecting again "
            }
        }
    }
}

/// What the link hears.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    /// The page is ready. Where it comes from decides whether there is a gateway.
    Start {
        is_from_gateway: bool,
        token: Option<String>,
    },
    /// The socket stands.
    Opened,
    /// The socket is closed, with this code.
    Closed { code: u16 },
    /// The answer to the hello.
    Welcome(Welcome),
    /// Time passed.
    Tick,
    /// The reader looks at the page again, or asks to try now.
    TryNow,
}

/// What the link wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Do {
    /// Open the socket.
    Connect,
    /// Say this.
    Send(ToGateway),
    /// Close the socket: it is of no use any more.
    Disconnect,
    /// Load the page anew.
    Reload,
}

/// The page's session with the gateway.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) phase: Phase,
    /// From the last welcome.
    pub(crate) servers: Vec<Server>,
    /// From the last welcome.
    pub(crate) abilities: Abilities,
    token: String,
    /// The build that this page belongs to; `None` if it does not say.
    build: Option<String>,
    attempts: usize,
    /// When the attempt under way began.
    asked_at_ms: f64,
    lessons: Vec<String>,
}

impl Link {
    /// A link of a page of this build with labs for these lessons.
    pub(crate) fn new(build: Option<String>, lessons: Vec<String>) -> Self {
        Self {
            phase: Phase::Connecting,
            servers: Vec::new(),
            abilities: Abilities::default(),
            token: String::new(),
            build,
            attempts: 0,
            asked_at_ms: 0.0,
            lessons,
        }
    }

    /// Takes note of what was heard at `now_ms`; what is to be done.
    pub(crate) fn update(&mut self, heard: Heard, now_ms: f64) -> Vec<Do> {
        match heard {
            Heard::Start {
                is_from_gateway,
                token,
            } => self.start(is_from_gateway, token, now_ms),
            Heard::Opened => vec![Do::Send(ToGateway::Hello {
                version: VERSION,
                token: self.token.clone(),
            })],
            Heard::Closed { code } => {
                self.closed(code, now_ms);
                Vec::new()
            }
            Heard::Welcome(welcome) => self.welcome(welcome),
            Heard::Tick => match self.phase {
                Phase::Waiting { retry_at_ms, .. } if now_ms >= retry_at_ms => self.connect(now_ms),
                Phase::Connecting if now_ms >= self.asked_at_ms + PATIENCE_MS => {
                    self.closed(1006, now_ms);
                    vec![Do::Disconnect]
                }
                _ => Vec::new(),
            },
            Heard::TryNow => match self.phase {
                Phase::Waiting { .. } => self.connect(now_ms),
                _ => Vec::new(),
            },
        }
    }

    fn start(&mut self, is_from_gateway: bool, token: Option<String>, now_ms: f64) -> Vec<Do> {
        if !is_from_gateway {
            self.phase = Phase::Hosted;
            return Vec::new();
        }
        match token {
            None => {
                self.phase = Phase::NoToken;
                Vec::new()
            }
            Some(token) => {
                self.token = token;
                self.connect(now_ms)
            }
        }
    }

    fn connect(&mut self, now_ms: f64) -> Vec<Do> {
        // While it tries again, the reader keeps seeing why; only the first attempt says nothing.
        self.phase = Phase::Connecting;
        self.asked_at_ms = now_ms;
        vec![Do::Connect]
    }

    fn closed(&mut self, code: u16, now_ms: f64) {
        let why = match code {
            close::STALE_PAGE => {
                self.phase = Phase::Stale;
                return;
            }
            close::WRONG_TOKEN => {
                self.phase = Phase::WrongToken;
                return;
            }
            _ if self.phase == Phase::Stale => return,
            code => Why::of(code),
        };
        let delay = RETRY_MS[self.attempts.min(RETRY_MS.len() - 1)];
        self.attempts += 1;
        self.phase = Phase::Waiting {
            retry_at_ms: now_ms + delay,
            why,
        };
    }

    fn welcome(&mut self, welcome: Welcome) -> Vec<Do> {
        self.attempts = 0;
        let is_stale = welcome.version != VERSION
            || (self.build.as_ref()).is_some_and(|build| *build != welcome.build);
        if is_stale {
            self.phase = Phase::Stale;
            return if welcome.abilities.author {
                vec![Do::Disconnect, Do::Reload]
            } else {
                vec![Do::Disconnect]
            };
        }
        self.phase = Phase::Live;
        self.servers = welcome.servers;
        self.abilities = welcome.abilities;
        self.lessons
            .iter()
            .filter(|lesson| self.servers.iter().any(|server| server.lesson == **lesson))
            .map(|lesson| {
                Do::Send(ToGateway::Watch {
                    lesson: lesson.clone(),
                })
            })
            .collect()
    }

    /// The lesson that a message is about.
    pub(crate) fn lesson(&self, message: &ToPage) -> Option<&str> {
        let (ToPage::Event { lesson, .. }
        | ToPage::Stats { lesson, .. }
        | ToPage::Lost { lesson, .. }) = message
        else {
            return None;
        };
        let server = self.servers.get(usize::from(*lesson))?;
        Some(&server.lesson)
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
