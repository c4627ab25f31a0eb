//! Adds up the numbers it is sent: one thread asks which sockets are ready, and serves those.

// ANCHOR: listing
use std::collections::HashMap;

use crate::tap::{
    mio::net::{TcpListener, TcpStream},
    mio::{Events, Interest, Poll, Token},
    std::io::{self, Read, Write},
};

/// A client that sends a longer line is sent away.
const MAX_LINE_BYTES: usize = 1024;

const LISTENER: Token = Token(0);

/// The loop: wait until something is ready, then do all that can be done without waiting.
pub fn serve(mut listener: TcpListener) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(64);
    let mut clients = HashMap::new();
    let mut last_token = LISTENER;
    let mut total = 0;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            result => result?,
        }
        for event in &events {
            if event.token() == LISTENER {
                while let Some(mut stream) = accepted(&listener)? {
                    last_token.0 += 1;
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    poll.registry()
                        .register(&mut stream, last_token, interest)?;
                    clients.insert(last_token, Client::new(stream));
                }
            } else if let Some(client) = clients.get_mut(&event.token()) {
                match client.advance(&mut total) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // It has closed, or failed.
                    _ => _ = clients.remove(&event.token()),
                }
            }
        }
    }
}

/// The next client, if one is there.
fn accepted(listener: &TcpListener) -> io::Result<Option<TcpStream>> {
    match listener.accept() {
        Ok((stream, _peer)) => Ok(Some(stream)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// What a task would keep in its variables while it waits.
struct Client {
    stream: TcpStream,
    received: Vec<u8>,
    unsent: Vec<u8>,
}

impl Client {
    fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            received: Vec::new(),
            unsent: Vec::new(),
        }
    }

    /// Goes on where it stopped, until the socket says that it would have to wait.
    fn advance(&mut self, total: &mut i64) -> io::Result<()> {
        let mut buffer = [0; MAX_LINE_BYTES];
        loop {
            while !self.unsent.is_empty() {
                let length = self.stream.write(&self.unsent)?;
                self.unsent.drain(..length);
            }
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<_> = self.received.drain(..=end).collect();
                self.unsent = answer(&line, total);
                continue;
            }
            let room = MAX_LINE_BYTES - self.received.len();
            if room == 0 {
                return Ok(()); // its line is too long
            }
            let length = self.stream.read(&mut buffer[..room])?;
            if length == 0 {
                return Ok(()); // the client has closed
            }
            self.received.extend_from_slice(&buffer[..length]);
        }
    }
}

fn answer(line: &[u8], total: &mut i64) -> Vec<u8> {
    match number_in(line) {
        Some(number) => {
            *total = total.wrapping_add(number);
            format!("total {total}\n").into_bytes()
        }
        None => b"not a number\n".to_vec(),
    }
}

fn number_in(line: &[u8]) -> Option<i64> {
    str::from_utf8(line).ok()?.trim().parse().ok()
}
// ANCHOR_END: listing
