//! Adds up the numbers it is sent, for one client at a time: the others wait.

// ANCHOR: listing
use crate::tap::std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
};

/// A client that sends a longer line is sent away.
const MAX_LINE_BYTES: u64 = 1024;

/// Accepts a client, serves it to its end, and only then accepts the next.
pub fn serve(listener: TcpListener) -> io::Result<()> {
    let mut total = 0;
    loop {
        let (stream, _peer) = listener.accept()?;
        let _ = count(stream, &mut total); // a client that fails ends nobody else
    }
}

fn count(stream: TcpStream, total: &mut i64) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut stream).take(MAX_LINE_BYTES);
        limited.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Ok(()); // the client has closed, or its line is too long
        }
        let answer = match number_in(&line) {
            Some(number) => {
                *total = total.wrapping_add(number);
                format!("total {total}\n")
            }
            None => "not a number\n".to_owned(),
        };
        stream.get_mut().write_all(answer.as_bytes())?;
    }
}

fn number_in(line: &[u8]) -> Option<i64> {
    str::from_utf8(line).ok()?.trim().parse().ok()
}
// ANCHOR_END: listing
