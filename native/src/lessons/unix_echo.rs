//! Sends back every byte, until the client shuts down its writing half: `tcp_echo` on a Unix socket.

// ANCHOR: listing
use crate::tap::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
};

/// Accepts clients for ever; each gets a task of its own.
pub async fn serve(listener: UnixListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        tokio::spawn(echo(stream));
    }
}

async fn echo(mut stream: UnixStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(()); // nothing more will come
        }
        stream.write_all(&buffer[..length]).await?;
    }
}
// ANCHOR_END: listing
