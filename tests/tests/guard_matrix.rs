//! Each combination of a right or wrong host, origin and token, in bytes on a socket: one of them
//! opens a session, and every other gets the stated answer and not a byte more.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use wire::session::{VERSION, close};
use wire::{ToGateway, ToPage};
use wirebook_tests::foreign;
use wirebook_tests::gateway::{BUILD, PATIENCE, TestGateway};

/// The rest of a right handshake (RFC 6455, 4.1).
const HANDSHAKE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: wirebook.v1\r\n";

const WRONG_HOST: &str = "This is a Wirebook gateway, and the request asks for another host.\n";
const WRONG_ORIGIN: &str = "Only the pages of this gateway may ask for this.\n";

/// Requests under way at once; fewer than the gateway greets.
const AT_ONCE: usize = 24;

/// What stands in one place of the request, and whether it is right.
struct Choice<T> {
    is_right: bool,
    value: T,
}

impl<T> Choice<T> {
    fn right(value: T) -> Self {
        let is_right = true;
        Self { is_right, value }
    }

    fn wrong(value: T) -> Self {
        let is_right = false;
        Self { is_right, value }
    }
}

/// What a gateway answered.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// A response without an upgrade, and its text.
    Refused(u16, String),
    /// An upgrade, and then nothing but a close frame with this code.
    Closed(u16),
    /// An upgrade, and a welcome.
    Welcomed,
}

/// The lines of `Host`: the gateway's, others, none and several.
fn hosts(port: u16) -> Vec<Choice<String>> {
    let right = format!("Host: 127.0.0.1:{port}\r\n");
    let foreign = foreign::HOSTS.map(|host| line("Host", host, port));
    let evil = line("Host", "evil.test:P", port);
    let mut hosts = vec![
        Choice::wrong(String::new()),
        Choice::wrong(right.repeat(2)),
        Choice::wrong(format!("{right}{evil}")),
        Choice::wrong(format!("{evil}{right}")),
        // Nobody stands before this gateway who could say what was asked for.
        Choice::wrong(format!("{evil}X-Forwarded-Host: 127.0.0.1:{port}\r\n")),
        Choice::wrong(format!("{evil}Forwarded: host=\"127.0.0.1:{port}\"\r\n")),
        // Pages are led from this name to the other; a session is not.
        Choice::wrong(line("Host", "localhost:P", port)),
    ];
    hosts.extend(foreign.map(Choice::wrong));
    hosts.push(Choice::right(right));
    hosts
}

/// The lines of `Origin`: the gateway's, others, none and several.
fn origins(port: u16) -> Vec<Choice<String>> {
    let right = format!("Origin: http://127.0.0.1:{port}\r\n");
    let foreign = foreign::ORIGINS.map(|origin| line("Origin", origin, port));
    let evil = line("Origin", "http://evil.test:P", port);
    let mut origins = vec![
        Choice::wrong(String::new()),
        Choice::wrong(right.repeat(2)),
        Choice::wrong(format!("{right}{evil}")),
        Choice::wrong(format!("{evil}{right}")),
        Choice::wrong(format!("Referer: http://127.0.0.1:{port}/\r\n")),
        Choice::wrong(format!("Sec-WebSocket-{right}")),
    ];
    origins.extend(foreign.map(Choice::wrong));
    origins.push(Choice::right(right));
    origins
}

fn line(name: &str, value: &str, port: u16) -> String {
    format!("{name}: {}\r\n", value.replace('P', &port.to_string()))
}

/// The first message: a hello with the gateway's token or another, or none at all.
fn tokens(right: &str, foreign: &str) -> Vec<Choice<Option<String>>> {
    let last = if right.ends_with('0') { '1' } else { '0' };
    let wrong = [
        String::new(),
        right[1..].to_owned(),
        format!("{right}0"),
        format!("{}{last}", &right[..right.len() - 1]),
        format!("{right}\0"),
        foreign.to_owned(),
        "0".repeat(60_000),
    ];
    let mut tokens: Vec<_> = wrong.map(Some).map(Choice::wrong).into();
    tokens.push(Choice::wrong(None));
    tokens.push(Choice::right(Some(right.to_owned())));
    tokens
}

/// The first message as a frame: masked, as those of a client are (RFC 6455, 5.3).
fn first_frame(token: Option<&str>) -> Vec<u8> {
    let message = match token {
        Some(token) => ToGateway::Hello {
            version: VERSION,
            token: token.to_owned(),
        },
        None => ToGateway::Watch {
            lesson: "tcp_ok".to_owned(),
        },
    };
    let mut payload = Vec::new();
    message.encode(&mut payload);
    let mut frame = vec![0x82];
    match u16::try_from(payload.len()) {
        Ok(length @ 0..126) => frame.push(0x80 | length as u8),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
        Err(_) => unreachable!("no token here is that long"),
    }
    // With this mask the payload stays as it is.
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Asks for a session with these lines, says the first message, and reads all that comes back.
async fn knock(gateway: &TestGateway, lines: &str, token: Option<&str>) -> Result<Vec<u8>> {
    let mut request = format!("GET /session HTTP/1.1\r\n{lines}{HANDSHAKE}\r\n").into_bytes();
    request.extend(first_frame(token));
    let mut stream = TcpStream::connect(gateway.address()).await?;
    // Thousands of these must not keep their ports from others for a minute (TIME-WAIT).
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    let exchange = async {
        // A gateway that has heard enough may end the connection before all is written.
        let _ = stream.write_all(&request).await;
        let mut bytes = Vec::new();
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = stream.read(&mut buffer).await {
            bytes.extend_from_slice(&buffer[..length]);
            if frames(&bytes).is_some_and(|frames| !frames.is_empty()) {
                // Enough was said: now the page leaves.
                let _ = stream.shutdown().await;
            }
        }
        bytes
    };
    tokio::time::timeout(PATIENCE, exchange)
        .await
        .context("the gateway kept the connection open")
}

fn body(answer: &[u8]) -> Option<&[u8]> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(&answer[end + 4..])
}

