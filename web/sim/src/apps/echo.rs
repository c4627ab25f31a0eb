//! Sends back every byte, until the client shuts down its writing half.

// ANCHOR: listing
use std::io;

use crate::net::{TcpListener, TcpStream, spawn};

/// Accepts clients for ever; each gets a task of its own.
pub(crate) async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        spawn(echo(stream));
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(()); // nothing more will come
        }
        stream.write_all(&buffer[..length]).await?;
    }
}
// ANCHOR_END: listing
