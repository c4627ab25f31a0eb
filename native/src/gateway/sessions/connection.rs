//! One client socket of a session, in a task of its own.

mod bounds;
mod stream;
mod tcp;
mod udp;
#[cfg(unix)]
mod unix;
mod writes;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, SockRef, Type};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use wire::event::{Failure, SocketOption};
use wire::session::{Adjustment, Asked, Refused, RelaySettings, Transport};
use wire::{Action, Address, ConnectionId, End, Event, Operation, ToPage};

use crate::gateway::lessons::Lesson;
use crate::gateway::limits::{Limits, MAX_OPTIONS_AT_ONCE};
use crate::gateway::queue::Queue;
use crate::gateway::router::Expected;
use crate::lessons::ClientProgram;
use crate::network::Settings;
use crate::tap::{Clock, Conversation, Sink, options};

/// What is asked of a connection.
pub(super) enum Command {
    Send(Vec<u8>),
    ShutDown,
    Close,
    Reset,
    Adjust(Adjustment),
}

/// Why a command was not taken.
pub(super) enum Unsent {
    Closed,
    Full,
    Impossible(String),
}

/// The session's hold on a connection: dropping it closes the connection.
pub(super) struct Connection {
    kind: bounds::Kind,
    commands: mpsc::Sender<Held>,
    places: Arc<Semaphore>,
    held_bytes: Arc<Semaphore>,
    session_held_bytes: Arc<Semaphore>,
}

/// A command on its way, and the room it takes.
struct Held {
    command: Command,
    _place: Option<OwnedSemaphorePermit>,
    _room: Option<[OwnedSemaphorePermit; 2]>,
}

/// So often may a page ask to end a connection that is as full as it can be: it has to get through.
const FAREWELLS: usize = 4;

impl Connection {
    /// A connection from `socket`, and the task that is its life.
    pub(super) fn new(
        socket: Socket,
        clock: Clock,
        queue: Arc<Queue>,
        session_held_bytes: Arc<Semaphore>,
        limits: Arc<Limits>,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (sender, commands) = mpsc::channel(limits.held_commands + FAREWELLS);
        let connection = Self {
            kind: bounds::Kind {
                transport: socket.transport(),
                has_relay: socket.relay.is_some(),
                is_program: socket.client.is_some(),
            },
            commands: sender,
            places: Arc::new(Semaphore::new(limits.held_commands)),
            held_bytes: Arc::new(Semaphore::new(limits.held_bytes_per_connection)),
            session_held_bytes,
        };
        let task = Task {
            peer: socket.peer,
            id: socket.id,
            sink: socket.sink,
            clock,
            queue,
            commands,
            limits,
            relay: socket.relay,
            client: socket.client,
            transport: connection.kind.transport,
            options: socket.options,
        };
        let (kind, expected) = (socket.kind, socket.expected);
        let life = async move {
            match kind {
                Kind::Tcp(socket) => tcp::live(socket, expected, task).await,
                #[cfg(unix)]
                Kind::Unix(socket) => unix::live(socket, expected, task).await,
                Kind::Udp(socket) => udp::live(socket, expected, task).await,
            }
        };
        (connection, life)
    }

    /// Whether its task still takes commands.
    pub(super) fn is_open(&self) -> bool {
        !self.commands.is_closed()
    }

    /// Hands a command over, without waiting.
    pub(super) fn pass(&self, command: Command) -> Result<(), Unsent> {
        bounds::check(self.kind, &command).map_err(Unsent::Impossible)?;
        let (place, room) = match &command {
            Command::Close | Command::Reset => (None, None),
            Command::Send(bytes) => (
                Some(take(&self.places, 1)?),
                Some(self.room_for(bytes.len())?),
            ),
            _ => (Some(take(&self.places, 1)?), None),
        };
        let held = Held {
            command,
            _place: place,
            _room: room,
        };
        self.commands.try_send(held).map_err(|error| match error {
            TrySendError::Full(_) => Unsent::Full,
            TrySendError::Closed(_) => Unsent::Closed,
        })
    }

    fn room_for(&self, byte_count: usize) -> Result<[OwnedSemaphorePermit; 2], Unsent> {
        let byte_count = u32::try_from(byte_count).map_err(|_| Unsent::Full)?;
        Ok([
            take(&self.held_bytes, byte_count)?,
            take(&self.session_held_bytes, byte_count)?,
        ])
    }
}

fn take(semaphore: &Arc<Semaphore>, count: u32) -> Result<OwnedSemaphorePermit, Unsent> {
    Arc::clone(semaphore)
        .try_acquire_many_owned(count)
        .map_err(|_| Unsent::Full)
}

/// A bound socket whose address the lesson's router knows, so that the server's end of the
/// conversation finds this session.
pub(super) struct Socket {
    kind: Kind,
    peer: Address,
    id: ConnectionId,
    sink: Arc<dyn Sink>,
    expected: Expected,
    options: Vec<Action>,
    relay: Option<AtRelay>,
    client: Option<ClientProgram>,
}

/// This client's place at a relay: it is forgotten with the socket.
struct AtRelay {
    settings: Settings,
    local: SocketAddr,
}

impl AtRelay {
    /// The page has asked for nothing yet, so the relay does nothing to what it sends.
    fn new(settings: Settings, local: SocketAddr) -> Self {
        settings.set(local, RelaySettings::default());
        Self { settings, local }
    }
}

impl Drop for AtRelay {
    fn drop(&mut self) {
        self.settings.forget(self.local);
    }
}

enum Kind {
    Tcp(tokio::net::TcpSocket),
    #[cfg(unix)]
    Unix(unix::NamedSocket),
    Udp(std::net::UdpSocket),
}

