//! Answers each line with its number and length. A message ends at a newline.

// ANCHOR: listing
use crate::tap::{
    io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// A longer line, its newline included, ends the connection.
const MAX_LINE_BYTES: u64 = 1024;

/// Accepts clients for ever; each gets a task of its own.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        tokio::spawn(number_messages(stream));
    }
}

async fn number_messages(stream: TcpStream) -> io::Result<()> {
    let mut stream = BufReader::new(stream); // it keeps what lies behind the newline
    let mut line = Vec::new();
    let mut number: u64 = 0;
    loop {
        line.clear();
        let mut limited = (&mut stream).take(MAX_LINE_BYTES);
        limited.read_until(b'\n', &mut line).await?;
        let Some(message) = line.strip_suffix(b"\n") else {
            return Ok(()); // the stream has ended, or the line does not
        };
        number += 1;
        let answer = format!("{number}: {} bytes\n", message.len());
        stream.write_all(answer.as_bytes()).await?;
    }
}
// ANCHOR_END: listing
