//! What a page does, over a real WebSocket, in a few verbs.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use wire::session::{Asked, Refused, SUBPROTOCOL, Stats, VERSION, Welcome};
use wire::{ConnectionId, Event, SocketOption, ToGateway, ToPage};

use crate::gateway::PATIENCE;

mod play;
mod rest;

pub(crate) use play::{
    Client, Clients, adjustment, choices, last_sequence, part, rests_after, stuck,
};
pub use play::{Pace, Played, Stuck};

/// A page's session. Every wait has a limit and fails with what was observed so far.
pub struct Session {
    socket: WebSocketStream<TcpStream>,
    welcome: Welcome,
    began: Instant,
    events: Vec<Event>,
    lost: u64,
    lost_packets: u64,
    refused: Vec<Refused>,
    opened: Vec<(u32, ConnectionId)>,
    pongs: Vec<u32>,
    stats: Vec<Stats>,
    next_request: u32,
}

/// Opens a WebSocket as the gateway's own page does, and says nothing.
pub async fn connect(address: SocketAddr) -> Result<WebSocketStream<TcpStream>> {
    let socket = TcpSocket::new_v4()?;
    // Little, so that a page that does not read is felt soon.
    socket.set_recv_buffer_size(64 * 1024)?;
    let stream = socket.connect(address).await?;
    let (socket, _) = tokio_tungstenite::client_async(handshake(address)?, stream).await?;
    Ok(socket)
}

/// What the gateway's own page asks for first.
pub fn handshake(address: SocketAddr) -> Result<Request> {
    let mut request = format!("ws://{address}/session").into_client_request()?;
    let headers = request.headers_mut();
    headers.insert("Origin", format!("http://{address}").parse()?);
    headers.insert("Sec-WebSocket-Protocol", SUBPROTOCOL.parse()?);
    Ok(request)
}

