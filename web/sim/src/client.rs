//! A client of the reader's: it reads all the time, unless it is told not to, and does what it is
//! told.

use std::collections::VecDeque;
use std::net::SocketAddr;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{RecvError, State};
use wire::event::{Failure, MAX_EVENT_BYTES, SocketOption};
use wire::session::{Adjustment, Transport};
use wire::{Action, Address, ConnectionId, Operation};

use crate::host::{Buffers, CLIENT, Host};
use crate::link::MS;
use crate::net::{failed, tell_transfer};

/// How much a client may have waiting to be sent, in bytes.
const MAX_WAITING_BYTES: usize = 1 << 20;

/// How long a connection that is being made is waited for once it is to be closed.
const GIVE_UP_NS: u64 = 3_000 * MS;

/// One client, with one socket.
pub(crate) struct Client {
    id: ConnectionId,
    transport: Transport,
    handle: SocketHandle,
    local: SocketAddr,
    peer: SocketAddr,
    phase: Phase,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    closing: Option<Closing>,
    reads: bool,
    has_ended: bool,
    /// Whether it was told that it waits to write.
    waits: bool,
    resets_at_close: bool,
    /// How long it waits for an answer, and since when.
    patience_ns: Option<u64>,
    asked_ns: Option<u64>,
    gives_up_ns: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connecting,
    Open,
    Gone,
}

enum Waiting {
    Bytes(VecDeque<u8>),
    ShutDown,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Closing {
    Close,
    Reset,
}

/// What a client is told.
pub(crate) enum Command {
    Send(Vec<u8>),
    ShutDown,
    Close,
    Reset,
    Adjust(Adjustment),
}

impl Client {
    /// Opens a socket: for TCP, begins to connect.
    pub(crate) fn open(
        host: &mut Host,
        id: ConnectionId,
        transport: Transport,
        local_port: u16,
        peer: SocketAddr,
        options: &[(SocketOption, i64)],
    ) -> Self {
        let mut buffers = Buffers::default();
        for (option, value) in options {
            let bytes = usize::try_from(*value)
                .unwrap_or(1)
                .clamp(1, crate::host::BUFFER_BYTES);
            match option {
                SocketOption::ReceiveBuffer => buffers.receive = bytes,
                SocketOption::SendBuffer => buffers.send = bytes,
                _ => {}
            }
        }
        let is_stream = transport.is_stream();
        let handle = match is_stream {
            true => host.connect(peer.port(), local_port, buffers),
            false => host.bind_udp(local_port),
        };
        let mut client = Self {
            id,
            transport,
            handle,
            local: (CLIENT, local_port).into(),
            peer,
            phase: if is_stream {
                Phase::Connecting
            } else {
                Phase::Open
            },
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            closing: None,
            reads: true,
            has_ended: false,
            waits: false,
            resets_at_close: false,
            patience_ns: None,
            asked_ns: None,
            gives_up_ns: None,
        };
        for (option, value) in options {
            client.set_option(host, *option, *value);
        }
        if is_stream {
            let operation = Operation::Connect;
            host.tell(Some(id), Action::Wait { operation }, None);
        }
        client
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    /// Whether it has nothing any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.phase == Phase::Gone
    }

    /// Does what it is told, or takes note of it.
    ///
    /// # Errors
    ///
    /// A sentence for the reader.
    pub(crate) fn obey(&mut self, host: &mut Host, command: Command) -> Result<(), String> {
        if self.closing.is_some() {
            return Err(format!("Connection {} is being closed.", self.id));
        }
        match command {
            Command::Send(bytes) => {
                if self.waiting_bytes + bytes.len() > MAX_WAITING_BYTES {
                    return Err(format!(
                        "Connection {} has too much waiting that the server does not read.",
                        self.id
                    ));
                }
                self.waiting_bytes += bytes.len();
                self.waiting.push_back(Waiting::Bytes(bytes.into()));
            }
            Command::ShutDown if self.transport.is_stream() => {
                self.waiting.push_back(Waiting::ShutDown);
            }
            Command::ShutDown => return Err("Datagrams have no end to send.".to_owned()),
            Command::Close => self.closing = Some(Closing::Close),
            Command::Reset => self.closing = Some(Closing::Reset),
            Command::Adjust(adjustment) => self.adjust(host, adjustment)?,
        }
        if self.closing.is_some() && self.phase == Phase::Connecting {
            let gives_up_ns = host.now_ns + GIVE_UP_NS;
            self.gives_up_ns = Some(gives_up_ns);
            host.alarms_ns.push(gives_up_ns);
        }
        Ok(())
    }

