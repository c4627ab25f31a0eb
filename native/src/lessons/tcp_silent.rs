//! Prints what it reads and never answers.

// ANCHOR: listing
use crate::tap::{
    io::{self, AsyncReadExt},
    net::{TcpListener, TcpStream},
};

/// Accepts clients for ever; each gets a task of its own.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        tokio::spawn(only_listen(stream));
    }
}

async fn only_listen(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(()); // the client has closed
        }
        println!("{:?}", String::from_utf8_lossy(&buffer[..length]));
    }
}
// ANCHOR_END: listing
