//! The messages between the page and the gateway.
//!
//! One WebSocket (RFC 6455) with the subprotocol [`SUBPROTOCOL`]; binary frames, each holding one
//! or more messages in postcard's encoding, back to back.
//! The page speaks first, with [`ToGateway::Hello`]; until it did so rightly, the gateway says
//! nothing and ends the session with one of the [`close`] codes.

mod simulated;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::event::{ConnectionId, Event, SocketOption};
use crate::network::{NetworkSettings, Trap};
use crate::packet::Deed;
pub use simulated::{Flight, Now, SIMULATED_PREFIX, Time, is_simulated};

/// The version of these messages; raised with every change to a type that travels.
pub const VERSION: u16 = 3;

/// What both sides name in the WebSocket handshake.
pub const SUBPROTOCOL: &str = "wirebook.v1";

/// The largest frame the page may send, in bytes; a larger one ends the session with close code 1009.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;

/// The most payload one [`ToGateway::Send`] may carry, in bytes, so that its frame fits.
pub const MAX_SEND_BYTES: usize = MAX_FRAME_BYTES - 16;

/// Why the gateway ended the session, as WebSocket close codes of the private range (RFC 6455, 7.4.2).
pub mod close {
    /// The page and the gateway speak different versions: the page must be loaded anew.
    pub const STALE_PAGE: u16 = 4000;
    /// The token is not this gateway's: open the link that the gateway prints.
    pub const WRONG_TOKEN: u16 = 4001;
    /// The first message was not a hello, or did not come in time.
    pub const NO_HELLO: u16 = 4002;
    /// A message could not be decoded.
    pub const MALFORMED: u16 = 4003;
    /// The gateway has as many sessions as it allows.
    pub const TOO_MANY_SESSIONS: u16 = 4004;
    /// The page did not take what was sent to it in time (RFC 6455 registry: try again later).
    pub const TOO_SLOW: u16 = 1013;
    /// The gateway is stopping (RFC 6455, 7.4.1: going away).
    pub const GOING_AWAY: u16 = 1001;
}

/// A lesson's place in [`Welcome::servers`].
pub type LessonIndex = u16;

/// What the page says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToGateway {
    /// The first message. The version comes first, so that it can be read whatever else changes.
    Hello {
        /// [`VERSION`]
        version: u16,
        /// The secret from the link that the gateway printed.
        token: String,
    },
    /// Show what other programs on this machine do with this lesson's server.
    Watch {
        /// The lesson's name, e.g. `tcp_ok`.
        lesson: String,
    },
    /// Open a connection to this lesson's server (for UDP: bind a socket to send from).
    Open {
        /// Chosen by the page; comes back in [`ToPage::Opened`] or [`ToPage::Refused`].
        request: u32,
        /// The lesson's name.
        lesson: String,
        /// Options that the socket gets before it connects.
        options: Vec<(SocketOption, i64)>,
    },
    /// Send bytes; for UDP one datagram.
    Send {
        /// One of this session's connections.
        connection: ConnectionId,
        /// At most [`MAX_SEND_BYTES`].
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// Shut down the writing half (half-close).
    ShutDown {
        /// One of this session's connections.
        connection: ConnectionId,
    },
    /// Close the socket.
    Close {
        /// One of this session's connections.
        connection: ConnectionId,
    },
    /// Close the socket with RST.
    Reset {
        /// One of this session's connections.
        connection: ConnectionId,
    },
    /// Change how this connection's client behaves.
    Adjust {
        /// One of this session's connections.
        connection: ConnectionId,
        /// What changes.
        adjustment: Adjustment,
    },
    /// Answered by [`ToPage::Pong`] with the same number.
    Ping {
        /// Any number.
        nonce: u32,
    },
    /// What this session wants to see of a lesson besides the calls of its programs; nothing at
    /// first. Counts for what happens from now on.
    Look {
        /// The lesson's name.
        lesson: String,
        /// Its packets, where [`Abilities::packets`] says that they can be had.
        packets: bool,
        /// What the system says of the sockets, where [`Abilities::kernel`] is set.
        kernel: bool,
    },
    /// What the simulated link does from now on. This and what follows only simulators obey.
    Network(NetworkSettings),
    /// Do something to a packet under way.
    Meddle {
        /// Its number.
        packet: u32,
        /// What.
        deed: Deed,
    },
    /// Do something to packets to come.
    Trap(Trap),
    /// How the simulated time passes.
    Time(Time),
}

