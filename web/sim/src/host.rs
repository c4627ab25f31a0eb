//! A host: a TCP/IP stack with its sockets.
//!
//! Around smoltcp's stack stands what an operating system adds: a queue of connections that wait to
//! be accepted, connections that live on when their program has closed them, and patience that ends.

mod follow;
mod mind;
mod reno;
mod rtt;
mod samples;
mod segments;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{self, CongestionControl, State};
use smoltcp::socket::udp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpEndpoint};
use wire::event::Failure;
use wire::packet::{Flags, Link, Summary};
use wire::{Action, ConnectionId, Operation, Source};

use self::samples::Sampled;
use self::segments::Segments;
use crate::device::Device;
use crate::tasks::Tasks;

/// Where the reader's clients are (RFC 5737: addresses for documentation).
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// Where the servers are.
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// The first port of a client; each has one of its own (RFC 6335, 6: dynamic ports).
pub(crate) const FIRST_PORT: u16 = 49_152;

/// How much a socket takes that its program has not read, in bytes. Just what a window tells
/// without the window scale option (RFC 9293, 3.1).
pub(crate) const BUFFER_BYTES: usize = 65_535;

/// How many connections wait at most to be accepted.
const BACKLOG: usize = 16;

/// How many datagrams a socket keeps at most.
const DATAGRAMS: usize = 64;

/// How long an acknowledgment may wait for company (RFC 9293, 3.8.6.3: less than 500 ms); as Linux.
const ACK_DELAY: Duration = Duration::from_millis(40);

/// How long a SYN is repeated, and data; as Linux (`tcp_syn_retries`, `tcp_retries2`).
const SYN_PATIENCE: Duration = Duration::from_secs(127);
const DATA_PATIENCE: Duration = Duration::from_secs(924);

/// How long a connection that is kept alive may be silent: nine probes after the first, 75 s apart,
/// as Linux.
const PROBE_PATIENCE: Duration = Duration::from_secs(7_200 + 9 * 75);

/// How long a silent connection waits before it asks whether the peer is there (RFC 9293, 3.8.4).
const KEEP_ALIVE: Duration = Duration::from_secs(7_200);

/// What was observed at a host, without the time.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) connection: Option<ConnectionId>,
    pub(crate) action: Action,
    /// Whether a program did it, not the system.
    pub(crate) by_task: Option<u64>,
    pub(crate) source: Option<Source>,
}

/// A socket of TCP.
#[derive(Debug)]
struct Tcp {
    handle: SocketHandle,
    /// Another one has listened on its port before.
    is_spare: bool,
    /// No program has it any more.
    is_orphan: bool,
    /// A segment with RST came for it.
    had_reset: bool,
    /// Its own address and the peer's, once there is one; a socket forgets them when it is closed.
    between: Option<(SocketAddr, SocketAddr)>,
    /// Whose it is, once that is known.
    connection: Option<ConnectionId>,
    segments: Segments,
    /// The last acknowledgment, as it came.
    heard: Option<Vec<u8>>,
    is_stalled: bool,
    nudges: u8,
    sampled: Sampled,
}

/// A port on which connections are accepted.
#[derive(Debug)]
struct Listener {
    port: u16,
    receive_buffer: usize,
    has_listened: bool,
    /// One that listens, before it those that wait to be accepted.
    waiting: Vec<SocketHandle>,
}

/// How the stack is asked to make a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Buffers {
    pub(crate) receive: usize,
    pub(crate) send: usize,
}

impl Default for Buffers {
    fn default() -> Self {
        Self {
            receive: BUFFER_BYTES,
            send: BUFFER_BYTES,
        }
    }
}

/// One host.
pub(crate) struct Host {
    address: Ipv4Addr,
    seed: u64,
    pub(crate) now_ns: u64,
    pub(crate) device: Device,
    interface: Interface,
    sockets: SocketSet<'static>,
    tcp: Vec<Tcp>,
    listeners: Vec<Listener>,
    /// When programs want to run again.
    pub(crate) alarms_ns: Vec<u64>,
    /// Whether samples of the sockets are told.
    pub(crate) is_sampled: bool,
    pub(crate) told: Vec<Told>,
    /// Packets that leave.
    pub(crate) sent: Vec<Vec<u8>>,
    pub(crate) tasks: Tasks,
}

impl Host {
    pub(crate) fn new(address: Ipv4Addr, seed: u64, mtu: u16) -> Self {
        let mut device = Device::new(mtu);
        let interface = interface(address, seed, &mut device, 0);
        Self {
            address,
            seed,
            now_ns: 0,
            device,
            interface,
            sockets: SocketSet::new(Vec::new()),
            tcp: Vec::new(),
            listeners: Vec::new(),
            alarms_ns: Vec::new(),
            is_sampled: false,
            told: Vec::new(),
            sent: Vec::new(),
            tasks: Tasks::default(),
        }
    }

    /// It is now so late; alarms until then have gone off.
    pub(crate) fn set_now(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        self.alarms_ns.retain(|at_ns| *at_ns > now_ns);
    }

