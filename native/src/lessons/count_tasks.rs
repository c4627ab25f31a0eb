//! Adds up the numbers it is sent: a task for each client, and a lock around the total.

// ANCHOR: listing
use std::sync::{Arc, Mutex, PoisonError};

use crate::tap::{
    io::{self, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task,
};

/// A client that sends a longer line is sent away.
const MAX_LINE_BYTES: u64 = 1024;

/// Accepts clients for ever; each gets a task of its own and a share in the total.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let total = Arc::new(Mutex::new(0));
    loop {
        let (stream, _peer) = listener.accept().await?;
        task::spawn(count(stream, Arc::clone(&total)));
    }
}

async fn count(stream: TcpStream, total: Arc<Mutex<i64>>) -> io::Result<()> {
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
            Some(number) => format!("total {}\n", add(number, &total)),
            None => "not a number\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// Holds the lock for one addition, and never while it waits for a client.
fn add(number: i64, total: &Mutex<i64>) -> i64 {
    let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
    *total = total.wrapping_add(number);
    *total
}

fn number_in(line: &[u8]) -> Option<i64> {
    str::from_utf8(line).ok()?.trim().parse().ok()
}
// ANCHOR_END: listing
