//! Sends as many bytes as the client asks for, and closes.

// ANCHOR: listing
use std::io;

use crate::net::{TcpListener, TcpStream, spawn};

const LETTERS: &[u8; 26] = b"abcdefghijklmnopqrstuvwxyz";

/// Accepts clients for ever; each gets a task of its own.
pub(crate) async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        spawn(pour(stream));
    }
}

/// The client says how many, as in `20000`.
async fn pour(mut stream: TcpStream) -> io::Result<()> {
    let mut request = [0; 32];
    let length = stream.read(&mut request).await?;
    let request = String::from_utf8_lossy(&request[..length]);
    let wanted: usize = request.trim().parse().unwrap_or(0);

    let bytes: Vec<u8> = LETTERS.iter().copied().cycle().take(4096).collect();
    let mut left = wanted.min(10_000_000);
    while left > 0 {
        let next = left.min(bytes.len());
        stream.write_all(&bytes[..next]).await?;
        left -= next;
    }
    Ok(())
}
// ANCHOR_END: listing
