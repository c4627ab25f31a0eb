//! What a page asks, and the connections it has.

use std::collections::HashMap;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;

use futures_util::stream::{SplitStream, StreamExt as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use wire::event::SocketOption;
use wire::session::{Asked, Refused, close};
use wire::{ConnectionId, ToGateway, ToPage};

use super::alarm::Alarm;
use super::connection::{self, Command, Connection, Unsent};
use super::meter::Meter;
use super::pace::Pace;
use super::{Ending, Socket, ending_of};
use crate::capture::Looker;
use crate::descriptors;
use crate::gateway::Shared;
use crate::gateway::limits::MAX_WAITING_BYTES_IN_PASSING;
use crate::gateway::queue::Queue;

/// The asking side of a session. Dropping it closes its connections.
pub(super) struct Commands {
    session: u64,
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    pace: Pace,
    connections: HashMap<ConnectionId, Connection>,
    tasks: JoinSet<ConnectionId>,
    /// The lessons whose packets it looks at.
    lookers: HashMap<String, Looker>,
    /// How many more bytes may wait for servers that do not take them.
    held_bytes: Arc<Semaphore>,
}

impl Commands {
    pub(super) fn new(shared: Arc<Shared>, queue: Arc<Queue>) -> Self {
        Self {
            session: shared.ids.next(),
            queue,
            pace: Pace::new(&shared.limits),
            connections: HashMap::new(),
            lookers: HashMap::new(),
            tasks: JoinSet::new(),
            held_bytes: Arc::new(Semaphore::new(shared.limits.held_bytes_per_session)),
            shared,
        }
    }

    /// Does what the page asks, beginning with `first`, until it leaves or breaks a rule.
    pub(super) async fn follow(
        &mut self,
        first: Vec<ToGateway>,
        stream: &mut SplitStream<&mut Socket>,
        meter: &Meter,
    ) -> Ending {
        let mut messages = first;
        let mut alarm = pin!(Alarm::at(Instant::now() + self.shared.limits.dead));
        loop {
            meter.begin_anew();
            for message in messages {
                self.pace.step().await;
                if self.waiting_bytes() > MAX_WAITING_BYTES_IN_PASSING {
                    // First its connections write some of it: what that causes soon tells whether
                    // the page takes what is said to it.
                    tokio::task::yield_now().await;
                }
                // A page that does not take its answers is not asked for more questions.
                self.queue.room().await;
                if let Err(ending) = self.obey(message).await {
                    return ending;
                }
            }
            messages = match self.next(stream, alarm.as_mut()).await {
                None | Some(Ok(Message::Close(_))) => return Ending::Left,
                Some(Err(error)) => return ending_of(&error),
                Some(Ok(Message::Binary(frame))) => match ToGateway::decode(&frame) {
                    Ok(messages) => messages,
                    Err(_) => {
                        return Ending::Closed(close::MALFORMED, "a message was not understood");
                    }
                },
                Some(Ok(Message::Text(_))) => {
                    return Ending::Closed(
                        CloseCode::Unsupported.into(),
                        "messages are binary frames",
                    );
                }
                // Tungstenite answers pings; a flood of them is paced like everything else.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {
                    self.pace.step().await;
                    Vec::new()
                }
            };
        }
    }

    /// The next frame; nothing when the page is gone.
    async fn next(
        &self,
        stream: &mut SplitStream<&mut Socket>,
        mut alarm: Pin<&mut Alarm>,
    ) -> Option<Result<Message, Error>> {
        loop {
            let began = self.shared.pulse.now();
            alarm.as_mut().set(Instant::now() + self.shared.limits.dead);
            tokio::select! {
                biased;
                heard = stream.next() => return heard,
                () = alarm.as_mut().rings() => {
                    if !self.shared.pulse.has_stood_still_since(began) {
                        return None;
                    }
                }
            }
        }
    }

    /// What waits for servers.
    fn waiting_bytes(&self) -> usize {
        let limit = self.shared.limits.held_bytes_per_session;
        limit.saturating_sub(self.held_bytes.available_permits())
    }

    async fn obey(&mut self, message: ToGateway) -> Result<(), Ending> {
        match message {
            ToGateway::Hello { .. } => {
                return Err(Ending::Closed(close::MALFORMED, "a session has one hello"));
            }
            ToGateway::Watch { lesson } => match self.shared.lessons.running(&lesson) {
                Ok(lesson) => lesson.router.watch(self.session, &self.queue),
                Err(why) => self.refuse(Asked::Watch, why),
            },
            ToGateway::Open {
                request,
                lesson,
                options,
            } => {
                if let Err(why) = self.open(request, &lesson, &options) {
                    self.refuse(Asked::Open(request), why);
                }
            }
            ToGateway::Send { connection, bytes } => self.pass(connection, Command::Send(bytes)),
            ToGateway::ShutDown { connection } => self.pass(connection, Command::ShutDown),
            ToGateway::Close { connection } => self.pass(connection, Command::Close),
            ToGateway::Reset { connection } => self.pass(connection, Command::Reset),
            ToGateway::Adjust {
                connection,
                adjustment,
            } => self.pass(connection, Command::Adjust(adjustment)),
            ToGateway::Look {
                lesson,
                packets,
                kernel,
            } => {
                if let Err(why) = self.look(&lesson, packets, kernel).await {
                    self.refuse(Asked::Watch, why);
                }
            }
            ToGateway::Network(_)
            | ToGateway::Meddle { .. }
            | ToGateway::Trap(_)
            | ToGateway::Time(_) => self.refuse(
                Asked::Anything,
                "Only a simulated network can be changed: this lab's is real.".to_owned(),
            ),
            ToGateway::Ping { nonce } => self.queue.push_answer(ToPage::Pong { nonce }),
        }
        Ok(())
    }

    /// Lets this session see more of a lesson, or no more. What it asks after that is done after
    /// that: the first packet of a connection that it opens next is seen.
    async fn look(&mut self, lesson: &str, packets: bool, kernel: bool) -> Result<(), String> {
        let router = &self.shared.lessons.running(lesson)?.router;
        router.look_at_kernel(self.session, kernel.then_some(&self.queue));
        if !packets {
            router.look_at_packets(self.session, None);
            self.lookers.remove(lesson);
        } else if !self.lookers.contains_key(lesson) {
            let looker = self.shared.packets.look().await?;
            self.lookers.insert(lesson.to_owned(), looker);
            router.look_at_packets(self.session, Some(&self.queue));
        }
        Ok(())
    }

    fn open(
        &mut self,
        request: u32,
        lesson: &str,
        options: &[(SocketOption, i64)],
    ) -> Result<(), String> {
        self.forget_ended();
        let lesson = self.shared.lessons.running(lesson)?;
        let most = self.shared.limits.connections_per_session;
        if self.connections.len() >= most {
            return Err(format!(
                "A page can have {most} connections at once: close some."
            ));
        }
        let is_full = lesson.server.transport.is_stream()
            && self.shared.connection_permits.available_permits() == 0;
        let permit = Arc::clone(&self.shared.client_permits).try_acquire_owned();
        let (false, Ok(permit)) = (is_full, permit) else {
            return Err(format!(
                "The lessons have the {} connections that they take in all: close some.",
                self.shared.limits.connections
            ));
        };
        connection::check_options(lesson.server.transport, options)?;
        let id = ConnectionId(self.shared.ids.next());
        let socket = connection::Socket::bind(lesson, id, &self.queue, options)
            .map_err(|error| no_socket(&error))?;
        self.queue.push_answer(ToPage::Opened {
            request,
            connection: id,
        });
        let (connection, task) = Connection::new(
            socket,
            self.shared.clock.clone(),
            Arc::clone(&self.queue),
            Arc::clone(&self.held_bytes),
            Arc::clone(&self.shared.limits),
        );
        self.connections.insert(id, connection);
        self.tasks.spawn(async move {
            task.await;
            drop(permit);
            id
        });
        Ok(())
    }

    fn pass(&mut self, id: ConnectionId, command: Command) {
        let unsent = match self.connections.get(&id) {
            Some(connection) => connection.pass(command).err(),
            None => Some(Unsent::Closed),
        };
        let why = match unsent {
            None => return,
            Some(Unsent::Closed) => {
                // Another session's connection gets the same words: whether it exists is not told.
                format!("Connection {id} is not open: it has ended. Connect anew.")
            }
            Some(Unsent::Impossible(why)) => why,
            Some(Unsent::Full) => format!(
                "Connection {id} has too much waiting that the server does not read. \
                 Let it read, or close the connection."
            ),
        };
        self.refuse(Asked::Connection(id), why);
    }

    fn refuse(&self, what: Asked, why: String) {
        self.queue
            .push_answer(ToPage::Refused(Refused { what, why }));
    }

    fn forget_ended(&mut self) {
        while let Some(ended) = self.tasks.try_join_next() {
            match ended {
                Ok(id) => _ = self.connections.remove(&id),
                Err(error) => tracing::error!(%error, "a connection's task failed"),
            }
        }
        self.connections
            .retain(|_, connection| connection.is_open());
    }
}

fn no_socket(error: &io::Error) -> String {
    if descriptors::are_exhausted(error) {
        descriptors::tell();
        return format!("No connection: {}.", descriptors::ADVICE);
    }
    format!("The system gave no socket: {error}.")
}

impl Drop for Commands {
    fn drop(&mut self) {
        self.shared.lessons.unwatch(self.session);
        self.queue.close();
    }
}
