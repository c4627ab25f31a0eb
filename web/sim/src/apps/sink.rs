//! Reads whatever comes, and answers nothing.

// ANCHOR: listing
use std::io;

use crate::net::{TcpListener, TcpStream, spawn};

/// Accepts clients for ever; each gets a task of its own.
pub(crate) async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        spawn(swallow(stream));
    }
}

async fn swallow(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}
// ANCHOR_END: listing
