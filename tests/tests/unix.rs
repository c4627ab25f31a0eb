//! Lessons on Unix sockets: the same as on TCP, at a path that is the reader's alone.
#![cfg(unix)]

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use wire::event::SocketOption;
use wire::session::{Adjustment, Asked, Server};
use wire::{Action, Address, End, Event, ToGateway};
use wirebook::capture::Capture;
use wirebook::gateway::limits::Limits;
use wirebook::gateway::{Config, Gateway, LessonPorts, SiteSource};
use wirebook_tests::gateway::TestGateway;

/// Where the lesson's socket is.
fn path_in(servers: &[Server]) -> Result<PathBuf> {
    let server = servers.iter().find(|server| server.lesson == "unix_echo");
    match server.map(|server| &server.address) {
        Some(Address::Unix(path)) => Ok(PathBuf::from(path)),
        other => anyhow::bail!("it is at {other:?}"),
    }
}

/// A gateway whose state is kept in `folder`.
async fn gateway_in(folder: &Path) -> Result<Gateway> {
    let site = folder.join("site");
    std::fs::create_dir_all(&site)?;
    Gateway::start(Config {
        port: 0,
        lesson_ports: LessonPorts::Any,
        state_dir: folder.join("state"),
        site: SiteSource::Folder(site),
        capture: Capture::missing("not asked for"),
        author: false,
        limits: Limits::default(),
    })
    .await
}

/// What comes back for `text`.
fn echo(path: &Path, text: &str) -> Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.write_all(text.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_connects_to_a_path_as_it_does_to_a_port() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let server = path_in(gateway.servers())?;
    let mut session = gateway.session().await?;
    let id = session.open("unix_echo").await?;
    session.send(id, "hello").await?;
    let read = |end| {
        move |event: &Event| {
            event.end == end
                && event.connection == Some(id)
                && matches!(&event.action, Action::Read(data) if data.bytes == b"hello")
        }
    };
    let at_server = session.until(read(End::Server)).await?;
    let source = at_server.source.context("the server has lines")?;
    assert_eq!(source.file, "native/src/lessons/unix_echo.rs");
    session.until(read(End::Client)).await?;
    session.half_close(id).await?;
    session
        .until(|event| event.end == End::Client && event.action == Action::EndOfStream)
        .await?;
    session.close(id).await?;
    session
        .until(|event| event.end == End::Client && event.action == Action::Close)
        .await?;
    let events = session.events();
    let peers = events.iter().filter_map(|event| match &event.action {
        Action::Connect { peer, .. } => Some(peer),
        _ => None,
    });
    let at = Address::Unix(server.to_string_lossy().into_owned());
    assert_eq!(peers.collect::<Vec<_>>(), [&at]);
    assert!(gateway.stop().await);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_outside_is_seen_without_a_name() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let path = path_in(gateway.servers())?;
    let mut session = gateway.session().await?;
    session.watch("unix_echo").await?;
    assert_eq!(echo(&path, "from outside")?, "from outside");
    let nameless = Address::Unix(String::new());
    session
        .until(|event| {
            event.action
                == Action::Accept {
                    peer: nameless.clone(),
                }
        })
        .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_tcp_has_is_refused() -> Result<()> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let id = session.open("unix_echo").await?;
    session.reset(id).await?;
    let refused = session.refused(Asked::Connection(id)).await?;
    assert!(refused.why.contains("Close it"), "{}", refused.why);
    let id = session.open("unix_echo").await?;
    let adjustment = Adjustment::Option(SocketOption::NoDelay, 1);
    session
        .say(&[ToGateway::Adjust {
            connection: id,
            adjustment,
        }])
        .await?;
    let refused = session.refused(Asked::Connection(id)).await?;
    assert!(refused.why.contains("TCP"), "{}", refused.why);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_the_readers_alone_and_goes_with_the_gateway() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let gateway = gateway_in(folder.path()).await?;
    let path = path_in(gateway.servers())?;
    assert_eq!(path.metadata()?.permissions().mode() & 0o777, 0o600);
    assert!(gateway.stop().await);
    assert!(!path.exists());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_have_two_sockets_and_a_dead_one_has_none() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let first = gateway_in(folder.path()).await?;
    let second = gateway_in(folder.path()).await?;
    let (one, two) = (path_in(first.servers())?, path_in(second.servers())?);
    assert!(one.ends_with("unix_echo.sock") && two.ends_with("unix_echo-2.sock"));
    for path in [&one, &two] {
        assert_eq!(echo(path, "hello")?, "hello");
    }
    assert!(first.stop().await);
    assert!(second.stop().await);
    // Killed, a gateway leaves its file.
    drop(UnixListener::bind(&one)?);
    assert!(one.exists());
    let third = gateway_in(folder.path()).await?;
    assert_eq!(path_in(third.servers())?, one);
    assert_eq!(echo(&one, "hello")?, "hello");
    Ok(())
}