    fn adjust(&mut self, host: &mut Host, adjustment: Adjustment) -> Result<(), String> {
        match adjustment {
            Adjustment::Option(option, value) => {
                let is_size = matches!(
                    option,
                    SocketOption::ReceiveBuffer | SocketOption::SendBuffer
                );
                if is_size {
                    return Err(
                        "A simulated socket gets its buffers before it connects.".to_owned()
                    );
                }
                self.set_option(host, option, value);
            }
            Adjustment::Reading(reads) => self.reads = reads,
            Adjustment::Deadline(ms) => {
                self.patience_ns = ms.map(|ms| u64::from(ms) * MS);
                self.asked_ns = Some(host.now_ns);
                self.alarm(host);
            }
            Adjustment::Slicer(None) => {}
            Adjustment::Slicer(Some(_)) | Adjustment::Relay(_) => {
                return Err("The simulated network has no such thing.".to_owned());
            }
        }
        Ok(())
    }

    fn set_option(&mut self, host: &mut Host, option: SocketOption, value: i64) {
        let mut set = value;
        if self.transport.is_stream() {
            match option {
                SocketOption::NoDelay => {
                    host.socket(self.handle).set_nagle_enabled(value == 0);
                    set = (value != 0).into();
                }
                SocketOption::KeepAlive => {
                    host.set_keep_alive(self.handle, value != 0);
                    set = (value != 0).into();
                }
                SocketOption::Linger => self.resets_at_close = value == 0,
                SocketOption::ReceiveBuffer => set = size(host.socket(self.handle).recv_capacity()),
                SocketOption::SendBuffer => set = size(host.socket(self.handle).send_capacity()),
                SocketOption::ReuseAddress => {}
            }
        }
        let action = Action::Option {
            option,
            asked: Some(value),
            value: set,
        };
        host.tell(Some(self.id), action, None);
    }

    /// Does what can be done now.
    pub(crate) fn attend(&mut self, host: &mut Host) {
        match self.transport {
            Transport::Udp => self.attend_datagrams(host),
            _ => self.attend_stream(host),
        }
    }

    fn attend_stream(&mut self, host: &mut Host) {
        if self.phase == Phase::Connecting {
            self.attend_connecting(host);
        }
        if self.phase != Phase::Open {
            return;
        }
        // What came in before can still be read; a program reads before it writes.
        self.read(host);
        if self.phase == Phase::Open {
            self.write(host);
        }
        if self.phase != Phase::Open {
            return;
        }
        if self.waiting.is_empty()
            && let Some(closing) = self.closing
        {
            return self.close(host, closing);
        }
        if let Some(since_ns) = self.asked_ns
            && let Some(patience_ns) = self.patience_ns
            && host.now_ns >= since_ns + patience_ns
            && self.closing.is_none()
        {
            self.fail(host, Operation::Read, Failure::TimedOut);
        }
    }

    fn attend_connecting(&mut self, host: &mut Host) {
        match host.socket(self.handle).state() {
            State::SynSent | State::SynReceived => {
                if self.gives_up_ns.is_some_and(|at_ns| host.now_ns >= at_ns) {
                    let operation = Operation::Connect;
                    host.tell(Some(self.id), Action::Cancel { operation }, None);
                    self.close(host, Closing::Close);
                }
            }
            State::Closed => {
                let kind = host.failure(self.handle, Operation::Connect);
                host.tell(Some(self.id), failed(Operation::Connect, kind), None);
                host.close(self.handle);
                self.phase = Phase::Gone;
            }
            _ => {
                let connect = Action::Connect {
                    local: Address::Ip(self.local),
                    peer: Address::Ip(self.peer),
                };
                host.tell(Some(self.id), connect, None);
                self.phase = Phase::Open;
                self.asked_ns = Some(host.now_ns);
                self.alarm(host);
            }
        }
    }

