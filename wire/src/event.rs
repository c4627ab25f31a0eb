//! One observed fact: which end did what on which connection, when, and where in the source.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::kernel::Kernel;
use crate::packet::{Fate, Packet};
use crate::payload;

/// The largest payload one event carries, in bytes; a larger transfer is several events.
pub const MAX_EVENT_BYTES: usize = 16 * 1024;

/// Names one conversation in one gateway: a TCP connection, or the datagrams of one UDP peer.
/// Both ends of it carry the same id. Never reused while the gateway runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConnectionId(pub u64);

/// Which side of a conversation an event was observed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// The side that connects or sends first: the page, through the gateway's client socket.
    Client,
    /// The lesson's server.
    Server,
    /// A program between the two, which passes on what it receives, or does not.
    Relay,
    /// The network between them, where packets are.
    Wire,
}

/// One observed fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The place in the order of all events of this gateway.
    /// Taken before a call that sends and after a call that receives, so that a cause never
    /// sorts behind its effect. It follows the clock, so that a packet, of which the system tells
    /// later, has its place among the calls: those of programs have even numbers, packets odd ones.
    /// Events may arrive a little out of order.
    pub sequence: u64,
    /// Nanoseconds on a monotonic clock that starts with the gateway.
    pub time_ns: u64,
    /// The conversation; `None` for what concerns the listening socket alone.
    pub connection: Option<ConnectionId>,
    /// Where it was observed.
    pub end: End,
    /// What was observed.
    pub action: Action,
    /// What made the call.
    pub worker: Option<Worker>,
    /// The line that made the call, where it is known.
    pub source: Option<Source>,
}

/// What runs a part of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Worker {
    /// A tokio task, by its id.
    Task(u64),
    /// A thread of the operating system, by a number of the gateway's own.
    Thread(u64),
}

/// A line of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Path from the top of the repository, e.g. `native/src/lessons/tcp_ok.rs`.
    pub file: Cow<'static, str>,
    /// Counted from 1.
    pub line: u32,
}

/// The bytes of one transfer, or a slice of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// At most [`MAX_EVENT_BYTES`].
    #[serde(with = "payload")]
    pub bytes: Vec<u8>,
    /// Whether the next event of this end and connection continues the same call.
    pub more: bool,
}

impl Data {
    /// A whole transfer in one piece.
    pub fn whole(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            bytes: bytes.into(),
            more: false,
        }
    }
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// `connect` returned: the connection to `peer` stands. The address this end got is `local`.
    Connect {
        /// This end.
        local: Address,
        /// The other end.
        peer: Address,
    },
    /// `accept` returned a connection from `peer`.
    Accept {
        /// The other end.
        peer: Address,
    },
    /// A call could not finish at once and now waits.
    Wait {
        /// What waits.
        operation: Operation,
    },
    /// A read returned bytes.
    Read(Data),
    /// A read returned 0 bytes: the peer has shut down its writing half (RFC 9293, 3.6).
    EndOfStream,
    /// A write was accepted by the kernel.
    Write(Data),
    /// A datagram came in from `peer`.
    Receive {
        /// Its sender.
        peer: Address,
        /// Its payload, cut to the reader's buffer as the kernel does.
        data: Data,
    },
    /// A datagram was handed to the kernel for `peer`.
    Send {
        /// Its destination.
        peer: Address,
        /// Its payload.
        data: Data,
    },
    /// The writing half was shut down; reading goes on.
    ShutDown,
    /// The socket was closed.
    Close,
    /// The socket was closed so that the kernel sends RST (linger time 0).
    Reset,
    /// A call failed.
    Error {
        /// What failed.
        operation: Operation,
        /// Why.
        kind: Failure,
        /// The system's words.
        message: String,
    },
    /// A call was given up before it finished, e.g. by a time limit.
    Cancel {
        /// What was given up.
        operation: Operation,
    },
    /// A socket option was set or read.
    Option {
        /// Which.
        option: SocketOption,
        /// What was asked for; `None` if it was only read.
        asked: Option<i64>,
        /// What the kernel says now (`getsockopt`), in the unit of the option.
        value: i64,
    },
    /// The relay threw a datagram away.
    Lose(Data),
    /// The relay keeps a datagram for a while before it passes it on.
    Hold {
        /// For so long, in milliseconds.
        for_ms: u32,
        /// The datagram.
        data: Data,
    },
    /// The relay passes a datagram on twice.
    Duplicate(Data),
    /// A packet left one end for the other.
    Packet(Packet),
    /// What became of a packet in a simulated network.
    Fate {
        /// Its [`Packet::number`].
        packet: u32,
        /// What became of it.
        fate: Fate,
    },
    /// What the system says of this end's socket.
    Kernel(Kernel),
}

/// The calls of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// `connect`
    Connect,
    /// `accept`
    Accept,
    /// `read` and its relatives
    Read,
    /// `write` and its relatives
    Write,
    /// `recv_from`, `recv`
    Receive,
    /// `send_to`, `send`
    Send,
    /// `shutdown`
    ShutDown,
    /// `poll`, `epoll_wait`: the wait of a readiness loop for any of its sockets
    Poll,
    /// `setsockopt`
    SetOption,
}

