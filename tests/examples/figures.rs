//! Measures what the changelog and the notes quote:
//! `cargo run --release -p wirebook-tests --example figures` after `cargo lab build`.
//!
//! Round trips through the gateway (page's WebSocket, client socket, watched server, and back as an
//! event) and direct ones (TCP to a bare tokio echo server) take turns in one run, so that their
//! ratio holds on a noisy machine.

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use wire::{Action, ConnectionId, End, ToGateway, ToPage};
use wirebook_tests::browser::Program;

const STARTS: usize = 11;
const ROUNDS: usize = 10;
const TRIPS_PER_ROUND: usize = 150;

/// A page may ask 200 times at once and 100 times a second; a rest makes room for a round, which
/// would otherwise measure that limit.
const REST: Duration = Duration::from_millis(1_600);

fn main() -> Result<()> {
    if std::env::args().nth(1).as_deref() == Some(ECHO) {
        // As `#[tokio::main]` would: what a textbook's server has.
        return tokio::runtime::Runtime::new()?.block_on(echo());
    }
    // A client is one thread, so that its own threads do not take part in what is measured.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(measure())
}

async fn measure() -> Result<()> {
    let state = tempfile::tempdir()?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let mut program = Program::start(state.path()).await?;
        first_page(&program).await?;
        starts.push(began.elapsed());
        program.stop().await?;
    }
    println!(
        "start to first page: {:?} (median of {STARTS})",
        median(&mut starts)
    );

    let program = Program::start(state.path()).await?;
    for size in [64, 1024] {
        let mut page = Page::open(&program, "tcp_echo").await?;
        let mut direct = Direct::open().await?;
        let message = vec![b'x'; size];
        let (mut through_gateway, mut straight) = (Vec::new(), Vec::new());
        let (mut with_packets, mut with_samples) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for (packets, kernel, trips) in [
                (false, false, &mut through_gateway),
                (true, false, &mut with_packets),
                (false, true, &mut with_samples),
            ] {
                tokio::time::sleep(REST).await;
                page.look(packets, kernel).await?;
                for _ in 0..TRIPS_PER_ROUND {
                    trips.push(page.trip(&message).await?);
                }
            }
            for _ in 0..TRIPS_PER_ROUND {
                straight.push(direct.trip(&message).await?);
            }
        }
        let (through_gateway, straight) = (median(&mut through_gateway), median(&mut straight));
        let with_packets = median(&mut with_packets);
        let with_samples = median(&mut with_samples);
        println!(
            "the same with packets ({} of them seen): page {with_packets:?}, ratio {:.2} to without",
            page.packets,
            with_packets.as_secs_f64() / through_gateway.as_secs_f64()
        );
        println!(
            "the same with the kernel's view: page {with_samples:?}, ratio {:.2} to without",
            with_samples.as_secs_f64() / through_gateway.as_secs_f64()
        );
        println!(
            "echo round trip, {size} bytes, p50 of {}: page {through_gateway:?}, direct {straight:?}, ratio {:.2}",
            ROUNDS * TRIPS_PER_ROUND,
            through_gateway.as_secs_f64() / straight.as_secs_f64()
        );
    }
    Ok(())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn first_page(program: &Program) -> Result<()> {
    let host = program.origin().trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await?;
    stream
        .write_all(
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes(),
        )
        .await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        bail!("the first page is not there");
    }
    Ok(())
}

/// What the page does, without a browser around it.
struct Page {
    socket: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<TcpStream>>,
    connection: ConnectionId,
    packets: usize,
}

