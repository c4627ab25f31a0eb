//! Reads until the client has finished, takes its time, and has the last word.

// ANCHOR: listing
use std::time::Duration;

use tokio::time::sleep;

use crate::tap::{
    io::{self, AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// How long the answer takes.
const WORK: Duration = Duration::from_secs(1);

/// Accepts clients for ever; each gets a task of its own.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    loop {
        let (stream, _peer) = listener.accept().await?;
        tokio::spawn(answer_at_the_end(stream));
    }
}

async fn answer_at_the_end(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    let mut total = 0;
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            break; // the client's FIN: it has nothing more to say
        }
        total += length;
    }
    sleep(WORK).await;
    stream
        .write_all(format!("{total} bytes\n").as_bytes())
        .await
    // The stream is dropped here, and with it the server's FIN leaves.
}
// ANCHOR_END: listing
