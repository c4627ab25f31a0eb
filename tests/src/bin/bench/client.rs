//! The page without a browser, and the clients it is compared with.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use wire::session::VERSION;
use wire::{Action, ConnectionId, End, SocketOption, ToGateway, ToPage};
use wirebook_tests::browser::Program;
use wirebook_tests::session::handshake;

/// How much the client's socket may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// What the system gives.
    Usual,
    /// So little that its window opens, and is told, with every few reads. `tcp_echo` answers a
    /// large message in many small writes; with the usual room Nagle's algorithm at the server and
    /// delayed acknowledgements at the client hold them up for 40 ms, whoever measures (RFC 9293,
    /// section 3.7.4).
    Little,
}

/// See [`Room::Little`].
const LITTLE_ROOM_BYTES: u32 = 8 * 1024;

/// Of the clients here: tungstenite writes zeros to all of its buffer before each read, and by
/// default that is 128 KiB, which would be measured too.
fn websocket() -> WebSocketConfig {
    WebSocketConfig::default().read_buffer_size(8 * 1024)
}

/// What a page does, with little work of its own.
pub(crate) struct Page {
    socket: WebSocketStream<TcpStream>,
    requests: u32,
    /// How many packets it was told.
    pub(crate) packets: u64,
    /// How many bytes the gateway's frames had.
    pub(crate) frame_bytes: u64,
}

impl Page {
    /// Opens a session.
    pub(crate) async fn begin(program: &Program) -> Result<Self> {
        let address = program.address()?;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let request = handshake(address)?;
        let (socket, _) = client_async_with_config(request, stream, Some(websocket())).await?;
        let mut page = Self {
            socket,
            requests: 0,
            packets: 0,
            frame_bytes: 0,
        };
        let token = program.token().to_owned();
        let version = VERSION;
        page.say(&[ToGateway::Hello { version, token }]).await?;
        page.until(|message| matches!(message, ToPage::Welcome(_)).then_some(()))
            .await?;
        Ok(page)
    }

    /// Says messages, in one frame.
    pub(crate) async fn say(&mut self, messages: &[ToGateway]) -> Result<()> {
        let mut frame = Vec::new();
        for message in messages {
            message.encode(&mut frame);
        }
        Ok(self.socket.send(Message::Binary(frame.into())).await?)
    }

    /// The next messages. That the gateway lost any is an error: every figure counts on all.
    pub(crate) async fn next(&mut self) -> Result<Vec<ToPage>> {
        loop {
            let message = self.socket.next().await.context("the gateway closed")??;
            let Message::Binary(frame) = message else {
                continue;
            };
            self.frame_bytes += frame.len() as u64;
            let messages = ToPage::decode(&frame)?;
            for message in &messages {
                match message {
                    ToPage::Event { event, .. } if event.end == End::Wire => self.packets += 1,
                    ToPage::Gap { count } => bail!("{count} events were lost"),
                    ToPage::Refused(refused) => bail!("refused: {}", refused.why),
                    _ => {}
                }
            }
            return Ok(messages);
        }
    }

    /// Waits for a message in which `look` finds something.
    async fn until<T>(&mut self, look: impl Fn(&ToPage) -> Option<T>) -> Result<T> {
        loop {
            if let Some(found) = self.next().await?.iter().find_map(&look) {
                return Ok(found);
            }
        }
    }

    /// Opens a connection and waits until it stands.
    pub(crate) async fn open(&mut self, lesson: &str, room: Room) -> Result<ConnectionId> {
        let options = match room {
            Room::Usual => Vec::new(),
            Room::Little => vec![(SocketOption::ReceiveBuffer, LITTLE_ROOM_BYTES.into())],
        };
        self.requests += 1;
        self.say(&[ToGateway::Open {
            request: self.requests,
            lesson: lesson.to_owned(),
            options,
        }])
        .await?;
        self.until(|message| match message {
            ToPage::Event { event, .. } => match event.action {
                Action::Connect { .. } => event.connection,
                _ => None,
            },
            _ => None,
        })
        .await
    }

    /// Closes a connection and waits until that is observed.
    pub(crate) async fn close(&mut self, connection: ConnectionId) -> Result<()> {
        self.say(&[ToGateway::Close { connection }]).await?;
        self.until(|message| match message {
            ToPage::Event { event, .. } => (event.connection == Some(connection)
                && event.end == End::Client
                && event.action == Action::Close)
                .then_some(()),
            _ => None,
        })
        .await
    }

    /// Whether packets, and what the kernel says, are shown from now on.
    pub(crate) async fn look(&mut self, lesson: &str, packets: bool, kernel: bool) -> Result<()> {
        self.requests += 1;
        let nonce = self.requests;
        let lesson = lesson.to_owned();
        self.say(&[
            ToGateway::Look {
                lesson,
                packets,
                kernel,
            },
            ToGateway::Ping { nonce },
        ])
        .await?;
        self.until(|message| (*message == ToPage::Pong { nonce }).then_some(()))
            .await
    }

    /// From the page's send to the event that the client has read so many bytes.
    pub(crate) async fn trip(
        &mut self,
        connection: ConnectionId,
        message: &[u8],
        mut missing: usize,
    ) -> Result<Duration> {
        let bytes = message.to_vec();
        let began = Instant::now();
        self.say(&[ToGateway::Send { connection, bytes }]).await?;
        while missing > 0 {
            for message in self.next().await? {
                if let ToPage::Event { event, .. } = message
                    && event.end == End::Client
                    && event.connection == Some(connection)
                    && let Action::Read(data) = event.action
                {
                    missing = missing
                        .checked_sub(data.bytes.len())
                        .context("more came back than was sent")?;
                }
            }
        }
        Ok(began.elapsed())
    }
}

/// A client that talks to a server directly.
pub(crate) struct Direct {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Direct {
    /// Connects.
    pub(crate) async fn connect(address: SocketAddr, room: Room) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if room == Room::Little {
            socket.set_recv_buffer_size(LITTLE_ROOM_BYTES)?;
        }
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::new(),
        })
    }

    /// From the first byte sent until so many are read.
    pub(crate) async fn trip(&mut self, message: &[u8], missing: usize) -> Result<Duration> {
        self.buffer.resize(missing, 0);
        let began = Instant::now();
        self.stream.write_all(message).await?;
        self.stream.read_exact(&mut self.buffer).await?;
        Ok(began.elapsed())
    }
}

/// A WebSocket whose messages are a server's bytes.
pub(crate) struct Piped {
    socket: WebSocketStream<TcpStream>,
}

impl Piped {
    /// Connects through a pipe.
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{address}/").into_client_request()?;
        // websockify does without it, but then warns about every connection.
        let headers = request.headers_mut();
        headers.insert("Origin", format!("http://{address}").parse()?);
        let (socket, _) = client_async_with_config(request, stream, Some(websocket())).await?;
        Ok(Self { socket })
    }

    /// From the message sent until so many bytes have come.
    pub(crate) async fn trip(&mut self, message: &[u8], mut missing: usize) -> Result<Duration> {
        let message = message.to_vec();
        let began = Instant::now();
        self.socket.send(Message::Binary(message.into())).await?;
        while missing > 0 {
            let message = self.socket.next().await.context("the pipe closed")??;
            if let Message::Binary(bytes) = message {
                missing = missing
                    .checked_sub(bytes.len())
                    .context("more came back than was sent")?;
            }
        }
        Ok(began.elapsed())
    }
}