/// The socket options of the book; see socket(7) and tcp(7) of Linux, POSIX.1 2.10.16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SocketOption {
    /// TCP_NODELAY: 1 sends small segments at once, 0 lets Nagle's algorithm gather them.
    NoDelay,
    /// SO_KEEPALIVE: 1 probes a peer that has been silent for long.
    KeepAlive,
    /// SO_LINGER: seconds that a close may take; 0 closes with RST; -1 is off.
    Linger,
    /// SO_RCVBUF, in bytes. Linux gives twice what was asked for (socket(7)).
    ReceiveBuffer,
    /// SO_SNDBUF, in bytes. Linux gives twice what was asked for (socket(7)).
    SendBuffer,
    /// SO_REUSEADDR: 1 lets a server bind while old connections of its port are in TIME-WAIT.
    ReuseAddress,
}

/// Why a call failed, in the words of the errno that readers will meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// ECONNREFUSED: nobody listens there.
    Refused,
    /// ECONNRESET: the peer sent RST.
    Reset,
    /// EPIPE: written after the connection was closed.
    BrokenPipe,
    /// ECONNABORTED: here, the lesson's server was stopped.
    Aborted,
    /// ETIMEDOUT, or a time limit of the program.
    TimedOut,
    /// UnexpectedEof: the stream ended in the middle of something.
    UnexpectedEnd,
    /// The bytes were not what was expected, e.g. not UTF-8.
    InvalidData,
    /// EMSGSIZE: no datagram is that long.
    TooLong,
    /// EAGAIN: the call would have had to wait, and the socket does not.
    WouldBlock,
    /// Anything else; the message tells.
    Other,
}

impl Event {
    /// The bytes that this event moved, if it moved any.
    pub fn data(&self) -> Option<&Data> {
        match &self.action {
            Action::Read(data)
            | Action::Write(data)
            | Action::Receive { data, .. }
            | Action::Send { data, .. }
            | Action::Lose(data)
            | Action::Hold { data, .. }
            | Action::Duplicate(data) => Some(data),
            _ => None,
        }
    }

    /// How many bytes it holds, in transfers and packets.
    pub fn held_bytes(&self) -> usize {
        match &self.action {
            Action::Packet(packet) => packet.bytes.len(),
            _ => self.data().map_or(0, |data| data.bytes.len()),
        }
    }
}

impl Action {
    /// One word for the action, as `seen` patterns and the lab's rows use it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::Accept { .. } => "accept",
            Self::Wait { .. } => "wait",
            Self::Read(_) => "read",
            Self::EndOfStream => "end",
            Self::Write(_) => "write",
            Self::Receive { .. } => "receive",
            Self::Send { .. } => "send",
            Self::ShutDown => "half-close",
            Self::Close => "close",
            Self::Reset => "reset",
            Self::Error { .. } => "error",
            Self::Cancel { .. } => "cancel",
            Self::Option { .. } => "option",
            Self::Lose(_) => "lose",
            Self::Hold { .. } => "hold",
            Self::Duplicate(_) => "duplicate",
            Self::Packet(_) => "packet",
            Self::Fate { fate, .. } => fate.verb(),
            Self::Kernel(_) => "kernel",
        }
    }
}

impl Operation {
    /// Every operation, with the word for it.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Connect, "connect"),
        (Self::Accept, "accept"),
        (Self::Read, "read"),
        (Self::Write, "write"),
        (Self::Receive, "receive"),
        (Self::Send, "send"),
        (Self::ShutDown, "half-close"),
        (Self::Poll, "poll"),
        (Self::SetOption, "option"),
    ];
}

impl Failure {
    /// Every failure, with the word for it.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Refused, "refused"),
        (Self::Reset, "reset"),
        (Self::BrokenPipe, "broken-pipe"),
        (Self::Aborted, "aborted"),
        (Self::TimedOut, "timed-out"),
        (Self::UnexpectedEnd, "unexpected-end"),
        (Self::InvalidData, "invalid-data"),
        (Self::TooLong, "too-long"),
        (Self::WouldBlock, "would-block"),
        (Self::Other, "other"),
    ];
}

impl SocketOption {
    /// Every option, with the word for it.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::NoDelay, "no-delay"),
        (Self::KeepAlive, "keep-alive"),
        (Self::Linger, "linger"),
        (Self::ReceiveBuffer, "receive-buffer"),
        (Self::SendBuffer, "send-buffer"),
        (Self::ReuseAddress, "reuse-address"),
    ];
}

/// The word that stands beside `value` in `table`.
fn word<T: PartialEq + Copy>(table: &[(T, &'static str)], value: T) -> &'static str {
    table
        .iter()
        .find(|(candidate, _)| *candidate == value)
        .map_or("unknown", |(_, word)| word)
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(word(&Self::ALL, *self))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(word(&Self::ALL, *self))
    }
}

impl fmt::Display for SocketOption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(word(&Self::ALL, *self))
    }
}

impl fmt::Display for Worker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(id) => write!(formatter, "task {id}"),
            Self::Thread(id) => write!(formatter, "thread {id}"),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Relay => "relay",
            Self::Wire => "wire",
        })
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{}", self.0)
    }
}
