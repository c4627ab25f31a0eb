//! Reads one line, answers `Hello, client!` and closes.

// ANCHOR: listing
use crate::tap::{
    io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// A client that sends a longer line gets no answer.
const MAX_LINE_BYTES: u64 = 8 * 1024;

/// Accepts clients for ever; each gets a task of its own.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        tokio::spawn(greet(stream));
    }
}

async fn greet(stream: TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut limited = (&mut stream).take(MAX_LINE_BYTES);
    limited.read_line(&mut line).await?;
    if !line.ends_with('\n') {
        return Ok(()); // the stream ended before the line did
    }
    println!("{line:?}");
    stream.write_all(b"Hello, client!").await
}
// ANCHOR_END: listing
