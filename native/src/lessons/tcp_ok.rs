//! Prints what it reads and answers `ok` to every read, until the client closes.

// ANCHOR: listing
use crate::tap::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Accepts clients for ever; each gets a task of its own.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        tokio::spawn(answer_ok(stream));
    }
}

async fn answer_ok(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(()); // the client has closed
        }
        println!("{:?}", String::from_utf8_lossy(&buffer[..length]));
        stream.write_all(b"ok").await?;
    }
}
// ANCHOR_END: listing
