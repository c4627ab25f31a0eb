//! Adds up the numbers it is sent: one task owns the total, the clients' tasks send it messages.

// ANCHOR: listing
use tokio::sync::{mpsc, oneshot};

use crate::tap::{
    io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task,
};

/// A client that sends a longer line is sent away.
const MAX_LINE_BYTES: u64 = 1024;

/// How many messages may wait; who sends one more waits for room.
const MAX_WAITING: usize = 32;

/// Asks for `number` to be added, and for the total to be sent to `reply`.
struct Add {
    number: i64,
    reply: oneshot::Sender<i64>,
}

/// Accepts clients for ever; each gets a task of its own and a way to ask.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let (adds, inbox) = mpsc::channel(MAX_WAITING);
    task::spawn(keep_total(inbox));
    loop {
        let (stream, _peer) = listener.accept().await?;
        task::spawn(count(stream, adds.clone()));
    }
}

/// The only task that sees the total, so it needs no lock.
async fn keep_total(mut inbox: mpsc::Receiver<Add>) {
    let mut total = 0_i64;
    while let Some(Add { number, reply }) = inbox.recv().await {
        total = total.wrapping_add(number);
        let _ = reply.send(total); // whoever asked may have gone
    }
}

async fn count(stream: TcpStream, adds: mpsc::Sender<Add>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut stream).take(MAX_LINE_BYTES);
        limited.read_until(b'\n', &mut line).await?;
        if !line.ends_with(b"\n") {
            return Ok(()); // the client has closed, or its line is too long
        }
        let answer = match number_in(&line) {
            Some(number) => format!("total {}\n", ask_to_add(number, &adds).await?),
            None => "not a number\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

async fn ask_to_add(number: i64, adds: &mpsc::Sender<Add>) -> io::Result<i64> {
    let (reply, total) = oneshot::channel();
    let sent = adds.send(Add { number, reply }).await;
    sent.map_err(io::Error::other)?;
    total.await.map_err(io::Error::other)
}

fn number_in(line: &[u8]) -> Option<i64> {
    str::from_utf8(line).ok()?.trim().parse().ok()
}
// ANCHOR_END: listing
