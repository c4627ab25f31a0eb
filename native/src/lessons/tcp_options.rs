//! Prints which options its end of the connection has, and sends back every line.

// ANCHOR: listing
use crate::tap::{
    io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// How long a line may be.
const MAX_LINE_BYTES: u64 = 8 * 1024;

/// Accepts clients for ever; each gets a task of its own.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        tokio::spawn(echo_lines(stream));
    }
}

async fn echo_lines(stream: TcpStream) -> io::Result<()> {
    // Options belong to one end: what the client sets on its socket is not seen here.
    let no_delay = stream.nodelay()?;
    let linger = stream.linger()?;
    println!("no-delay: {no_delay}, linger: {linger:?}");

    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        let mut limited = (&mut stream).take(MAX_LINE_BYTES);
        limited.read_line(&mut line).await?;
        if !line.ends_with('\n') {
            return Ok(()); // the stream ended, or the line is too long
        }
        stream.write_all(line.as_bytes()).await?;
    }
}
// ANCHOR_END: listing