/// A change to how a client behaves, which a program would have in its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Adjustment {
    /// Set a socket option; the answer is an [`crate::Action::Option`].
    Option(SocketOption, i64),
    /// Cut and join what is sent into pieces whose lengths come from this seed; `None` ends it.
    Slicer(Option<u64>),
    /// Whether the client reads.
    Reading(bool),
    /// Give up when nothing was read for this long, in ms; `None` waits for ever.
    Deadline(Option<u32>),
    /// What the relay on the way does to this client's datagrams.
    Relay(RelaySettings),
}

/// What a lossy network does to datagrams. The same seed meets the same datagrams with the same fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelaySettings {
    /// Where the sequence of fates begins.
    pub seed: u64,
    /// How many of a hundred are lost.
    pub loss_percent: u8,
    /// How many of a hundred are passed on twice.
    pub duplicate_percent: u8,
    /// How many of a hundred are held back behind a later one.
    pub reorder_percent: u8,
    /// How long each is under way, in ms.
    pub delay_ms: u16,
}

/// What the gateway says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToPage {
    /// The answer to a right hello.
    Welcome(Welcome),
    /// The connection asked for by `request` has this id from now on. Its events follow.
    Opened {
        /// From [`ToGateway::Open`].
        request: u32,
        /// Its id in every event and in what the page says about it.
        connection: ConnectionId,
    },
    /// Something was observed at this lesson.
    Event {
        /// Which lesson.
        lesson: LessonIndex,
        /// What.
        event: Event,
    },
    /// The page was too slow, and this many events were lost here.
    Gap {
        /// How many.
        count: u64,
    },
    /// The gateway did not do what was asked. Nothing else has changed.
    Refused(Refused),
    /// The answer to [`ToGateway::Ping`].
    Pong {
        /// The same number.
        nonce: u32,
    },
    /// What serving costs this lesson's server now.
    Stats {
        /// Which lesson.
        lesson: LessonIndex,
        /// What was counted.
        stats: Stats,
    },
    /// So many packets of this lesson were not captured, or not told because the page was too slow.
    Lost {
        /// Which lesson.
        lesson: LessonIndex,
        /// How many.
        packets: u64,
    },
    /// What the time is in a simulated network, and what is under way. Comes when either changes.
    Now(Now),
    /// Simulated time went back: everything up to the new present follows, anew.
    Rewound,
}

/// What serving costs a server, for all its clients together. Counted, not estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Tasks or threads that serve, the one that accepts among them.
    pub workers: u32,
    /// Connections that were accepted and are open.
    pub connections: u32,
    /// How often a worker that had waited ran again, since the server started: a task was polled
    /// anew, a thread's wait returned.
    pub wakeups: u64,
    /// What the workers themselves take, in bytes: the size of each task's future, and the stack
    /// that is reserved for each thread. What they allocate on the heap, and the kernel's buffers,
    /// are not in it.
    pub memory_bytes: u64,
}

/// What the page learns first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// [`VERSION`]
    pub version: u16,
    /// Names the build of the book that this gateway serves; a page of another build is stale.
    pub build: String,
    /// The gateway's clock now, in ns, as in [`Event::time_ns`].
    pub time_ns: u64,
    /// The lessons whose servers run.
    pub servers: Vec<Server>,
    /// What this gateway can do beyond the basics.
    pub abilities: Abilities,
}

/// A running lesson server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// The lesson's name.
    pub lesson: String,
    /// TCP, UDP or a Unix socket.
    pub transport: Transport,
    /// Where it listens.
    pub address: Address,
}

