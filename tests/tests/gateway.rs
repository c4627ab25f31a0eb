//! What a page sees: its own connections and those of outside programs, and nobody else's.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, UdpSocket};

use anyhow::{Context as _, Result};
use wire::event::Failure;
use wire::session::Asked;
use wire::{Action, ConnectionId, End, Event, Operation, ToGateway};
use wirebook_tests::gateway::TestGateway;
use wirebook_tests::session::Session;

#[tokio::test(flavor = "multi_thread")]
async fn a_cause_never_sorts_behind_its_effect() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_echo").await?;
    for round in 10..60 {
        session.send(id, format!("<{round}>")).await?;
    }
    session
        .when(|session| {
            let read = session.observed().iter().filter(|event| {
                event.end == End::Client && matches!(event.action, Action::Read(_))
            });
            let read_bytes: usize = read
                .filter_map(Event::data)
                .map(|data| data.bytes.len())
                .sum();
            (read_bytes == 50 * 4).then_some(())
        })
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
        .until(|event| event.action == Action::Accept { peer: local.into() })
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
    assert!(!late.events().iter().any(|event| event.action
        == Action::Accept {
            peer: gone_from.into()
        }));
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
                        peer: peer.into(),
                        data: data.clone(),
                    }
            })
            .await?;
        session
            .until(|event| {
                event.action
                    == Action::Send {
                        peer: peer.into(),
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