    /// The link takes packets of another size from now on.
    pub(crate) fn set_mtu(&mut self, mtu: u16) {
        if self.device.mtu != usize::from(mtu) {
            self.device.mtu = mtu.into();
            // The next numbers by chance are others.
            self.seed = self.seed.wrapping_add(1);
            self.interface = interface(self.address, self.seed, &mut self.device, self.now_ns);
        }
    }

    /// The largest datagram that one packet carries, in bytes.
    pub(crate) fn max_datagram(&self) -> usize {
        const HEADERS: usize = 28;
        self.device.mtu.saturating_sub(HEADERS)
    }

    /// A packet has come.
    pub(crate) fn receive(&mut self, packet: Vec<u8>) {
        if let Some(summary) = Summary::of(Link::Ip, &packet)
            && let Some(segment) = summary.tcp()
            && segment.flags.has(Flags::RST)
            && let Some(tcp) = self.tcp_between(summary.destination, summary.source)
        {
            tcp.had_reset = true;
        }
        self.device.received.push_back(packet);
    }

    /// Lets the stack work; whether anything came of it.
    pub(crate) fn poll(&mut self) -> bool {
        let now = instant(self.now_ns);
        self.nudge();
        let before = self.device.received.len();
        self.mind_patience();
        self.mind_addresses();
        self.interface.poll_maintenance(now);
        while !self.device.received.is_empty() {
            self.take_next(now);
        }
        // One round lets each socket send one packet.
        let mut changed = before > 0;
        while self
            .interface
            .poll_egress(now, &mut self.device, &mut self.sockets)
            != PollResult::None
        {
            changed = true;
            self.follow_sent();
        }
        self.mind_addresses();
        self.sample();
        self.mind_listeners();
        self.mind_orphans() || changed
    }

    /// When the stack or a program wants to work again.
    pub(crate) fn wakes_ns(&mut self) -> Option<u64> {
        /// What cannot be done now is tried again after so long.
        const AGAIN_NS: u64 = 1_000_000;
        let now = instant(self.now_ns);
        let stack = self.interface.poll_at(now, &self.sockets).map(|at| {
            let at_ns = u64::try_from(at.total_micros()).unwrap_or(0) * 1_000;
            match at > now {
                true => at_ns,
                false => self.now_ns + AGAIN_NS,
            }
        });
        let nudge = self.finds_stalled(stack);
        let alarm = self.alarms_ns.iter().min().copied();
        stack.into_iter().chain(alarm).chain(nudge).min()
    }

    /// Tells what a program did.
    pub(crate) fn tell(
        &mut self,
        connection: Option<ConnectionId>,
        action: Action,
        source: Option<Source>,
    ) {
        let by_task = self.tasks.current();
        self.told.push(Told {
            connection,
            action,
            by_task,
            source,
        });
    }

    fn add_tcp(&mut self, buffers: Buffers) -> SocketHandle {
        let receive = tcp::SocketBuffer::new(vec![0; buffers.receive]);
        let send = tcp::SocketBuffer::new(vec![0; buffers.send]);
        let mut socket = tcp::Socket::new(receive, send);
        socket.set_congestion_control(CongestionControl::Reno);
        socket.set_ack_delay(Some(ACK_DELAY));
        let handle = self.sockets.add(socket);
        self.tcp.push(Tcp {
            handle,
            is_spare: false,
            is_orphan: false,
            had_reset: false,
            between: None,
            connection: None,
            segments: Segments::default(),
            heard: None,
            is_stalled: false,
            nudges: 0,
            sampled: Sampled::default(),
        });
        handle
    }

