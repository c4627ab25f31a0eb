//! Sends what a file says, as it says, and listens.

use std::cell::Cell;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::ToGateway;
use wire::session::VERSION;

use super::bystander::{Bystander, SECRET};
use super::heard::Heard;
use super::input::{Input, Part, To, What};
use super::speaker::{BLOCK_BYTES, Names, Speaker, Wanted, frame_of};
use super::target::Target;
use crate::gateway::PATIENCE;
use crate::serving::Process;

/// The number of the ping that asks whether a session goes on.
const STILL_THERE: u32 = 0x7e11;

/// How long one file may take: that of the page that never reads waits for a limit of 10 s, behind
/// what the kernel takes before.
const FILE_PATIENCE: Duration = Duration::from_secs(60);

/// Plays one input, and compares what comes of it with what must.
pub(super) async fn play(input: &Input, target: &Target, bystander: &mut Bystander) -> Result<()> {
    match &input.to {
        To::Lesson(lesson) => {
            bystander.watch(lesson).await?;
            let stream = connect(target.server(lesson)?).await?;
            talk(input, target, bystander, stream).await?;
            bystander.sees(&input.outcome.seen).await
        }
        To::Process(lesson) => {
            bystander.watch(lesson).await?;
            suspended(input, target.server(lesson)?, bystander).await
        }
        To::Http => {
            let stream = connect(target.address).await?;
            talk(input, target, bystander, stream).await
        }
        To::Websocket => {
            let stream = open_websocket(target).await?;
            talk(input, target, bystander, stream).await
        }
        To::Session => {
            let mut stream = open_websocket(target).await?;
            let hello = ToGateway::Hello {
                version: VERSION,
                token: target.token.clone(),
            };
            stream.write_all(&frame_of(&[hello])).await?;
            talk(input, target, bystander, stream).await
        }
    }
}

