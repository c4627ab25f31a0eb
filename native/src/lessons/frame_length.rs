//! Answers each message with its number and length. Two bytes before it tell how long it is.

// ANCHOR: listing
use crate::tap::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Accepts clients for ever; each gets a task of its own.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        tokio::spawn(number_messages(stream));
    }
}

async fn number_messages(mut stream: TcpStream) -> io::Result<()> {
    let mut number: u64 = 0;
    loop {
        let length = stream.read_u16().await?; // the high byte first: network byte order
        let mut message = vec![0; length.into()]; // two bytes cannot ask for more than 65,535
        stream.read_exact(&mut message).await?;
        number += 1;
        let answer = format!("{number}: {} bytes", message.len());
        stream.write_all(&framed(&answer)).await?;
    }
}

/// Length and text in one piece, so that they are one write.
fn framed(answer: &str) -> Vec<u8> {
    let length = answer.len() as u16; // of a few words
    [&length.to_be_bytes(), answer.as_bytes()].concat()
}
// ANCHOR_END: listing
