//! Answers each message with its number and length. Every message has eight bytes.

// ANCHOR: listing
use crate::tap::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A shorter message is filled up with spaces; a longer one cannot be sent.
const MESSAGE_BYTES: usize = 8;

/// Accepts clients for ever; each gets a task of its own.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        tokio::spawn(number_messages(stream));
    }
}

async fn number_messages(mut stream: TcpStream) -> io::Result<()> {
    let mut message = [0; MESSAGE_BYTES];
    let mut number: u32 = 0;
    loop {
        stream.read_exact(&mut message).await?;
        number = number.wrapping_add(1);
        let length = message.trim_ascii_end().len(); // spaces at its end are lost
        let answer = format!("{number}: {length} bytes");
        // 20 bytes: the largest number has room.
        stream.write_all(format!("{answer:<20}").as_bytes()).await?;
    }
}
// ANCHOR_END: listing
