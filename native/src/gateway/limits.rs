//! Every limit of the gateway, once, with its unit in its name.
//!
//! SECURITY.md's table; reaching a limit is told to the reader, never passed over in silence.

use std::time::Duration;

/// Sessions at once; one more is closed with [`wire::session::close::TOO_MANY_SESSIONS`].
pub const MAX_SESSIONS: usize = 64;

/// Sockets at once that were upgraded and have not said a right hello yet.
pub(super) const MAX_GREETINGS: usize = 64;

/// HTTP connections at once; further ones wait in the kernel's backlog.
pub(super) const MAX_HTTP_CONNECTIONS: usize = 256;

/// Connections of one session at once.
pub const MAX_CONNECTIONS_PER_SESSION: usize = 32;

/// Connections to all lesson servers at once, those of outside programs included.
pub const MAX_CONNECTIONS: usize = 1_024;

/// Outside peers of one UDP lesson that are told apart; the least recently heard is forgotten.
pub const MAX_UDP_PEERS: usize = 1_024;

/// Bytes of one connection that wait because the server does not take them.
pub(super) const MAX_HELD_BYTES_PER_CONNECTION: usize = 16 * 1024 * 1024;

/// Bytes of all connections of one session that wait because the servers do not take them.
pub(super) const MAX_HELD_BYTES_PER_SESSION: usize = 64 * 1024 * 1024;

/// Commands of one connection that wait for their turn.
pub(super) const MAX_HELD_COMMANDS: usize = 1_024;

/// Messages a page may send per second in the long run; more is read later, not lost.
pub(super) const COMMANDS_PER_SEC: u32 = 100;

/// Messages a page may send at once before [`COMMANDS_PER_SEC`] holds.
pub(super) const COMMANDS_BURST: u32 = 200;

/// Messages waiting for one page.
pub const MAX_QUEUED_MESSAGES: usize = 1_024;

/// Bytes waiting for one page.
pub const MAX_QUEUED_BYTES: usize = 1024 * 1024;

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

/// A request's head must be complete this soon; also how long an idle connection is kept.
pub const HTTP_HEAD_TIME: Duration = Duration::from_secs(5);

/// The largest head of a request.
pub const MAX_HTTP_HEAD_BYTES: usize = 16 * 1024;

/// The most fields in a head.
pub const MAX_HTTP_HEAD_FIELDS: usize = 64;

/// After this an HTTP connection finishes its request and ends.
pub(super) const HTTP_CONNECTION_TIME: Duration = Duration::from_secs(60);

/// How long that last request may take to be read by its client.
pub(super) const HTTP_LAST_RESPONSE_TIME: Duration = Duration::from_secs(30);

/// The hello must come this soon after the upgrade.
pub const HELLO_TIME: Duration = Duration::from_secs(5);

/// A page must take what is written to it within this.
pub const WRITE_TIME: Duration = Duration::from_secs(10);

/// How often a quiet page is asked whether it is there.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(20);

/// A page that was not heard for this long is gone.
pub(super) const DEAD_TIME: Duration = Duration::from_secs(45);

/// How long the gateway waits for the other side to end a closed WebSocket.
pub(super) const CLOSE_TIME: Duration = Duration::from_secs(1);

/// How long a connection to a lesson may take to stand.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(3);

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

/// A connection on which nothing moves for this long is closed.
pub(super) const IDLE_CONNECTION_TIME: Duration = Duration::from_secs(10 * 60);

/// How long Close and Reset wait for what was sent before them.
pub(super) const LAST_WRITES_TIME: Duration = Duration::from_secs(1);

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

/// How long everything may take to end by itself after a stop.
pub const DRAIN_TIME: Duration = Duration::from_secs(5);

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