    fn write(&mut self, host: &mut Host) {
        while let Some(first) = self.waiting.front_mut() {
            let bytes = match first {
                Waiting::Bytes(bytes) => bytes,
                Waiting::ShutDown => {
                    host.socket(self.handle).close();
                    host.tell(Some(self.id), Action::ShutDown, None);
                    self.waiting.pop_front();
                    continue;
                }
            };
            let offered = bytes.make_contiguous();
            match host.socket(self.handle).send_slice(offered) {
                Ok(0) if !offered.is_empty() => {
                    if !std::mem::replace(&mut self.waits, true) {
                        let operation = Operation::Write;
                        host.tell(Some(self.id), Action::Wait { operation }, None);
                    }
                    return;
                }
                Ok(taken) => {
                    let written: Vec<u8> = bytes.drain(..taken).collect();
                    let is_done = bytes.is_empty();
                    self.waits = false;
                    self.waiting_bytes -= taken;
                    tell_transfer(host, Some(self.id), None, &written, Action::Write);
                    self.asked_ns = Some(host.now_ns);
                    self.alarm(host);
                    if is_done {
                        self.waiting.pop_front();
                    }
                }
                Err(_) => {
                    let kind = Failure::BrokenPipe;
                    host.tell(Some(self.id), failed(Operation::Write, kind), None);
                    self.waiting_bytes -= bytes.len();
                    self.waiting.pop_front();
                }
            }
        }
    }

    fn read(&mut self, host: &mut Host) {
        while self.reads && !self.has_ended {
            let mut buffer = [0; MAX_EVENT_BYTES];
            match host.socket(self.handle).recv_slice(&mut buffer) {
                Ok(0) => return,
                Ok(length) => {
                    let read = &buffer[..length];
                    tell_transfer(host, Some(self.id), None, read, Action::Read);
                    self.asked_ns = None;
                }
                Err(RecvError::Finished) => {
                    self.has_ended = true;
                    self.asked_ns = None;
                    host.tell(Some(self.id), Action::EndOfStream, None);
                }
                Err(RecvError::InvalidState) => {
                    let kind = host.failure(self.handle, Operation::Read);
                    self.fail(host, Operation::Read, kind);
                    return;
                }
            }
        }
    }

    fn attend_datagrams(&mut self, host: &mut Host) {
        while let Some(Waiting::Bytes(bytes)) = self.waiting.front_mut() {
            let bytes: &[u8] = bytes.make_contiguous();
            if bytes.len() > host.max_datagram() {
                let failed = failed(Operation::Send, Failure::TooLong);
                host.tell(Some(self.id), failed, None);
            } else if host.send_udp(self.handle, self.peer, bytes) {
                let peer = self.peer;
                tell_transfer(host, Some(self.id), None, bytes, |data| {
                    let peer = Address::Ip(peer);
                    Action::Send { peer, data }
                });
            } else {
                return;
            }
            self.waiting_bytes -= bytes.len();
            self.waiting.pop_front();
        }
        while self.reads
            && let Some((data, peer)) = host.receive_udp(self.handle)
        {
            tell_transfer(host, Some(self.id), None, &data, |data| {
                let peer = Address::Ip(peer);
                Action::Receive { peer, data }
            });
        }
        if self.closing.is_some() {
            host.tell(Some(self.id), Action::Close, None);
            host.close_udp(self.handle);
            self.phase = Phase::Gone;
        }
    }

    /// A call failed, and a program would give up.
    fn fail(&mut self, host: &mut Host, operation: Operation, kind: Failure) {
        host.tell(Some(self.id), failed(operation, kind), None);
        self.close(host, Closing::Close);
    }

    fn close(&mut self, host: &mut Host, closing: Closing) {
        if closing == Closing::Reset || self.resets_at_close {
            host.tell(Some(self.id), Action::Reset, None);
            host.reset(self.handle);
        } else {
            host.tell(Some(self.id), Action::Close, None);
            host.close(self.handle);
        }
        self.phase = Phase::Gone;
    }

    /// It wants to run when its patience ends.
    fn alarm(&self, host: &mut Host) {
        if let (Some(since_ns), Some(patience_ns)) = (self.asked_ns, self.patience_ns) {
            host.alarms_ns.push(since_ns + patience_ns);
        }
    }
}

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
