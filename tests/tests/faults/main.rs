//! What may go wrong around a gateway, done to the program itself.

mod descriptors;
mod disk;
mod pages;
mod ports;
mod standstill;
mod terminal;

use anyhow::Result;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use wire::ConnectionId;
use wirebook_tests::gateway::{self, Answer, PATIENCE};
use wirebook_tests::serving::Serving;
use wirebook_tests::session::Session;

/// Sends a text on a connection to `tcp_echo` and waits until all of it is back.
async fn echoes(session: &mut Session, id: ConnectionId, text: &str) -> Result<()> {
    let seen = session.events().len();
    session.send(id, text).await?;
    let is_back = |session: &Session| {
        let read: usize = (session.observed()[seen..].iter())
            .filter(|event| event.connection == Some(id) && event.end == wire::End::Client)
            .filter(|event| event.action.verb() == "read")
            .filter_map(|event| event.data())
            .map(|data| data.bytes.len())
            .sum();
        (read >= text.len()).then_some(())
    };
    session.when(is_back).await
}

/// Asks for a page as a browser does.
async fn get(serving: &Serving, path: &str) -> Result<Answer> {
    gateway::get(serving.address()?, path, "").await
}

/// Whether the other side ends this connection, in whatever way, before it says anything.
async fn is_ended(stream: &mut TcpStream) -> Result<bool> {
    let mut byte = [0];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut byte)).await?;
    Ok(matches!(read, Ok(0) | Err(_)))
}
