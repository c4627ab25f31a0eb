//! Answers `ok` to every line, and leaves a client that takes too long for one.

// ANCHOR: listing
use std::time::Duration;

use tokio::time::timeout;

use crate::tap::{
    io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// How long a client may take for a line.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a line may be.
const MAX_LINE_BYTES: u64 = 8 * 1024;

/// Accepts clients for ever; each gets a task of its own.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        tokio::spawn(answer_lines(stream));
    }
}

async fn answer_lines(stream: TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        let mut limited = (&mut stream).take(MAX_LINE_BYTES);
        // When the time is up, the read is dropped where it waits.
        match timeout(PATIENCE, limited.read_line(&mut line)).await {
            Err(_) => return stream.write_all(b"too slow\n").await,
            Ok(result) => result?,
        };
        if !line.ends_with('\n') {
            return Ok(()); // the stream ended, or the line is too long
        }
        stream.write_all(b"ok\n").await?;
    }
}
// ANCHOR_END: listing