impl Page {
    async fn open(program: &Program, lesson: &str) -> Result<Self> {
        let origin = program.origin();
        let mut request =
            format!("{}/session", origin.replace("http:", "ws:")).into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("Origin", origin.parse()?);
        headers.insert(
            "Sec-WebSocket-Protocol",
            wire::session::SUBPROTOCOL.parse()?,
        );
        let (mut socket, _) =
            tokio_tungstenite::connect_async_with_config(request, None, true).await?;
        let mut frame = Vec::new();
        ToGateway::Hello {
            version: wire::session::VERSION,
            token: program.fragment().trim_start_matches("#token=").to_owned(),
        }
        .encode(&mut frame);
        ToGateway::Open {
            request: 1,
            lesson: lesson.to_owned(),
            options: Vec::new(),
        }
        .encode(&mut frame);
        socket.send(Message::Binary(Bytes::from(frame))).await?;
        let mut page = Self {
            socket,
            connection: ConnectionId(0),
            packets: 0,
        };
        loop {
            for message in page.next().await? {
                match message {
                    ToPage::Opened { connection, .. } => page.connection = connection,
                    ToPage::Event { event, .. }
                        if matches!(event.action, Action::Connect { .. }) =>
                    {
                        return Ok(page);
                    }
                    _ => {}
                }
            }
        }
    }

    /// Whether packets, and what the kernel says, are shown from now on.
    async fn look(&mut self, packets: bool, kernel: bool) -> Result<()> {
        let mut frame = Vec::new();
        ToGateway::Look {
            lesson: "tcp_echo".to_owned(),
            packets,
            kernel,
        }
        .encode(&mut frame);
        ToGateway::Ping { nonce: 0 }.encode(&mut frame);
        self.socket
            .send(Message::Binary(Bytes::from(frame)))
            .await?;
        while !self.next().await?.contains(&ToPage::Pong { nonce: 0 }) {}
        Ok(())
    }

    async fn next(&mut self) -> Result<Vec<ToPage>> {
        loop {
            let message = self.socket.next().await.context("the gateway closed")??;
            if let Message::Binary(frame) = message {
                let messages = ToPage::decode(&frame)?;
                let is_packet = |message: &&ToPage| matches!(message, ToPage::Event { event, .. } if event.end == End::Wire);
                self.packets += messages.iter().filter(is_packet).count();
                return Ok(messages);
            }
        }
    }

    /// From the page's send to the event that the client has read all of it back.
    async fn trip(&mut self, message: &[u8]) -> Result<Duration> {
        let began = Instant::now();
        let mut frame = Vec::with_capacity(message.len() + 16);
        ToGateway::Send {
            connection: self.connection,
            bytes: message.to_vec(),
        }
        .encode(&mut frame);
        self.socket
            .send(Message::Binary(Bytes::from(frame)))
            .await?;
        let mut missing = message.len();
        while missing > 0 {
            for message in self.next().await? {
                if let ToPage::Event { event, .. } = message
                    && event.end == End::Client
                    && let Action::Read(data) = event.action
                {
                    missing -= data.bytes.len();
                }
            }
        }
        Ok(began.elapsed())
    }
}

/// A client of an echo server that nobody watches, in a program of its own as the gateway is.
struct Direct {
    stream: TcpStream,
    buffer: Vec<u8>,
    _server: Child,
}

/// The argument that makes this program that server.
const ECHO: &str = "echo";

impl Direct {
    async fn open() -> Result<Self> {
        let mut server = Command::new(std::env::current_exe()?)
            .arg(ECHO)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = server.stdout.take().context("stdout is piped")?;
        let address = BufReader::new(stdout).lines().next_line().await?;
        let address = address.context("the echo server tells its address")?;
        Ok(Self {
            stream: TcpStream::connect(address).await?,
            buffer: Vec::new(),
            _server: server,
        })
    }

    async fn trip(&mut self, message: &[u8]) -> Result<Duration> {
        let began = Instant::now();
        self.stream.write_all(message).await?;
        self.buffer.resize(message.len(), 0);
        self.stream.read_exact(&mut self.buffer).await?;
        Ok(began.elapsed())
    }
}

async fn echo() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let (mut stream, _) = listener.accept().await?;
    // As the lesson does, in a task of its own.
    let echo = tokio::spawn(async move {
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            if stream.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    });
    Ok(echo.await?)
}
