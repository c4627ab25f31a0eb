//! Every limit of the gateway, once: [`Limits`] is what may be chosen, the constants what may not,
//! with the unit in their names.
//!
//! SECURITY.md's table; reaching a limit is told to the reader, never passed over in silence.

use std::time::Duration;

use anyhow::ensure;
use wire::session::MAX_SEND_BYTES;

use crate::lessons::LESSONS;

/// How much a gateway takes, and how long it waits. [`Limits::default`] is for one reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at once; one more is closed with [`wire::session::close::TOO_MANY_SESSIONS`].
    pub sessions: usize,
    /// Sockets at once that were upgraded and have not said a right hello yet; one more is closed
    /// with [`wire::session::close::TOO_MANY_SESSIONS`].
    pub greetings: usize,
    /// HTTP connections at once; further ones wait in the kernel's backlog. A session is none.
    pub http_connections: usize,
    /// Connections of one session at once; one more is refused.
    pub connections_per_session: usize,
    /// Connections to all lesson servers at once, those of outside programs included; one more is
    /// refused to a page, and an outside program's waits in the kernel's backlog.
    pub connections: usize,
    /// Bytes of one connection that wait because the server does not take them; more are refused.
    pub held_bytes_per_connection: usize,
    /// Bytes of all connections of one session that wait so; more are refused.
    pub held_bytes_per_session: usize,
    /// Commands of one connection that wait for their turn; more are refused.
    pub held_commands: usize,
    /// Messages a page may send per second in the long run; more is read later, not lost.
    pub commands_per_sec: u32,
    /// Messages a page may send at once before `commands_per_sec` holds.
    pub commands_burst: u32,
    /// Messages waiting for one page. When a quarter waits, its lessons wait for it; packets are
    /// lost from half on and events when it is full, and counted.
    pub queued_messages: usize,
    /// Bytes waiting for one page; the same parts hold.
    pub queued_bytes: usize,
    /// A request's head must be complete this soon; also how long an idle connection is kept.
    pub http_head: Duration,
    /// The largest head of a request; a larger one gets 431, or 414 if its target is too long.
    pub http_head_bytes: usize,
    /// The most fields in a head; more get 431.
    pub http_head_fields: usize,
    /// After this an HTTP connection finishes its request and ends.
    pub http_connection: Duration,
    /// How long that last request may take to be read by its client.
    pub http_last_response: Duration,
    /// The hello must come this soon after the upgrade; otherwise
    /// [`wire::session::close::NO_HELLO`].
    pub hello: Duration,
    /// A page must take what is written to it within this; otherwise
    /// [`wire::session::close::TOO_SLOW`].
    pub write: Duration,
    /// How often a quiet page is asked whether it is there.
    pub ping: Duration,
    /// A page that was not heard for this long is gone.
    pub dead: Duration,
    /// How long the gateway waits for the other side to end a closed WebSocket.
    pub close: Duration,
    /// How long a connection to a lesson may take to stand; then it is observed as timed out.
    pub connect: Duration,
    /// A connection on which nothing moves for this long is closed, which the page is told.
    pub idle_connection: Duration,
    /// How long Close and Reset wait for what was sent before them.
    pub last_writes: Duration,
    /// How long everything may take to end by itself after a stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 64,
            greetings: 64,
            http_connections: 256,
            connections_per_session: 32,
            connections: 1_024,
            held_bytes_per_connection: 16 * 1024 * 1024,
            held_bytes_per_session: 64 * 1024 * 1024,
            held_commands: 1_024,
            commands_per_sec: 100,
            commands_burst: 200,
            queued_messages: 1_024,
            queued_bytes: 1024 * 1024,
            http_head: Duration::from_secs(5),
            http_head_bytes: 16 * 1024,
            http_head_fields: 64,
            http_connection: Duration::from_secs(60),
            http_last_response: Duration::from_secs(30),
            hello: Duration::from_secs(5),
            write: Duration::from_secs(10),
            ping: Duration::from_secs(20),
            dead: Duration::from_secs(45),
            close: Duration::from_secs(1),
            connect: Duration::from_secs(3),
            idle_connection: Duration::from_secs(10 * 60),
            last_writes: Duration::from_secs(1),
            drain: Duration::from_secs(5),
        }
    }
}

