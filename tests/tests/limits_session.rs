//! Each limit of a session, just below it and just above.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::tungstenite::Message;
use wire::event::MAX_EVENT_BYTES;
use wire::session::{MAX_FRAME_BYTES, MAX_SEND_BYTES, VERSION, close};
use wire::{End, ToGateway, ToPage};
use wirebook_tests::gateway::{PATIENCE, TestGateway};
use wirebook_tests::session::{self, Session, close_code};

/// RFC 6455, 7.4.1: message too big.
const TOO_BIG: u16 = 1009;

fn hello(gateway: &TestGateway) -> Result<ToGateway> {
    Ok(ToGateway::Hello {
        version: VERSION,
        token: gateway.token()?,
    })
}

/// The code that a page is closed with that says a right hello.
async fn code_after_hello(gateway: &TestGateway) -> Result<Option<u16>> {
    let mut socket = session::connect(gateway.address()).await?;
    session::say(&mut socket, &[hello(gateway)?]).await?;
    close_code(&mut socket).await
}

/// Has `text` come back from a server.
async fn echoes(session: &mut Session, text: &str) -> Result<()> {
    let id = session.open("tcp_echo").await?;
    session.send(id, text).await?;
    session
        .until(|event| {
            event.connection == Some(id)
                && event.end == End::Client
                && event.action.verb() == "read"
        })
        .await?;
    session.close(id).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_page_too_many_is_told_so() -> Result<()> {
    let gateway = TestGateway::start_with(|limits| limits.sessions = 2).await?;
    let mut sessions = vec![gateway.session().await?, gateway.session().await?];
    let code = code_after_hello(&gateway).await?;
    assert_eq!(code, Some(close::TOO_MANY_SESSIONS));

    // Those that are there feel nothing, and the place of one that leaves is free.
    echoes(&mut sessions[0], "still here").await?;
    sessions.pop();
    gateway.settles_at(1, 0).await?;
    echoes(&mut gateway.session().await?, "a new one").await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_said_hello_takes_one_of_few_places() -> Result<()> {
    let gateway = TestGateway::start_with(|limits| {
        limits.greetings = 1;
        limits.hello = PATIENCE;
    })
    .await?;
    let mut silent = session::connect(gateway.address()).await?;
    // Its place is taken when the upgrade is done, which nothing announces.
    let refused = async {
        loop {
            let mut socket = session::connect(gateway.address()).await?;
            session::say(&mut socket, &[hello(&gateway)?]).await?;
            let answer = socket.next().await.context("an answer")??;
            if let Message::Close(frame) = answer {
                return anyhow::Ok(frame.map(|frame| u16::from(frame.code)));
            }
        }
    };
    let code = tokio::time::timeout(PATIENCE, refused).await??;
    assert_eq!(code, Some(close::TOO_MANY_SESSIONS));

    session::say(&mut silent, &[hello(&gateway)?]).await?;
    let welcome = silent.next().await.context("a welcome")??;
    assert!(welcome.is_binary(), "{welcome:?}");
    gateway.session().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_says_nothing_is_let_go() -> Result<()> {
    const TIME: Duration = Duration::from_millis(500);
    let gateway = TestGateway::start_with(|limits| limits.hello = TIME).await?;
    let start = Instant::now();
    let mut silent = session::connect(gateway.address()).await?;
    let mut in_time = gateway.session().await?;
    assert_eq!(close_code(&mut silent).await?, Some(close::NO_HELLO));
    assert!(start.elapsed() >= TIME, "{:?}", start.elapsed());
    // That time is for the hello alone.
    echoes(&mut in_time, "hello").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_the_largest_size_passes_and_a_larger_one_does_not() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_echo").await?;
    let mut frame = Vec::new();
    let bytes = vec![b'x'; MAX_SEND_BYTES];
    let connection = id;
    ToGateway::Send { connection, bytes }.encode(&mut frame);
    // A ping takes as many bytes as its number is large.
    let ping = |nonce| {
        let mut message = Vec::new();
        ToGateway::Ping { nonce }.encode(&mut message);
        message
    };
    let (even, odd) = (ping(0), ping(0x80));
    assert_eq!((even.len(), odd.len()), (2, 3));
    if (MAX_FRAME_BYTES - frame.len()) % 2 == 1 {
        frame.extend(odd);
    }
    while frame.len() < MAX_FRAME_BYTES {
        frame.extend(&even);
    }
    assert_eq!(frame.len(), MAX_FRAME_BYTES);
    session.socket().send(Message::Binary(frame.into())).await?;
    let read = |session: &Session, end| -> Vec<usize> {
        let events = session.observed().iter();
        let of_end = events.filter(|event| event.end == end && event.action.verb() == "read");
        of_end
            .filter_map(|event| event.data())
            .map(|data| data.bytes.len())
            .collect()
    };
    session
        .when(|session| {
            let total: usize = read(session, End::Client).iter().sum();
            (total == MAX_SEND_BYTES).then_some(())
        })
        .await?;
    // However much is moved at once, an event has one slice of it.
    let largest = [End::Client, End::Server].map(|end| read(&session, end).into_iter().max());
    assert!(
        largest
            .iter()
            .all(|length| *length <= Some(MAX_EVENT_BYTES)),
        "{largest:?}"
    );

    let large = Message::Binary(vec![0; MAX_FRAME_BYTES + 1].into());
    session.socket().send(large).await?;
    assert_eq!(close_code(session.socket()).await?, Some(TOO_BIG));
    gateway.settles_at(0, 0).await?;
    echoes(&mut gateway.session().await?, "the next page").await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_fast_is_answered_later_and_completely() -> Result<()> {
    const BURST: u32 = 20;
    const PER_SEC: u32 = 50;
    const MORE: u32 = 30;
    let gateway = TestGateway::start_with(|limits| {
        limits.commands_burst = BURST;
        limits.commands_per_sec = PER_SEC;
    })
    .await?;
    let mut session = gateway.session().await?;
    let start = Instant::now();
    let asked = 0..BURST + MORE;
    let pings: Vec<_> = (asked.clone())
        .map(|nonce| ToGateway::Ping { nonce })
        .collect();
    session.say(&pings).await?;
    let mut answered = Vec::new();
    while answered.len() < pings.len() {
        let next = session.socket().next().await;
        if let Message::Binary(frame) = next.context("the session ended")?? {
            answered.extend(ToPage::decode(&frame)?);
        }
    }
    assert!(
        answered
            .into_iter()
            .eq(asked.map(|nonce| ToPage::Pong { nonce }))
    );
    // The burst at once, the others at their pace.
    let least = Duration::from_secs(1) * (MORE - 1) / PER_SEC;
    assert!(start.elapsed() >= least, "{:?}", start.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_takes_nothing_is_closed_and_hears_why_when_it_reads_again() -> Result<()> {
    let gateway = TestGateway::start_with(|limits| {
        limits.write = Duration::from_millis(300);
        limits.close = PATIENCE;
    })
    .await?;
    let mut session = gateway.session().await?;
    let mut other = gateway.session().await?;
    session.watch("tcp_echo").await?;
    // Outside traffic does not wait for the page, so that there is always more to tell.
    let server = gateway.server("tcp_echo")?;
    let is_enough = Arc::new(AtomicBool::new(false));
    let flood = tokio::task::spawn_blocking({
        let is_enough = Arc::clone(&is_enough);
        move || -> std::io::Result<()> {
            let mut client = std::net::TcpStream::connect(server)?;
            let mut buffer = vec![0; 64 * 1024];
            while !is_enough.load(Ordering::Relaxed) {
                client.write_all(&buffer)?;
                client.read_exact(&mut buffer)?;
            }
            Ok(())
        }
    });
    // Its place is free before it hears of it.
    gateway.settles_at(1, 1).await?;
    is_enough.store(true, Ordering::Relaxed);
    flood.await??;
    echoes(&mut other, "unmoved").await?;
    assert_eq!(close_code(session.socket()).await?, Some(close::TOO_SLOW));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_answers_no_ping_is_gone_and_one_that_does_stays() -> Result<()> {
    const DEAD: Duration = Duration::from_secs(2);
    let gateway = TestGateway::start_with(|limits| {
        limits.ping = Duration::from_millis(100);
        limits.dead = DEAD;
    })
    .await?;
    let mut there = gateway.session().await?;
    let start = Instant::now();
    // Its library answers pings while it reads: this one never does.
    let _silent = gateway.session().await?;
    gateway.settles_at(2, 0).await?;
    let pings = async {
        while start.elapsed() < DEAD * 2 {
            let next = there.socket().next().await;
            let message = next.context("the session ended")??;
            anyhow::ensure!(message.is_ping(), "{message:?}");
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(PATIENCE, pings).await??;
    gateway.settles_at(1, 0).await?;
    echoes(&mut there, "still there").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_does_not_say_goodbye_is_not_awaited() -> Result<()> {
    let gateway = TestGateway::start_with(|limits| {
        limits.close = Duration::from_millis(200);
        limits.drain = PATIENCE;
    })
    .await?;
    // It neither reads the close frame nor answers it.
    let _session = gateway.session().await?;
    let start = Instant::now();
    assert!(gateway.stop().await);
    assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_reads_later_has_its_lesson_wait_and_loses_nothing() -> Result<()> {
    const SENT: usize = 300;
    // Each of these is several events at both ends.
    let gateway = TestGateway::start_with(|limits| limits.queued_messages = 64).await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_echo").await?;
    let send = ToGateway::Send {
        connection: id,
        bytes: vec![b'x'],
    };
    session.say(&vec![send; SENT]).await?;
    session
        .when(|session| {
            let read = session
                .observed()
                .iter()
                .filter(|event| event.end == End::Client && event.action.verb() == "read");
            let bytes = read
                .filter_map(|event| event.data())
                .map(|data| data.bytes.len());
            (bytes.sum::<usize>() == SENT).then_some(())
        })
        .await?;
    assert_eq!(session.lost(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_has_missed_is_counted_to_the_event() -> Result<()> {
    let gateway = TestGateway::start_with(|limits| limits.queued_messages = 64).await?;
    let (mut slow, mut quick) = (gateway.session().await?, gateway.session().await?);
    slow.watch("tcp_echo").await?;
    quick.watch("tcp_echo").await?;
    // One reads nothing while another program has the lesson do far more than can wait for it.
    let server = gateway.server("tcp_echo")?;
    let flood = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        let mut client = std::net::TcpStream::connect(server)?;
        let mut buffer = vec![0; 64 * 1024];
        for _ in 0..64 {
            client.write_all(&buffer)?;
            client.read_exact(&mut buffer)?;
        }
        Ok(())
    });
    while !flood.is_finished() {
        quick.answered().await?;
    }
    flood.await??;
    gateway.settles_at(2, 0).await?;
    // All that one was told or told to have missed, the other was, too.
    let told = |session: &Session| session.observed().len() as u64 + session.lost();
    let both = async {
        loop {
            slow.answered().await?;
            quick.answered().await?;
            if told(&slow) == told(&quick) {
                return anyhow::Ok(());
            }
        }
    };
    let are_even = tokio::time::timeout(PATIENCE / 4, both).await;
    let (slow_told, quick_told) = (told(&slow), told(&quick));
    assert!(are_even.is_ok(), "{slow_told} events, {quick_told} events");
    assert!(slow.lost() > 0, "it has missed nothing");
    echoes(&mut slow, "as before").await
}
