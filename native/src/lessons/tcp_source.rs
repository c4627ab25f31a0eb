//! Writes as long as the client makes room, to show how much fits in between.

// ANCHOR: listing
use socket2::SockRef;

use crate::tap::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What it sends in all.
const TOTAL_BYTES: usize = 256 * 1024;

/// Accepts clients for ever; each gets a task of its own.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        tokio::spawn(pour(stream));
    }
}

async fn pour(mut stream: TcpStream) -> io::Result<()> {
    // Little room on this side, so that the room on the client's side decides.
    SockRef::from(&stream).set_send_buffer_size(4096)?;

    // Any byte is the sign to begin.
    if stream.read(&mut [0; 16]).await? == 0 {
        return Ok(());
    }
    let chunk = [b'.'; 4096];
    let mut written = 0;
    while written < TOTAL_BYTES {
        let rest = chunk.len().min(TOTAL_BYTES - written);
        // Waits while both buffers are full: this is flow control.
        written += stream.write(&chunk[..rest]).await?;
    }
    println!("{written} bytes written");
    Ok(())
}
// ANCHOR_END: listing
