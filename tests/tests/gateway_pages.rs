//! How a page's session begins, how it copes with much, and how it ends.

use std::io::Write as _;
use std::net::Shutdown;

use anyhow::Result;
use wire::session::{VERSION, close};
use wire::{Action, Data, End, Event, ToGateway};
use wirebook::lessons::LESSONS;
use wirebook_tests::gateway::{BUILD, TestGateway};
use wirebook_tests::serving::Process;
use wirebook_tests::session::{self, Session, close_code};

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
    let lessons: Vec<_> = LESSONS.iter().map(|lesson| lesson.name).collect();
    assert_eq!(names, lessons);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_page_is_told_what_it_missed() -> Result<()> {
    // Enough that keeping it would dwarf what other tests of this process take meanwhile.
    const SENT_BYTES: usize = 80 * 1024 * 1024;
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch("tcp_echo").await?;
    session.watch("tcp_ok").await?;
    let process = Process(std::process::id());
    let before = process.resident_bytes();
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
    // Where the system tells.
    if let (Ok(before), Ok(after)) = (before, process.resident_bytes()) {
        let grown = after.saturating_sub(before);
        assert!(
            grown < SENT_BYTES / 2,
            "the gateway has grown by {grown} bytes"
        );
    }

    session.answered().await?;
    assert!(
        session.lost() > 0,
        "160 MiB of events cannot all have waited"
    );
    // And it goes on as if nothing had been.
    let id = session.open("tcp_ok").await?;
    session.send(id, "still there?").await?;
    session
        .until(|event| event.end == End::Client && event.action == Action::Read(Data::whole("ok")))
        .await?;
    Ok(())
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
    session.observed().iter().map(length).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_tells_the_pages_and_drains() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = session.open("tcp_silent").await?;
    session.send(id, "unanswered").await?;
    let outside = std::net::TcpStream::connect(gateway.server("tcp_silent")?)?;
    session.watch("tcp_silent").await?;
    let peer = outside.local_addr()?;
    session
        .until(|event| event.action == Action::Accept { peer: peer.into() })
        .await?;
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
async fn a_token_that_was_replaced_opens_nothing_any_more() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let old = gateway.token()?;
    // What a reader does who has shown the link to somebody.
    std::fs::remove_file(gateway.state_dir().join("token"))?;
    Session::begin(gateway.address(), &old).await?;
    let gateway = gateway.restart().await?;
    assert_ne!(gateway.token()?, old);
    let mut socket = session::connect(gateway.address()).await?;
    let hello = ToGateway::Hello {
        version: VERSION,
        token: old,
    };
    session::say(&mut socket, &[hello]).await?;
    assert_eq!(close_code(&mut socket).await?, Some(close::WRONG_TOKEN));
    gateway.session().await?;
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