/// Both ends of a connection may be the gateway's.
const DESCRIPTORS_PER_CONNECTION: usize = 2;

/// A lesson listens; with a relay or a poller of its own it has a few more.
const DESCRIPTORS_PER_LESSON: usize = 4;

/// The standard streams, the runtime, the signals, the capture, the files that are being read.
const DESCRIPTORS_OF_THE_GATEWAY: usize = 64;

/// No count of anything may be larger.
const MAX_COUNT: usize = 1_000_000;

/// No amount of memory may be larger, in bytes.
const MAX_BYTES: usize = 1024 * 1024 * 1024;

/// No time may be longer.
const MAX_TIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

impl Limits {
    /// Whether a gateway can live with them; otherwise a sentence for whoever chose them.
    ///
    /// # Errors
    /// Names the limit and what it may be.
    pub fn check(&self) -> anyhow::Result<()> {
        let per_sec = usize::try_from(self.commands_per_sec)?;
        let burst = usize::try_from(self.commands_burst)?;
        let numbers = [
            ("sessions", self.sessions, 1, MAX_COUNT),
            ("sessions that begin", self.greetings, 1, MAX_COUNT),
            ("HTTP connections", self.http_connections, 1, MAX_COUNT),
            (
                "connections of a session",
                self.connections_per_session,
                1,
                MAX_COUNT,
            ),
            ("connections in all", self.connections, 1, MAX_COUNT),
            ("commands per second", per_sec, 1, MAX_COUNT),
            ("commands at once", burst, 1, MAX_COUNT),
            ("waiting commands", self.held_commands, 1, MAX_COUNT),
            // Whatever a page may send at once finds room when nothing else waits.
            (
                "held bytes of a connection",
                self.held_bytes_per_connection,
                MAX_SEND_BYTES,
                MAX_BYTES,
            ),
            (
                "held bytes of a session",
                self.held_bytes_per_session,
                MAX_SEND_BYTES,
                MAX_BYTES,
            ),
            // An exchange of one message has to fit into the quarter that is never waited for.
            (
                "messages waiting for a page",
                self.queued_messages,
                64,
                MAX_COUNT,
            ),
            (
                "bytes waiting for a page",
                self.queued_bytes,
                MAX_PACKED_BYTES,
                MAX_BYTES,
            ),
            // The HTTP library takes no smaller buffer.
            ("bytes of a head", self.http_head_bytes, 8 * 1024, MAX_BYTES),
            ("fields of a head", self.http_head_fields, 1, 1_024),
        ];
        for (what, value, least, most) in numbers {
            ensure!(
                (least..=most).contains(&value),
                "{what}: {value} is no limit here, {least} to {most} is"
            );
        }
        let times = [
            ("the head of a request", self.http_head),
            ("an HTTP connection", self.http_connection),
            ("the last response", self.http_last_response),
            ("the hello", self.hello),
            ("a write to a page", self.write),
            ("the ping", self.ping),
            ("a page that is not heard", self.dead),
            ("a closing WebSocket", self.close),
            ("a connection being made", self.connect),
            ("an idle connection", self.idle_connection),
            ("the last writes", self.last_writes),
            ("the stop", self.drain),
        ];
        for (what, time) in times {
            ensure!(
                (Duration::from_millis(1)..=MAX_TIME).contains(&time),
                "the time for {what} is {time:?}: it has to be 1 ms to a year"
            );
        }
        ensure!(
            self.ping < self.dead,
            "a page is asked every {:?} and given up after {:?}: the second has to be longer",
            self.ping,
            self.dead
        );
        ensure!(
            self.held_bytes_per_connection <= self.held_bytes_per_session,
            "a connection may hold {} bytes, and its session {}: that is less",
            self.held_bytes_per_connection,
            self.held_bytes_per_session
        );
        Ok(())
    }

    /// How many files and sockets all of this needs open.
    fn descriptors(&self) -> usize {
        self.descriptors_without_connections() + DESCRIPTORS_PER_CONNECTION * self.connections
    }

    fn descriptors_without_connections(&self) -> usize {
        let own = DESCRIPTORS_OF_THE_GATEWAY + DESCRIPTORS_PER_LESSON * LESSONS.len();
        own + self.sessions + self.greetings + self.http_connections
    }

