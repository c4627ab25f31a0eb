//! One page of many, and how soon it is answered.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use wire::session::VERSION;
use wire::{Action, ConnectionId, End, ToGateway, ToPage};
use wirebook_tests::browser::Program;
use wirebook_tests::session::handshake;

/// What a page's kernel and its WebSocket keep for it: little, so that thousands find room, and so
/// that a gateway feels soon that a page does not read.
const RECEIVE_BUFFER_BYTES: u32 = 64 * 1024;
/// See [`RECEIVE_BUFFER_BYTES`].
const READ_BYTES: usize = 4 * 1024;

/// Where a gateway is, and what opens it.
#[derive(Clone)]
pub(crate) struct Door {
    address: SocketAddr,
    token: String,
}

impl Door {
    pub(crate) fn of(program: &Program) -> Result<Self> {
        Ok(Self {
            address: program.address()?,
            token: program.token().to_owned(),
        })
    }
}

/// A page with a connection to `tcp_echo`.
pub(crate) struct Member {
    socket: WebSocketStream<TcpStream>,
    connection: ConnectionId,
}

impl Member {
    /// A page whose connection stands, and which has taken all that it was told of that.
    pub(crate) async fn join(door: &Door) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        let stream = socket.connect(door.address).await?;
        stream.set_nodelay(true)?;
        let request = handshake(door.address)?;
        let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await?;
        let mut member = Self {
            socket,
            connection: ConnectionId(0),
        };
        let hello = ToGateway::Hello {
            version: VERSION,
            token: door.token.clone(),
        };
        let open = ToGateway::Open {
            request: 1,
            lesson: "tcp_echo".to_owned(),
            options: Vec::new(),
        };
        member.say(&[hello, open]).await?;
        let mut is_connected = false;
        while !is_connected {
            for message in member.next().await? {
                match message {
                    ToPage::Opened { connection, .. } => member.connection = connection,
                    ToPage::Event { event, .. } => {
                        is_connected |= matches!(event.action, Action::Connect { .. });
                    }
                    ToPage::Refused(refused) => bail!("refused: {}", refused.why),
                    _ => {}
                }
            }
        }
        member.say(&[ToGateway::Ping { nonce: 0 }]).await?;
        while !member.next().await?.contains(&ToPage::Pong { nonce: 0 }) {}
        Ok(member)
    }

    async fn say(&mut self, messages: &[ToGateway]) -> Result<()> {
        let mut frame = Vec::new();
        for message in messages {
            message.encode(&mut frame);
        }
        Ok(self.socket.send(Message::Binary(frame.into())).await?)
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let (connection, bytes) = (self.connection, bytes.to_vec());
        self.say(&[ToGateway::Send { connection, bytes }]).await
    }

    async fn next(&mut self) -> Result<Vec<ToPage>> {
        loop {
            let message = self.socket.next().await.context("the gateway closed")??;
            if let Message::Binary(frame) = message {
                return Ok(ToPage::decode(&frame)?);
            }
        }
    }

    /// How many bytes its client has read, as the next messages tell.
    async fn read_back(&mut self) -> Result<usize> {
        let messages = self.next().await?;
        Ok(messages.iter().map(read_bytes).sum())
    }

    /// Sends this, and waits until its client has read all of it back.
    pub(crate) async fn trip(&mut self, bytes: &[u8]) -> Result<()> {
        self.send(bytes).await?;
        let mut came_back = 0;
        while came_back < bytes.len() {
            came_back += self.read_back().await?;
        }
        Ok(())
    }

    /// Sends this at each of these times, whether what was sent before has come back or not.
    /// What comes back is how long each took, from when it was due until its client had read it
    /// back; fewer if the last did not within `patience`.
    pub(crate) async fn keep_sending(
        &mut self,
        bytes: &[u8],
        due_at: &[Instant],
        patience: Duration,
    ) -> Result<Vec<Duration>> {
        let gives_up_at = due_at.last().copied().unwrap_or_else(Instant::now) + patience;
        let mut taken = Vec::with_capacity(due_at.len());
        let (mut sent, mut came_back) = (0, 0);
        while taken.len() < due_at.len() {
            let next = due_at.get(sent).copied();
            tokio::select! {
                () = tokio::time::sleep_until(next.unwrap_or(gives_up_at).into()) => {
                    if next.is_none() {
                        break;
                    }
                    self.send(bytes).await?;
                    sent += 1;
                }
                read = self.read_back() => {
                    came_back += read?;
                    while taken.len() < came_back / bytes.len() {
                        taken.push(due_at[taken.len()].elapsed());
                    }
                }
            }
        }
        Ok(taken)
    }

    /// Sends this without end and reads nothing, until the gateway closes.
    pub(crate) async fn send_and_never_read(mut self, bytes: &[u8]) {
        while self.send(bytes).await.is_ok() {}
    }

    /// Sends this without end and reads everything, until the gateway closes.
    pub(crate) async fn send_and_read(self, bytes: &[u8]) {
        let connection = self.connection;
        let (mut sink, mut stream) = self.socket.split();
        let bytes = bytes.to_vec();
        let mut frame = Vec::new();
        ToGateway::Send { connection, bytes }.encode(&mut frame);
        let message = Message::Binary(frame.into());
        tokio::select! {
            () = async { while sink.send(message.clone()).await.is_ok() {} } => {}
            () = async { while let Some(Ok(_)) = stream.next().await {} } => {}
        }
    }
}

/// How many bytes the client has read, if that is what is told.
fn read_bytes(message: &ToPage) -> usize {
    match message {
        ToPage::Event { event, .. } if event.end == End::Client => match &event.action {
            Action::Read(data) => data.bytes.len(),
            _ => 0,
        },
        _ => 0,
    }
}