/// Reads until the other side closes; the code it gave, `None` if it went without one.
pub async fn close_code(socket: &mut WebSocketStream<TcpStream>) -> Result<Option<u16>> {
    let closing = async {
        loop {
            match socket.next().await {
                Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    };
    tokio::time::timeout(PATIENCE, closing)
        .await
        .context("the socket was not closed")
}

impl Session {
    /// Connects and says hello with this token.
    pub async fn begin(address: SocketAddr, token: &str) -> Result<Self> {
        let mut socket = connect(address).await?;
        let hello = ToGateway::Hello {
            version: VERSION,
            token: token.to_owned(),
        };
        say(&mut socket, &[hello]).await?;
        let first = tokio::time::timeout(PATIENCE, socket.next())
            .await
            .context("no welcome came")?;
        let frame = match first {
            Some(Ok(Message::Binary(frame))) => frame,
            other => bail!("expected a welcome, got {other:?}"),
        };
        let mut messages = ToPage::decode(&frame)?.into_iter();
        let Some(ToPage::Welcome(welcome)) = messages.next() else {
            bail!("the first message was no welcome");
        };
        let mut session = Self {
            socket,
            welcome,
            began: Instant::now(),
            events: Vec::new(),
            lost: 0,
            lost_packets: 0,
            refused: Vec::new(),
            opened: Vec::new(),
            pongs: Vec::new(),
            stats: Vec::new(),
            next_request: 1,
        };
        messages.for_each(|message| session.take(message));
        Ok(session)
    }

    /// What the gateway said first.
    pub fn welcome(&self) -> &Welcome {
        &self.welcome
    }

    /// Every event so far, in the order of their arrival.
    pub fn observed(&self) -> &[Event] {
        &self.events
    }

    /// Every event so far, in the order of their sequence.
    pub fn events(&self) -> Vec<Event> {
        let mut events = self.events.clone();
        events.sort_by_key(|event| event.sequence);
        events
    }

    /// How many events the gateway said it has lost.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// How many packets the gateway said it has lost.
    pub fn lost_packets(&self) -> u64 {
        self.lost_packets
    }

    /// What was refused so far.
    pub fn refusals(&self) -> &[Refused] {
        &self.refused
    }

    /// What the page was told about the cost of serving, in the order of its arrival.
    pub fn stats(&self) -> &[Stats] {
        &self.stats
    }

    /// The socket itself, for what a page would not do.
    pub fn socket(&mut self) -> &mut WebSocketStream<TcpStream> {
        &mut self.socket
    }

    /// Says messages, in one frame.
    pub async fn say(&mut self, messages: &[ToGateway]) -> Result<()> {
        say(&mut self.socket, messages).await
    }

    /// Watches a lesson; returns when the gateway does.
    pub async fn watch(&mut self, lesson: &str) -> Result<()> {
        let lesson = lesson.to_owned();
        self.say(&[ToGateway::Watch { lesson }]).await?;
        self.answered().await
    }

    /// Looks at a lesson's packets, or no more; returns when the gateway does.
    pub async fn look_at_packets(&mut self, lesson: &str, packets: bool) -> Result<()> {
        let lesson = lesson.to_owned();
        self.say(&[ToGateway::Look {
            lesson,
            packets,
            kernel: false,
        }])
        .await?;
        self.answered().await
    }

    /// Opens a connection to a lesson.
    pub async fn open(&mut self, lesson: &str) -> Result<ConnectionId> {
        match self.try_open(lesson).await? {
            Ok(connection) => Ok(connection),
            Err(refused) => bail!("{}", refused.why),
        }
    }

    /// Opens a connection to a lesson, or is told why not.
    pub async fn try_open(&mut self, lesson: &str) -> Result<Result<ConnectionId, Refused>> {
        self.try_open_with(lesson, Vec::new()).await
    }

    /// The same with options that the socket gets before it connects.
    pub async fn try_open_with(
        &mut self,
        lesson: &str,
        options: Vec<(SocketOption, i64)>,
    ) -> Result<Result<ConnectionId, Refused>> {
        let request = self.next_request;
        self.next_request += 1;
        let lesson = lesson.to_owned();
        self.say(&[ToGateway::Open {
            request,
            lesson,
            options,
        }])
        .await?;
        self.when(|session| {
            let opened = session.opened.iter().find(|(of, _)| *of == request);
            let refusal = session.refusal(Asked::Open(request));
            opened.map(|(_, id)| Ok(*id)).or(refusal.map(Err))
        })
        .await
    }

    /// Sends bytes on a connection.
    pub async fn send(
        &mut self,
        connection: ConnectionId,
        bytes: impl Into<Vec<u8>>,
    ) -> Result<()> {
        let bytes = bytes.into();
        self.say(&[ToGateway::Send { connection, bytes }]).await
    }

    /// Shuts down the writing half of a connection.
    pub async fn half_close(&mut self, connection: ConnectionId) -> Result<()> {
        self.say(&[ToGateway::ShutDown { connection }]).await
    }

    /// Closes a connection.
    pub async fn close(&mut self, connection: ConnectionId) -> Result<()> {
        self.say(&[ToGateway::Close { connection }]).await
    }

    /// Resets a connection.
    pub async fn reset(&mut self, connection: ConnectionId) -> Result<()> {
        self.say(&[ToGateway::Reset { connection }]).await
    }

    /// Returns when everything said before has been answered.
    pub async fn answered(&mut self) -> Result<()> {
        let nonce = self.next_request;
        self.next_request += 1;
        self.say(&[ToGateway::Ping { nonce }]).await?;
        self.when(|session| session.pongs.contains(&nonce).then_some(()))
            .await
    }

    /// The first event, past or to come, that `is_it`.
    pub async fn until(&mut self, is_it: impl Fn(&Event) -> bool) -> Result<Event> {
        self.when(|session| session.events.iter().find(|event| is_it(event)).cloned())
            .await
    }

    /// Waits for a refusal of this.
    pub async fn refused(&mut self, what: Asked) -> Result<Refused> {
        self.when(|session| session.refusal(what)).await
    }

    /// Waits until `look` finds something in what came so far.
    pub async fn when<T>(&mut self, look: impl Fn(&Self) -> Option<T>) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self) {
                return Ok(found);
            }
            if !self.listen(deadline).await? {
                bail!(
                    "it did not happen; {} lost, refused {:?}, observed:\n{}",
                    self.lost,
                    self.refused,
                    transcript(&self.events())
                );
            }
        }
    }

    /// Takes the next frame; `false` if none came before `deadline`.
    async fn listen(&mut self, deadline: Instant) -> Result<bool> {
        let next = tokio::time::timeout_at(deadline.into(), self.socket.next());
        match next.await {
            Err(_) => Ok(false),
            Ok(Some(Ok(Message::Binary(frame)))) => {
                for message in ToPage::decode(&frame)? {
                    self.take(message);
                }
                Ok(true)
            }
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => Ok(true),
            Ok(other) => bail!("the session ended: {other:?}"),
        }
    }

    fn take(&mut self, message: ToPage) {
        match message {
            ToPage::Welcome(welcome) => self.welcome = welcome,
            ToPage::Opened {
                request,
                connection,
            } => self.opened.push((request, connection)),
            ToPage::Event { event, .. } => self.events.push(event),
            ToPage::Gap { count } => self.lost += count,
            ToPage::Refused(refused) => self.refused.push(refused),
            ToPage::Pong { nonce } => self.pongs.push(nonce),
            ToPage::Stats { stats, .. } => self.stats.push(stats),
            ToPage::Lost { packets, .. } => self.lost_packets += packets,
            // Only simulators say these.
            ToPage::Now(_) | ToPage::Rewound => {}
        }
    }

    fn refusal(&self, what: Asked) -> Option<Refused> {
        let mut refused = self.refused.iter();
        refused.find(|refused| refused.what == what).cloned()
    }
}

/// Says messages on a socket, in one frame.
pub async fn say(socket: &mut WebSocketStream<TcpStream>, messages: &[ToGateway]) -> Result<()> {
    let mut frame = Vec::new();
    for message in messages {
        message.encode(&mut frame);
    }
    Ok(socket.send(Message::Binary(frame.into())).await?)
}

/// Events as lines that a person can compare.
pub fn transcript(events: &[Event]) -> String {
    let line = |event: &Event| {
        let connection = event.connection.map_or("-".to_owned(), |id| id.to_string());
        let what = match event.data() {
            Some(data) => format!("\"{}\"", wire::text::to_escaped(&data.bytes)),
            None => format!("{:?}", event.action),
        };
        let (end, verb) = (event.end, event.action.verb());
        format!("{} {connection} {end} {verb} {what}\n", event.sequence)
    };
    events.iter().map(line).collect()
}