    /// Takes fewer connections if this process may not open as many files as they need.
    /// Then what it comes to is returned, a sentence for whoever started the gateway.
    pub fn fit(&mut self, descriptors: u64) -> Option<String> {
        let needed = self.descriptors();
        let had = usize::try_from(descriptors).unwrap_or(usize::MAX);
        if needed <= had {
            return None;
        }
        let left = had.saturating_sub(self.descriptors_without_connections());
        self.connections = (left / DESCRIPTORS_PER_CONNECTION).max(1);
        Some(format!(
            "this process may have {had} files open, and its limits need {needed}: \
             the lessons take {} connections. Let the administrator raise it (`ulimit -n {needed}`), \
             or lower --max-sessions or --max-connections",
            self.connections
        ))
    }
}

/// How long a connection whose client went away while it was made may yet be accepted.
pub(super) const UNDECIDED_CONNECTION_TIME: Duration = Duration::from_secs(10);

/// Outside peers of one UDP lesson that are told apart; the least recently heard is forgotten.
pub const MAX_UDP_PEERS: usize = 1_024;

/// The largest frame to a page: messages are packed up to here.
pub(super) const MAX_PACKED_BYTES: usize = 64 * 1024;

/// How soon after another a lesson's statistics are told at most.
pub(super) const STATS_INTERVAL: Duration = Duration::from_millis(500);

/// How many turns of the scheduler a message waits at most for others to share its frame.
pub(super) const MAX_SETTLING_TURNS: usize = 24;

/// With more messages than this a frame is worth its system call, and goes at once.
pub(super) const MAX_SETTLING_MESSAGES: usize = 64;

/// What the WebSocket holds back at most when the page does not read.
pub(super) const MAX_WEBSOCKET_BUFFER_BYTES: usize = 512 * 1024;

/// What the WebSocket reads at once. Each session has so much of memory all the time, and all of it
/// is written to before every read; a larger message takes several reads.
pub(super) const WEBSOCKET_READ_BYTES: usize = 8 * 1024;

/// HTTP connections that the kernel is asked to keep until they are accepted (on Linux at most
/// `net.core.somaxconn`): who finds no place there tries again after one second, three, seven.
pub(super) const HTTP_BACKLOG: u32 = 4_096;

/// What the kernel is asked to keep of what a page is told and has not taken yet, in bytes (Linux
/// takes twice as much): with the kernel's own choice a page that reads nothing is told of megabytes.
pub(super) const PAGE_SEND_BUFFER_BYTES: usize = 256 * 1024;

/// With more waiting for servers than this, they get a turn before the page's next message is done.
pub(super) const MAX_WAITING_BYTES_IN_PASSING: usize = 64 * 1024;

/// What a page may send without a whole message in it: the largest message, what is read ahead of
/// it, and the heads of its pieces.
pub(super) const MAX_BYTES_PER_MESSAGE: usize = 4 * wire::session::MAX_FRAME_BYTES;

/// Options that a socket may get before it connects.
pub(super) const MAX_OPTIONS_AT_ONCE: usize = 16;

/// The longest linger time a page may set, in seconds: a close may hold a thread so long.
pub(super) const MAX_ADJUSTED_LINGER_SECS: i64 = 5;

/// The largest socket buffer a page may ask for, in bytes: an `int` has no room for more. The
/// kernel gives as much as it allows every program (on Linux `net.core.rmem_max`).
pub(super) const MAX_ADJUSTED_BUFFER_BYTES: i64 = i32::MAX as i64;

/// The longest deadline a page may set for its client.
pub(super) const MAX_ADJUSTED_DEADLINE_MS: u32 = 60_000;

/// How long a slicer waits for more before it cuts the first piece.
pub(super) const SLICER_GATHER_TIME: Duration = Duration::from_millis(40);

/// How long a slicer waits between two pieces, so that they arrive apart.
pub(super) const SLICER_PAUSE: Duration = Duration::from_millis(10);

/// TCP connections of one lesson about which the kernel can be asked; the latest.
pub(super) const MAX_SAMPLED_CONNECTIONS: usize = 256;

/// Connections about which the kernel is asked at once; the others have their turn next.
pub(super) const MAX_SAMPLED_AT_ONCE: usize = 32;