/// The frames behind a complete head, each with its opcode; `None` while the head is not complete.
fn frames(answer: &[u8]) -> Option<Vec<(u8, Vec<u8>)>> {
    let mut rest = body(answer)?;
    let mut frames = Vec::new();
    loop {
        let (first, length, payload) = match *rest {
            [first, length @ 0..126, ref payload @ ..] => (first, usize::from(length), payload),
            [first, 126, high, low, ref payload @ ..] => {
                (first, usize::from(u16::from_be_bytes([high, low])), payload)
            }
            _ => return Some(frames),
        };
        if payload.len() < length {
            return Some(frames);
        }
        frames.push((first & 0x0f, payload[..length].to_vec()));
        rest = &payload[length..];
    }
}

/// What the bytes of an answer are, if they are all of one of these.
fn outcome(answer: &[u8]) -> Result<Outcome> {
    let text = String::from_utf8_lossy(answer);
    let status: u16 = text
        .split(' ')
        .nth(1)
        .context("a status line")?
        .parse()
        .context("a status")?;
    let body = body(answer).context("a complete head")?;
    if status != 101 {
        return Ok(Outcome::Refused(status, String::from_utf8(body.to_vec())?));
    }
    let frames = frames(answer).context("frames")?;
    match frames.as_slice() {
        [(8, payload)] if payload.len() >= 2 => Ok(Outcome::Closed(u16::from_be_bytes([
            payload[0], payload[1],
        ]))),
        [(2, payload), ..] => match ToPage::decode(payload)?.first() {
            Some(ToPage::Welcome(_)) => Ok(Outcome::Welcomed),
            other => anyhow::bail!("the first message is {other:?}"),
        },
        other => anyhow::bail!("the frames are {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_hosts_origins_and_tokens_one_combination_opens_a_session() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let other = TestGateway::start().await?;
    let port = gateway.address().port();
    let (token, foreign_token) = (gateway.token()?, other.token()?);
    let (hosts, origins) = (hosts(port), origins(port));
    let tokens = tokens(&token, &foreign_token);
    let mut combinations = Vec::new();
    for host in &hosts {
        for origin in &origins {
            combinations.extend(tokens.iter().map(|token| (host, origin, token)));
        }
    }
    ensure!(combinations.len() > 10_000, "{}", combinations.len());
    let asked: Vec<usize> = stream::iter(combinations)
        .map(|(host, origin, token)| {
            let gateway = &gateway;
            let secret = &tokens[tokens.len() - 1].value;
            async move {
                let lines = format!("{}{}", host.value, origin.value);
                let expected = match (host.is_right, origin.is_right, token.is_right) {
                    (false, _, _) => Outcome::Refused(421, WRONG_HOST.to_owned()),
                    (true, false, _) => Outcome::Refused(403, WRONG_ORIGIN.to_owned()),
                    (true, true, false) if token.value.is_none() => {
                        Outcome::Closed(close::NO_HELLO)
                    }
                    (true, true, false) => Outcome::Closed(close::WRONG_TOKEN),
                    (true, true, true) => Outcome::Welcomed,
                };
                let answer = knock(gateway, &lines, token.value.as_deref())
                    .await
                    .with_context(|| lines.clone())?;
                let what = outcome(&answer).with_context(|| format!("{lines}{answer:?}"))?;
                ensure!(what == expected, "{lines}{:?}: {what:?}", token.value);
                let text = String::from_utf8_lossy(&answer);
                ensure!(
                    !text.contains(secret.as_deref().unwrap_or_default()),
                    "{text}"
                );
                let is_told = text.contains("tcp_ok") || text.contains(BUILD);
                ensure!(is_told == (what == Outcome::Welcomed), "{lines}{text}");
                Ok(usize::from(is_told))
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    assert_eq!(asked.iter().sum::<usize>(), 1, "one of {}", asked.len());
    gateway.settles_at(0, 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_an_absolute_address_must_name_this_gateway() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let address = gateway.address();
    let ours = format!("Host: {address}\r\nOrigin: http://{address}\r\n");
    for target in [
        "http://evil.test/session".to_owned(),
        format!("http://evil.test:{}/session", address.port()),
        format!("https://{address}/session"),
        format!("http://reader@{address}/session"),
        format!("http://localhost:{}/session", address.port()),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\n{ours}{HANDSHAKE}\r\n");
        let status = gateway.ask(request).await?.status();
        assert_eq!(status, Some(421), "{target}");
    }
    // HTTP/1.0 knows no upgrade, and need not name a host.
    let old = format!("GET /session HTTP/1.0\r\n{ours}{HANDSHAKE}\r\n");
    assert_eq!(gateway.ask(old).await?.status(), Some(400));
    let old = "GET /healthz HTTP/1.0\r\n\r\n";
    assert_eq!(gateway.ask(old).await?.status(), Some(421));
    Ok(())
}
