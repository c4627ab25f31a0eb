//! The client that the gateway is for the reader: how it fails, and what can be changed about it.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::time::Duration;

use anyhow::Result;
use wire::event::Failure;
use wire::{Action, End, Operation};
use wirebook_tests::gateway::TestGateway;

/// Connects to a lesson that takes no connection, and returns how that fails.
async fn connect_fails(lesson: &str) -> Result<Failure> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    session.watch(lesson).await?;
    let id = session.open(lesson).await?;
    let event = session
        .until(|event| matches!(event.action, Action::Error { .. }))
        .await?;
    assert_eq!((event.connection, event.end), (Some(id), End::Client));
    let Action::Error {
        operation, kind, ..
    } = event.action
    else {
        unreachable!("it is an error");
    };
    assert_eq!(operation, Operation::Connect);
    assert!(
        !session
            .events()
            .iter()
            .any(|event| event.end == End::Server)
    );
    assert!(gateway.stop().await);
    Ok(kind)
}

#[tokio::test(flavor = "multi_thread")]
async fn tcp_refused_refuses_and_keeps_its_port() -> Result<()> {
    assert_eq!(connect_fails("tcp_refused").await?, Failure::Refused);
    let gateway = TestGateway::start().await?;
    let address = gateway.server("tcp_refused")?;
    let error = std::net::TcpListener::bind(address).err();
    assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::AddrInUse));
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn tcp_full_lets_every_client_wait_in_vain() -> Result<()> {
    assert_eq!(connect_fails("tcp_full").await?, Failure::TimedOut);
    let gateway = TestGateway::start().await?;
    let address = gateway.server("tcp_full")?;
    let error = TcpStream::connect_timeout(&address, Duration::from_millis(500)).err();
    assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::TimedOut));
    Ok(())
}
