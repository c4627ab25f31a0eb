//! Answers `ok` to what it reads first, and closes.

// ANCHOR: listing
use std::io;

use crate::net::{TcpListener, TcpStream, spawn};

/// Accepts clients for ever; each gets a task of its own.
pub(crate) async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        spawn(answer(stream));
    }
}

async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    if stream.read(&mut buffer).await? > 0 {
        stream.write_all(b"ok").await?;
    }
    Ok(()) // the stream is dropped, and thereby closed
}
// ANCHOR_END: listing