impl Socket {
    /// A socket with these options. What the kernel makes of them is observed when it connects.
    pub(super) fn bind(
        lesson: &Lesson,
        id: ConnectionId,
        queue: &Arc<Queue>,
        options: &[(SocketOption, i64)],
    ) -> io::Result<Self> {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let set_all = |socket: SockRef<'_>| {
            let set = |(option, value): &(_, _)| set_option(&socket, *option, *value);
            options.iter().map(set).collect()
        };
        let (kind, local, options) = match lesson.server.transport {
            Transport::Tcp => {
                let socket = tokio::net::TcpSocket::new_v4()?;
                let options = set_all(SockRef::from(&socket));
                socket.bind(any_port)?;
                let local = socket.local_addr()?.into();
                (Kind::Tcp(socket), local, options)
            }
            #[cfg(unix)]
            Transport::Unix => {
                let socket = tokio::net::UnixSocket::new_stream()?;
                let options = set_all(SockRef::from(&socket));
                let server = &lesson.server.address;
                let (socket, local) = unix::NamedSocket::bind(socket, server, id)?;
                (Kind::Unix(socket), local, options)
            }
            #[cfg(not(unix))]
            Transport::Unix => return Err(io::ErrorKind::Unsupported.into()),
            Transport::Udp => {
                let socket = socket2::Socket::new(Domain::IPV4, Type::DGRAM, None)?;
                let options = set_all(SockRef::from(&socket));
                socket.bind(&any_port.into())?;
                socket.set_nonblocking(true)?;
                let socket = std::net::UdpSocket::from(socket);
                let local = socket.local_addr()?.into();
                (Kind::Udp(socket), local, options)
            }
        };
        Ok(Self {
            kind,
            peer: lesson.server.address.clone(),
            id,
            sink: lesson.router.session_sink(queue),
            expected: lesson.router.expect(&local, id, queue),
            relay: (lesson.relay.clone())
                .zip(local.ip())
                .map(|(settings, local)| AtRelay::new(settings, local)),
            client: lesson.client,
            options,
        })
    }

    fn transport(&self) -> Transport {
        match self.kind {
            Kind::Tcp(_) => Transport::Tcp,
            #[cfg(unix)]
            Kind::Unix(_) => Transport::Unix,
            Kind::Udp(_) => Transport::Udp,
        }
    }
}

/// Whether a socket of this transport can have all these options.
pub(super) fn check_options(
    transport: Transport,
    options: &[(SocketOption, i64)],
) -> Result<(), String> {
    if options.len() > MAX_OPTIONS_AT_ONCE {
        return Err(format!(
            "A socket can get {MAX_OPTIONS_AT_ONCE} options at once."
        ));
    }
    options
        .iter()
        .try_for_each(|(option, value)| bounds::check_option(transport, *option, *value))
}

/// Sets an option of a socket that nobody watches yet.
fn set_option(socket: &SockRef<'_>, option: SocketOption, asked: i64) -> Action {
    let set = options::set(socket, option, asked);
    match set.and_then(|()| options::get(socket, option)) {
        Ok(value) => Action::Option {
            option,
            asked: Some(asked),
            value,
        },
        Err(error) => Action::Error {
            operation: Operation::SetOption,
            kind: Failure::Other,
            message: error.to_string(),
        },
    }
}

/// What the task of a connection has beside its socket.
struct Task {
    transport: Transport,
    /// What came of the options that its socket got first, until that is recorded.
    options: Vec<Action>,
    peer: Address,
    id: ConnectionId,
    sink: Arc<dyn Sink>,
    clock: Clock,
    queue: Arc<Queue>,
    commands: mpsc::Receiver<Held>,
    limits: Arc<Limits>,
    relay: Option<AtRelay>,
    client: Option<ClientProgram>,
}

impl Task {
    fn conversation(&self) -> Conversation {
        Conversation {
            id: self.id,
            sink: Arc::clone(&self.sink),
        }
    }

    /// Records what the gateway observed itself, without a watched socket.
    fn record(&self, action: Action) {
        let stamp = self.clock.stamp();
        self.sink.record(Event {
            sequence: stamp.sequence,
            time_ns: stamp.time_ns,
            connection: Some(self.id),
            end: End::Client,
            action,
            worker: None,
            source: None,
        });
    }

    /// From now on the relay does this to the client's datagrams.
    fn set_relay(&self, settings: RelaySettings) {
        if let Some(AtRelay {
            settings: of,
            local,
        }) = &self.relay
        {
            of.set(*local, settings);
        }
    }

    /// Records what came of the options that the socket got first.
    fn record_options(&mut self) {
        for action in std::mem::take(&mut self.options) {
            self.record(action);
        }
    }

    /// Records that the client gave up.
    fn record_timeout(&self, operation: Operation, what: &str, after: Duration) {
        self.record(Action::Error {
            operation,
            kind: Failure::TimedOut,
            message: format!("{what} after {} ms", after.as_millis()),
        });
    }

    fn tell_idle(&self) {
        let time = in_words(self.limits.idle_connection);
        self.queue.push_answer(ToPage::Refused(Refused {
            what: Asked::Connection(self.id),
            why: format!(
                "Connection {} was closed: nothing moved on it for {time}.",
                self.id
            ),
        }));
    }
}

/// The time that nothing moved.
fn in_words(time: Duration) -> String {
    match time.as_secs() {
        secs if secs >= 120 && secs % 60 == 0 => format!("{} minutes", secs / 60),
        secs if secs >= 2 => format!("{secs} seconds"),
        _ => format!("{} ms", time.as_millis()),
    }
}

fn later(duration: Duration) -> tokio::time::Instant {
    tokio::time::Instant::now() + duration
}

/// Waits until then; for ever if there is no such time.
async fn at(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