    pub(crate) fn socket(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Accepts connections on a port from now on.
    pub(crate) fn listen(&mut self, port: u16) {
        self.listeners.push(Listener {
            port,
            receive_buffer: BUFFER_BYTES,
            has_listened: false,
            waiting: Vec::new(),
        });
        self.mind_listeners();
        self.sample();
    }

    /// Connections that come from now on have a buffer of this size.
    pub(crate) fn set_receive_buffer(&mut self, port: u16, bytes: usize) {
        let Some(listener) = self.listeners.iter_mut().find(|one| one.port == port) else {
            return;
        };
        listener.receive_buffer = bytes.clamp(1, BUFFER_BYTES);
        // The one that listens has none yet.
        if let Some(handle) = listener.waiting.pop() {
            listener.has_listened = false;
            self.remove(handle);
        }
        self.mind_listeners();
    }

    /// The next connection that is made, of those that came to this port.
    pub(crate) fn accept(&mut self, port: u16) -> Option<(SocketHandle, SocketAddr)> {
        let listener = self.listeners.iter_mut().find(|one| one.port == port)?;
        let sockets = &self.sockets;
        let place = listener.waiting.iter().position(|handle| {
            let state = sockets.get::<tcp::Socket<'_>>(*handle).state();
            !matches!(state, State::Listen | State::SynReceived | State::Closed)
        })?;
        let handle = listener.waiting.remove(place);
        let peer = self.socket(handle).remote_endpoint().map(address)?;
        Some((handle, peer))
    }

    /// Begins a connection to a port of the server.
    pub(crate) fn connect(&mut self, port: u16, local: u16, buffers: Buffers) -> SocketHandle {
        let handle = self.add_tcp(buffers);
        let server = IpEndpoint::new(IpAddress::Ipv4(SERVER), port);
        let socket = self.sockets.get_mut::<tcp::Socket<'_>>(handle);
        // Fails for the port 0 alone; then it is closed at once, which its client is told.
        let _ = socket.connect(self.interface.context(), server, local);
        self.sample();
        handle
    }

    /// A program closes its socket. What it did not read, or what still comes, is answered with
    /// RST (RFC 2525, 2.17).
    pub(crate) fn close(&mut self, handle: SocketHandle) {
        let has_unread = self.socket(handle).recv_queue() > 0;
        let socket = self.socket(handle);
        match has_unread {
            true => socket.abort(),
            false => socket.close(),
        }
        self.abandon(handle);
    }

    /// A program closes its socket with RST.
    pub(crate) fn reset(&mut self, handle: SocketHandle) {
        self.socket(handle).abort();
        self.abandon(handle);
    }

    fn abandon(&mut self, handle: SocketHandle) {
        if let Some(tcp) = self.tcp.iter_mut().find(|tcp| tcp.handle == handle) {
            tcp.is_orphan = true;
        }
        self.sample();
    }

    /// Why a connection is gone.
    pub(crate) fn failure(&self, handle: SocketHandle, operation: Operation) -> Failure {
        let had_reset = self
            .tcp
            .iter()
            .any(|tcp| tcp.handle == handle && tcp.had_reset);
        match (had_reset, operation) {
            (true, Operation::Connect) => Failure::Refused,
            (true, _) => Failure::Reset,
            (false, _) => Failure::TimedOut,
        }
    }

    /// A socket of UDP on a port.
    pub(crate) fn bind_udp(&mut self, port: u16) -> SocketHandle {
        let buffer = || {
            let metadata = vec![udp::PacketMetadata::EMPTY; DATAGRAMS];
            udp::PacketBuffer::new(metadata, vec![0; BUFFER_BYTES])
        };
        let mut socket = udp::Socket::new(buffer(), buffer());
        // Fails for the port 0 alone.
        let _ = socket.bind(port);
        self.sockets.add(socket)
    }

    /// Sends a datagram; whether there was room for it.
    pub(crate) fn send_udp(&mut self, handle: SocketHandle, peer: SocketAddr, data: &[u8]) -> bool {
        let SocketAddr::V4(peer) = peer else {
            return false;
        };
        let peer = IpEndpoint::new(IpAddress::Ipv4(*peer.ip()), peer.port());
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(handle);
        socket.send_slice(data, peer).is_ok()
    }

    /// The next datagram that came, and its sender.
    pub(crate) fn receive_udp(&mut self, handle: SocketHandle) -> Option<(Vec<u8>, SocketAddr)> {
        let socket = self.sockets.get_mut::<udp::Socket<'_>>(handle);
        let (data, metadata) = socket.recv().ok()?;
        Some((data.to_vec(), address(metadata.endpoint)))
    }

    /// Removes a socket of UDP.
    pub(crate) fn close_udp(&mut self, handle: SocketHandle) {
        self.sockets.remove(handle);
    }

    /// Whether a socket of TCP is asked to keep its connection alive.
    pub(crate) fn set_keep_alive(&mut self, handle: SocketHandle, is_on: bool) {
        self.socket(handle)
            .set_keep_alive(is_on.then_some(KEEP_ALIVE));
    }

    fn remove(&mut self, handle: SocketHandle) {
        self.tcp.retain(|tcp| tcp.handle != handle);
        self.sockets.remove(handle);
    }
}

fn interface(address: Ipv4Addr, seed: u64, device: &mut Device, now_ns: u64) -> Interface {
    let mut config = Config::new(HardwareAddress::Ip);
    config.random_seed = seed;
    let mut interface = Interface::new(config, device, instant(now_ns));
    interface.update_ip_addrs(|addresses| {
        // There is room for two.
        let _ = addresses.push(IpCidr::new(IpAddress::Ipv4(address), 24));
    });
    interface
}

fn instant(ns: u64) -> Instant {
    Instant::from_micros(i64::try_from(ns / 1_000).unwrap_or(i64::MAX))
}

/// In the words of the standard library.
pub(crate) fn address(endpoint: IpEndpoint) -> SocketAddr {
    let IpAddress::Ipv4(address) = endpoint.addr;
    SocketAddrV4::new(address, endpoint.port).into()
}

/// The conversation of the client with this port.
pub(crate) fn connection_of(port: u16) -> Option<ConnectionId> {
    let place = port.checked_sub(FIRST_PORT)?;
    Some(ConnectionId(u64::from(place) + 1))
}