/// What carries a lesson's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// RFC 9293
    Tcp,
    /// RFC 768
    Udp,
    /// A stream socket of the address family AF_UNIX (unix(7))
    Unix,
}

impl Transport {
    /// Whether bytes flow without borders, on connections.
    pub fn is_stream(self) -> bool {
        !matches!(self, Self::Udp)
    }
}

/// What a gateway can do beyond the basics.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abilities {
    /// An author works on the book: a stale page should load itself anew.
    pub author: bool,
    /// Whether it sees packets.
    pub packets: Packets,
    /// Whether it can ask the system about sockets.
    pub kernel: bool,
}

/// Whether packets can be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Packets {
    /// They are captured while a session looks.
    Captured,
    /// They cannot be seen.
    Missing {
        /// A sentence for the reader.
        why: String,
        /// What to type into a terminal so that they can be seen when the gateway is started again.
        command: Option<String>,
    },
}

impl Default for Packets {
    /// Nobody has said that they can be seen.
    fn default() -> Self {
        Self::Missing {
            why: String::new(),
            command: None,
        }
    }
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What was asked for.
    pub what: Asked,
    /// A sentence for the reader: what happened, why, and what to do.
    pub why: String,
}

/// What a refusal answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asked {
    /// [`ToGateway::Watch`]
    Watch,
    /// [`ToGateway::Open`] with this request number.
    Open(u32),
    /// Something about this connection.
    Connection(ConnectionId),
    /// Messages came faster than the limit allows.
    Anything,
}

/// Why a frame could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// A hello in another version of these messages.
    Version(u16),
    /// The bytes from `offset` are not a message.
    Malformed {
        /// Counted from the start of the frame.
        offset: usize,
    },
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version(theirs) => write!(
                formatter,
                "the page speaks version {theirs}, this gateway version {VERSION}"
            ),
            Self::Malformed { offset } => {
                write!(
                    formatter,
                    "the bytes from offset {offset} are not a message"
                )
            }
        }
    }
}

impl std::error::Error for DecodeError {}

impl ToGateway {
    /// Appends this message to `frame`.
    pub fn encode(&self, frame: &mut Vec<u8>) {
        append(self, frame);
    }

    /// Reads every message of a frame. An empty frame holds none.
    pub fn decode(frame: &[u8]) -> Result<Vec<Self>, DecodeError> {
        // A hello is variant 0 followed by the version: readable even if all the rest has changed.
        if let Ok((version, _)) = postcard::take_from_bytes::<u16>(frame.get(1..).unwrap_or(&[]))
            && frame[0] == 0
            && version != VERSION
        {
            return Err(DecodeError::Version(version));
        }
        let messages = decode_all(frame)?;
        match messages.first() {
            // The same hello in more bytes than it takes.
            Some(Self::Hello { version, .. }) if *version != VERSION => {
                Err(DecodeError::Version(*version))
            }
            _ => Ok(messages),
        }
    }
}

impl ToPage {
    /// Appends this message to `frame`.
    pub fn encode(&self, frame: &mut Vec<u8>) {
        append(self, frame);
    }

    /// Reads every message of a frame. An empty frame holds none.
    pub fn decode(frame: &[u8]) -> Result<Vec<Self>, DecodeError> {
        decode_all(frame)
    }
}

fn append(message: &impl Serialize, frame: &mut Vec<u8>) {
    // Only types without a known length fail to encode, and no message has one.
    match postcard::to_extend(message, std::mem::take(frame)) {
        Ok(extended) => *frame = extended,
        Err(error) => unreachable!("every message can be encoded: {error}"),
    }
}

fn decode_all<'a, T: Deserialize<'a>>(frame: &'a [u8]) -> Result<Vec<T>, DecodeError> {
    let mut rest = frame;
    let mut messages = Vec::new();
    while !rest.is_empty() {
        let offset = frame.len() - rest.len();
        let (message, after) =
            postcard::take_from_bytes(rest).map_err(|_| DecodeError::Malformed { offset })?;
        messages.push(message);
        rest = after;
    }
    Ok(messages)
}