async fn connect(address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // Little, so that one who does not read is felt soon.
    socket.set_recv_buffer_size(64 * 1024)?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A WebSocket of the gateway's own page, of which nothing was said yet.
async fn open_websocket(target: &Target) -> Result<TcpStream> {
    let mut stream = connect(target.address).await?;
    let names = Names::of(target);
    let request =
        names.fill("GET /session HTTP/1.1\r\nHost: $HOST\r\nOrigin: $ORIGIN\r\n$UPGRADE\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    ensure!(
        head.starts_with(b"HTTP/1.1 101 "),
        "no WebSocket came about"
    );
    Ok(stream)
}

/// One side sends, the other one listens, and meanwhile the bystander is served.
async fn talk(
    input: &Input,
    target: &Target,
    bystander: &mut Bystander,
    stream: TcpStream,
) -> Result<()> {
    let is_websocket = matches!(input.to, To::Websocket | To::Session);
    let (read_half, write_half) = stream.into_split();
    let (heard, hears) = watch::channel(Heard::default());
    let (deaf, gone) = (CancellationToken::new(), CancellationToken::new());
    let wanted = Wanted::default();
    let speaker = Speaker {
        names: Names::of(target),
        foreign: bystander.connection(),
        hears: hears.clone(),
        deaf: deaf.clone(),
        gone: gone.clone(),
        wanted: &wanted,
    };
    let outcome = &input.outcome;
    let speak = async {
        let mut write_half = speaker.say_all(&input.send, write_half).await?;
        if is_websocket && outcome.goes_on {
            let ping = frame_of(&[ToGateway::Ping { nonce: STILL_THERE }]);
            write_half.write_all(&ping).await?;
        }
        // Kept, because dropping it would be a half-close.
        anyhow::Ok(write_half)
    };
    let mut hears_end = hears.clone();
    let end = async {
        let is_over = |heard: &Heard| match outcome.goes_on {
            false => heard.has_ended,
            true => {
                heard.answered.contains(&STILL_THERE)
                    && heard.refused.len() >= outcome.refused.len()
                    && heard.has_seen(&outcome.seen)
            }
        };
        hears_end.wait_for(is_over).await.map(drop)
    };
    let conversation = async {
        let speak = async {
            match speak.await {
                Ok(write_half) => Ok(Some(write_half)),
                // Whoever ends a connection need not take what is still sent.
                Err(error) if error.downcast_ref::<std::io::Error>().is_some() => {
                    heard.send_modify(|heard| heard.has_ended |= deaf.is_cancelled());
                    Ok(None)
                }
                Err(error) => Err(error),
            }
        };
        let both = async { tokio::try_join!(speak, async { Ok(end.await?) }) };
        tokio::select! {
            both = both => both.map(drop),
            () = gone.cancelled() => Ok(()),
            never = listen(read_half, &heard, is_websocket, &deaf) => never,
        }
    };
    let mut conversation = Box::pin(tokio::time::timeout(FILE_PATIENCE, conversation));
    // A program that goes on has come to its end when that was seen which had to be.
    let is_endless = matches!(input.to, To::Lesson(_)) && outcome.goes_on;
    let over = Cell::new(false);
    let served = bystander.works_until(|bystander| {
        wanted.look(bystander);
        over.get() || is_endless && bystander.has_seen(&outcome.seen)
    });
    let mut result = Ok(Ok(()));
    let conversation = async {
        result = conversation.as_mut().await;
        over.set(true);
    };
    {
        tokio::pin!(served);
        tokio::select! {
            done = &mut served => done?,
            () = conversation => served.await?,
        }
    }
    let mut heard = heard.send_replace(Heard::default());
    keeps_secrets(&heard.bytes, target)?;
    match result {
        Ok(Err(error)) => return Err(error),
        Ok(Ok(())) => {}
        Err(_) => heard
            .check(outcome, &input.to)
            .and_then(|()| bail!("it did not come to its end"))?,
    }
    heard.check(outcome, &input.to)
}

/// Nothing that came back is anybody else's.
fn keeps_secrets(bytes: &[u8], target: &Target) -> Result<()> {
    for secret in [target.token.as_str(), SECRET] {
        let is_told = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        ensure!(!is_told, "a secret was told");
    }
    Ok(())
}

/// Takes note of all that comes until the end. Never returns, but for an error.
async fn listen(
    mut stream: OwnedReadHalf,
    heard: &watch::Sender<Heard>,
    is_websocket: bool,
    deaf: &CancellationToken,
) -> Result<()> {
    let mut buffer = vec![0; BLOCK_BYTES];
    loop {
        let read = tokio::select! {
            biased;
            () = deaf.cancelled() => return std::future::pending().await,
            read = stream.read(&mut buffer) => read,
        };
        // A reset after the answer is one way of ending it.
        let Ok(length @ 1..) = read else { break };
        let mut result = Ok(());
        heard.send_modify(|heard| result = heard.take(&buffer[..length], is_websocket));
        result?;
    }
    heard.send_modify(|heard| heard.has_ended = true);
    std::future::pending().await
}

/// A process that is stopped in the middle and then killed: the server waits, and others do not.
async fn suspended(input: &Input, server: SocketAddr, bystander: &mut Bystander) -> Result<()> {
    let [
        Part {
            what: What::Text(line),
            ..
        },
    ] = input.send.as_slice()
    else {
        bail!("a process has one line of text");
    };
    let connected = format!("exec 3<>/dev/tcp/{}/{}; {line}", server.ip(), server.port());
    let mut process = Command::new("bash")
        .args(["-c", &connected])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("starting bash")?;
    let id = process.id().context("it has ended")?;
    // The last one is its end.
    let (_, before) = (input.outcome.seen.split_last()).context("nothing to see")?;
    bystander.sees(before).await?;
    Process(id).signal("STOP")?;
    let mut turns = 0;
    // A while in which it neither reads nor writes.
    bystander
        .works_until(|_| {
            turns += 1;
            turns > 10
        })
        .await?;
    process.start_kill()?;
    tokio::time::timeout(PATIENCE, process.wait()).await??;
    bystander.sees(&input.outcome.seen).await
}
