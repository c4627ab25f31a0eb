//! The gateway as a page sees it: real WebSocket, real lesson servers, real clients.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, UdpSocket};

use anyhow::{Context as _, Result};
use wire::event::Failure;
use wire::lab::{Lab, Step};
use wire::session::{Asked, VERSION, close};
use wire::{Action, ConnectionId, End, Event, Operation, ToGateway};
use wirebook_tests::gateway::{BUILD, TestGateway};
use wirebook_tests::session::{self, Session, close_code};

/// A lab of these steps: what to do, and what is seen.
fn lab(server: &str, steps: &[(&[&str], &str)]) -> Result<Lab> {
    let step = |(play, seen): &(&[&str], &str)| {
        Ok(Step {
            say: Vec::new(),
            play: play
                .iter()
                .map(|play| Ok(play.parse()?))
                .collect::<Result<_>>()?,
            seen: seen.parse()?,
            hint: Vec::new(),
        })
    };
    Ok(Lab {
        server: server.to_owned(),
        hash: String::new(),
        steps: steps.iter().map(step).collect::<Result<_>>()?,
        listings: Vec::new(),
    })
}

async fn check_story(server: &str, steps: &[(&[&str], &str)]) -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let events = session.play(&lab(server, steps)?).await?;
    let is_call = |event: &&Event| {
        let verbs = ["accept", "wait", "read", "write", "end", "receive", "send"];
        event.end == End::Server && verbs.contains(&event.action.verb())
    };
    for event in events.iter().filter(is_call) {
        let source = event.source.as_ref().context("the server has lines")?;
        assert_eq!(source.file, format!("native/src/lessons/{server}.rs"));
    }
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn story_of_tcp_ok() -> Result<()> {
    check_story(
        "tcp_ok",
        &[
            (&[], "server wait accept"),
            (&["connect"], "server accept"),
            (&[], "server wait read"),
            (&[r#"send "hello""#], r#"client read "ok""#),
            (&[r#"send "again""#], r#"server read "again""#),
            (&["half-close"], "server end"),
            (&[], "server close"),
            (&[], "client end"),
            (&["close"], "client close"),
        ],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn story_of_tcp_line() -> Result<()> {
    check_story(
        "tcp_line",
        &[
            (
                &["connect", r#"send "Hello, server!""#],
                r#"server read "Hello, server!""#,
            ),
            (&[], "client nothing for 1 s"),
            (&[r#"send "\n""#], r#"client read "Hello, client!""#),
            (&[], "client end"),
            (&["close"], "client close"),
        ],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn story_of_tcp_silent() -> Result<()> {
    check_story(
        "tcp_silent",
        &[
            (&["connect"], "client connect"),
            (&[r#"send "anyone?""#], r#"server read "anyone?""#),
            (&[], "client nothing for 1 s"),
            (&["reset"], "server error reset"),
        ],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn story_of_tcp_echo() -> Result<()> {
    check_story(
        "tcp_echo",
        &[
            (&["connect", r#"send "a\x00b""#], r#"client read "a\x00b""#),
            (&[r#"send "last""#, "half-close"], r#"client read "last""#),
            (&[], "client end"),
            (&["close"], "client close"),
        ],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn story_of_udp_echo() -> Result<()> {
    check_story(
        "udp_echo",
        &[
            (&[], "server wait receive"),
            (&[r#"send "one""#], r#"client receive "one""#),
            (&[r#"send """#], "client receive"),
            (&["close"], "client close"),
        ],
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_welcome_tells_what_runs() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let session = gateway.session().await?;
    let welcome = session.welcome();
    assert_eq!(welcome.version, VERSION);
    assert_eq!(welcome.build, BUILD);
    assert_eq!(welcome.servers, gateway.servers());
    let names: Vec<_> = welcome
        .servers
        .iter()
        .map(|server| server.lesson.as_str())
        .collect();
    assert_eq!(
        names,
        ["tcp_ok", "tcp_line", "tcp_silent", "tcp_echo", "udp_echo"]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cause_never_sorts_behind_its_effect() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_echo").await?;
    for round in 10..60 {
        session.send(id, format!("<{round}>")).await?;
    }
    session
        .when(|session| (read_by_client(session) == 50 * 4).then_some(()))
        .await?;
    session.close(id).await?;
    session
        .until(|event| event.end == End::Server && event.action == Action::Close)
        .await?;
    let events = session.events();
    let place = |end, verb: &str| {
        events
            .iter()
            .position(|event| event.end == end && event.action.verb() == verb)
            .with_context(|| format!("{end} {verb} was not observed"))
    };
    assert!(place(End::Client, "connect")? < place(End::Server, "accept")?);
    assert!(place(End::Client, "write")? < place(End::Server, "read")?);
    assert!(place(End::Server, "write")? < place(End::Client, "read")?);
    // Never more read than written so far, at either end.
    let [mut on_the_way_there, mut on_the_way_back] = [0usize; 2];
    for event in &events {
        let Some(length) = event.data().map(|data| data.bytes.len()) else {
            continue;
        };
        let (way, moves_in) = match (event.end, &event.action) {
            (End::Client, Action::Write(_)) => (&mut on_the_way_there, true),
            (End::Server, Action::Read(_)) => (&mut on_the_way_there, false),
            (End::Server, Action::Write(_)) => (&mut on_the_way_back, true),
            _ => (&mut on_the_way_back, false),
        };
        *way = match moves_in {
            true => *way + length,
            false => way
                .checked_sub(length)
                .context("read before it was written")?,
        };
    }
    let sequences: Vec<_> = events.iter().map(|event| event.sequence).collect();
    assert!(sequences.windows(2).all(|pair| pair[0] < pair[1]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sessions_do_not_see_each_other() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut first = gateway.session().await?;
    let mut second = gateway.session().await?;
    for lesson in ["tcp_ok", "udp_echo"] {
        first.watch(lesson).await?;
        second.watch(lesson).await?;
        let id = first.open(lesson).await?;
        first.send(id, "mine").await?;
        first
            .until(|event| event.end == End::Client && event.data().is_some_and(is_answer))
            .await?;
        first.close(id).await?;
        first.answered().await?;

        // Nor can it be touched.
        for command in [
            ToGateway::Send {
                connection: id,
                bytes: b"theirs".to_vec(),
            },
            ToGateway::ShutDown { connection: id },
            ToGateway::Close { connection: id },
            ToGateway::Reset { connection: id },
        ] {
            second.say(&[command]).await?;
        }
        second.refused(Asked::Connection(id)).await?;
        second.answered().await?;
    }
    let foreign = |event: &Event| event.connection.is_some() || event.data().is_some();
    assert!(
        !second.events().iter().any(foreign),
        "{:?}",
        second.events()
    );
    Ok(())
}

fn is_answer(data: &wire::Data) -> bool {
    [b"ok".as_slice(), b"mine"].contains(&data.bytes.as_slice())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outside_client_is_seen_by_all_who_watch() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut watching = [gateway.session().await?, gateway.session().await?];
    let mut elsewhere = gateway.session().await?;
    for session in &mut watching {
        session.watch("tcp_ok").await?;
    }
    elsewhere.watch("tcp_echo").await?;

    let mut client = std::net::TcpStream::connect(gateway.server("tcp_ok")?)?;
    let local = client.local_addr()?;
    client.write_all(b"from outside")?;
    let mut answer = [0; 2];
    client.read_exact(&mut answer)?;
    assert_eq!(&answer, b"ok");
    client.shutdown(Shutdown::Write)?;

    for session in &mut watching {
        let id = accepted_from(session, local).await?;
        let of_it = |event: &Event| event.connection == Some(id);
        session
            .until(|event| {
                of_it(event)
                    && event
                        .data()
                        .is_some_and(|data| data.bytes == b"from outside")
            })
            .await?;
        session
            .until(|event| of_it(event) && event.action == Action::Close)
            .await?;
    }
    elsewhere.answered().await?;
    assert!(
        elsewhere
            .events()
            .iter()
            .all(|event| event.connection.is_none())
    );
    Ok(())
}

async fn accepted_from(session: &mut Session, local: SocketAddr) -> Result<ConnectionId> {
    session
        .until(|event| event.action == Action::Accept { peer: local })
        .await?
        .connection
        .context("an accepted connection has an id")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_later_learns_who_is_there() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut early = gateway.session().await?;
    early.watch("tcp_ok").await?;
    let gone = std::net::TcpStream::connect(gateway.server("tcp_ok")?)?;
    let gone_from = gone.local_addr()?;
    let id = accepted_from(&mut early, gone_from).await?;
    drop(gone);
    early
        .until(|event| event.connection == Some(id) && event.action == Action::Close)
        .await?;
    let there = std::net::TcpStream::connect(gateway.server("tcp_ok")?)?;
    let id = accepted_from(&mut early, there.local_addr()?).await?;
    let waits = Action::Wait {
        operation: Operation::Accept,
    };
    let waits_again = |event: &Event| event.action == waits && event.connection.is_none();
    early
        .when(|session| {
            let events = session.events();
            let accept = events
                .iter()
                .position(|event| event.connection == Some(id))?;
            events[accept..].iter().any(waits_again).then_some(())
        })
        .await?;

    let mut late = gateway.session().await?;
    late.watch("tcp_ok").await?;
    assert_eq!(accepted_from(&mut late, there.local_addr()?).await?, id);
    late.until(waits_again).await?;
    assert!(
        !late
            .events()
            .iter()
            .any(|event| event.action == Action::Accept { peer: gone_from })
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outside_datagram_is_seen_with_its_address() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("udp_echo").await?;
    let client = UdpSocket::bind("127.0.0.1:0")?;
    client.connect(gateway.server("udp_echo")?)?;
    let mut ids = Vec::new();
    for text in ["one", "two"] {
        client.send(text.as_bytes())?;
        let mut answer = [0; 16];
        let length = client.recv(&mut answer)?;
        assert_eq!(&answer[..length], text.as_bytes());
        let peer = client.local_addr()?;
        let data = wire::Data::whole(text);
        let event = session
            .until(|event| {
                event.action
                    == Action::Receive {
                        peer,
                        data: data.clone(),
                    }
            })
            .await?;
        session
            .until(|event| {
                event.action
                    == Action::Send {
                        peer,
                        data: data.clone(),
                    }
            })
            .await?;
        ids.push(event.connection.context("a peer has an id")?);
    }
    assert_eq!(ids[0], ids[1], "one peer is one conversation");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_takes_its_connections_with_it() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    for _ in 0..8 {
        session.open("tcp_echo").await?;
    }
    gateway.settles_at(1, 8).await?;
    drop(session);
    gateway.settles_at(0, 0).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_closed_says_so() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_ok").await?;
    session.close(id).await?;
    session
        .until(|event| event.end == End::Client && event.action == Action::Close)
        .await?;
    session.close(id).await?;
    let refused = session.refused(Asked::Connection(id)).await?;
    assert!(refused.why.contains("not open"), "{}", refused.why);

    session
        .say(&[ToGateway::Watch {
            lesson: "127.0.0.1:22".to_owned(),
        }])
        .await?;
    session.refused(Asked::Watch).await?;
    assert!(session.try_open("nothing").await?.is_err());

    let id = session.open("udp_echo").await?;
    session.half_close(id).await?;
    let refused = session.refused(Asked::Connection(id)).await?;
    assert!(refused.why.contains("UDP"), "{}", refused.why);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_after_a_half_close_is_the_kernels_to_refuse() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_silent").await?;
    session.half_close(id).await?;
    session.send(id, "too late").await?;
    session
        .until(|event| {
            matches!(
                event.action,
                Action::Error {
                    operation: Operation::Write,
                    kind: Failure::BrokenPipe,
                    ..
                }
            )
        })
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_page_is_told_what_it_missed() -> Result<()> {
    const SENT_BYTES: usize = 24 * 1024 * 1024;
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("tcp_echo").await?;
    session.watch("tcp_ok").await?;
    let before = resident_bytes();
    // While this goes on the page reads nothing.
    let server = gateway.server("tcp_echo")?;
    tokio::task::spawn_blocking(move || -> Result<()> {
        let mut client = std::net::TcpStream::connect(server)?;
        let mut reader = client.try_clone()?;
        let back = std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        for _ in 0..SENT_BYTES / (64 * 1024) {
            client.write_all(&[7; 64 * 1024])?;
        }
        client.shutdown(Shutdown::Write)?;
        let came_back = back
            .join()
            .map_err(|_| anyhow::anyhow!("the reader panicked"))??;
        assert_eq!(came_back, SENT_BYTES as u64);
        Ok(())
    })
    .await??;
    if let (Some(before), Some(after)) = (before, resident_bytes()) {
        let grown = after.saturating_sub(before);
        assert!(
            grown < SENT_BYTES / 2,
            "the gateway has grown by {grown} bytes"
        );
    }

    session.answered().await?;
    assert!(
        session.lost() > 0,
        "48 MiB of events cannot all have waited"
    );
    // And it goes on as if nothing had been.
    let id = session.open("tcp_ok").await?;
    session.send(id, "still there?").await?;
    session
        .until(|event| event.end == End::Client && event.data().is_some_and(is_answer))
        .await?;
    Ok(())
}

/// What this process takes of the machine's memory, where the system tells.
fn resident_bytes() -> Option<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<usize>().ok()? * 4096)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_reads_in_bursts_loses_nothing() -> Result<()> {
    const ROUND_BYTES: usize = 8 * 32 * 1024;
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_echo").await?;
    for round in 1..=16 {
        for _ in 0..8 {
            session.send(id, vec![7; 32 * 1024]).await?;
        }
        session
            .when(|session| (read_by_client(session) == round * ROUND_BYTES).then_some(()))
            .await?;
    }
    assert_eq!(session.lost(), 0);
    Ok(())
}

/// How many bytes have come back so far.
fn read_by_client(session: &Session) -> usize {
    let length = |event: &Event| match (event.end, &event.action) {
        (End::Client, Action::Read(data)) => data.bytes.len(),
        _ => 0,
    };
    session.events().iter().map(length).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_tells_the_pages_and_drains() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_silent").await?;
    session.send(id, "unanswered").await?;
    let outside = std::net::TcpStream::connect(gateway.server("tcp_silent")?)?;
    session.watch("tcp_silent").await?;
    accepted_from(&mut session, outside.local_addr()?).await?;
    let (is_drained, code) = tokio::join!(gateway.stop(), close_code(session.socket()));
    assert!(is_drained, "everything ends by itself");
    assert_eq!(code?, Some(close::GOING_AWAY));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_the_token() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let token = gateway.token()?;
    let gateway = gateway.restart().await?;
    assert_eq!(gateway.token()?, token);
    Session::begin(gateway.address(), &token).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_page_is_told_to_reload() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let token = gateway.token()?;
    let mut socket = session::connect(gateway.address()).await?;
    let version = VERSION + 1;
    session::say(&mut socket, &[ToGateway::Hello { version, token }]).await?;
    assert_eq!(close_code(&mut socket).await?, Some(close::STALE_PAGE));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_token_gets_nothing() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let right = gateway.token()?;
    let other = TestGateway::start().await?.token()?;
    let wrong = [
        String::new(),
        right[1..].to_owned(),
        format!("{right}0"),
        format!(" {right}"),
        right.to_uppercase(),
        "0".repeat(60_000),
        other,
    ];
    for token in wrong {
        let mut socket = session::connect(gateway.address()).await?;
        let watch = ToGateway::Watch {
            lesson: "tcp_ok".to_owned(),
        };
        let hello = ToGateway::Hello {
            version: VERSION,
            token: token.clone(),
        };
        session::say(&mut socket, &[hello, watch]).await?;
        assert_eq!(
            close_code(&mut socket).await?,
            Some(close::WRONG_TOKEN),
            "{token}"
        );
    }
    gateway.settles_at(0, 0).await
}