/// How often the kernel is asked about a connection on which nothing happens.
pub(super) const SAMPLE_INTERVAL: Duration = Duration::from_millis(250);

/// How often about one that begins or ends, and how long for since its last change.
pub(super) const SAMPLE_INTERVAL_CHANGING: Duration = Duration::from_millis(50);
/// See [`SAMPLE_INTERVAL_CHANGING`].
pub(super) const SAMPLE_CHANGING_TIME: Duration = Duration::from_secs(2);

/// How often about one of which only TIME-WAIT is left.
pub(super) const SAMPLE_INTERVAL_TIME_WAIT: Duration = Duration::from_secs(1);

/// How soon after a sample a transfer is worth another.
pub(super) const SAMPLE_INTERVAL_TRANSFERS: Duration = Duration::from_millis(2);

/// How long a closed UDP socket's address is remembered for datagrams still under way.
pub(super) const UDP_AFTERLIFE_TIME: Duration = Duration::from_secs(5);

/// How many ports above a taken one are tried before any free one will do.
pub(super) const MAX_PORT_TRIES: u16 = 100;

/// How long the first packet waits for others, so that a burst is one wake-up.
pub(crate) const PACKET_GATHER_TIME: Duration = Duration::from_millis(4);

/// Packets read at once; the rest comes in the next batch.
pub(crate) const MAX_CAPTURED_AT_ONCE: usize = 256;

/// What the kernel keeps of packets until they are read, in bytes, as far as it allows.
pub(crate) const CAPTURE_BUFFER_BYTES: usize = 8 * 1024 * 1024;

/// Clients of one lesson whose packets are told apart; of those that are gone, some are forgotten.
pub(super) const MAX_FLOWS: usize = 4_096;

/// How long after both ends are gone the packets of a connection may come: Linux keeps TIME-WAIT
/// and FIN-WAIT-2 for a minute. Whoever uses the port again begins with a SYN.
pub(super) const TCP_AFTERLIFE_TIME: Duration = Duration::from_secs(65);

/// How long a packet waits for the server to accept the connection that it belongs to.
pub(super) const WAITING_PACKET_TIME: Duration = Duration::from_secs(1);

/// Packets of one lesson that wait so at once.
pub(super) const MAX_WAITING_PACKETS: usize = 1_024;

/// Their bytes.
pub(super) const MAX_WAITING_PACKET_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn why(change: impl FnOnce(&mut Limits)) -> String {
        let mut limits = Limits::default();
        change(&mut limits);
        limits.check().unwrap_err().to_string()
    }

    #[test]
    fn what_no_gateway_could_live_with_is_refused_with_the_reason() {
        Limits::default().check().unwrap();
        assert_eq!(
            why(|limits| limits.sessions = 0),
            "sessions: 0 is no limit here, 1 to 1000000 is"
        );
        assert!(why(|limits| limits.connections = 1_000_001).contains("1 to 1000000"));
        assert!(why(|limits| limits.commands_per_sec = 0).contains("per second: 0"));
        assert!(why(|limits| limits.commands_burst = 0).contains("at once: 0"));
        assert!(why(|limits| limits.held_bytes_per_connection = MAX_SEND_BYTES - 1).contains("to"));
        assert!(why(|limits| limits.http_head_bytes = 8 * 1024 - 1).contains("head"));
        assert!(why(|limits| limits.hello = Duration::ZERO).contains("hello is 0ns"));
        assert!(why(|limits| limits.idle_connection = Duration::MAX).contains("to a year"));
        assert!(why(|limits| limits.ping = limits.dead).contains("45s"));
        assert!(why(|limits| limits.held_bytes_per_session = MAX_SEND_BYTES).contains("less"));
    }

    #[test]
    fn connections_are_as_many_as_there_are_descriptors_for() {
        let mut limits = Limits::default();
        let needed = limits.descriptors() as u64;
        assert_eq!(limits.fit(needed), None);
        assert_eq!(limits, Limits::default());

        let warning = limits.fit(needed - 1).unwrap();
        assert_eq!(limits.connections, 1_023);
        for number in [needed, needed - 1, 1_023] {
            assert!(warning.contains(&number.to_string()), "{warning}");
        }
        assert!((limits.descriptors() as u64) < needed);

        assert!(limits.fit(10).is_some());
        assert_eq!(limits.connections, 1);
    }
}
