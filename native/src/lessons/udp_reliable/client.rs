//! The client of [`super`]: it sends each message until it is acknowledged.

// ANCHOR: listing
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{datagram, parse};
use crate::tap::{io, net::UdpSocket};

const TIME_OUT: Duration = Duration::from_millis(500);
const MAX_TRIES: usize = 12;

/// The client: sends each message until it is acknowledged, then the next.
pub async fn send_all(socket: UdpSocket, mut messages: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    let mut number = 0_u32;
    while let Some(text) = messages.recv().await {
        number = number.wrapping_add(1);
        deliver(&socket, number, &datagram(number, &text)).await?;
    }
    Ok(())
}

async fn deliver(socket: &UdpSocket, number: u32, datagram: &[u8]) -> io::Result<()> {
    for _ in 0..MAX_TRIES {
        socket.send(datagram).await?;
        if let Ok(acknowledged) = timeout(TIME_OUT, acknowledgement(socket, number)).await {
            return acknowledged;
        }
        // Lost on the way there, or the acknowledgement was on its way back. Nobody can tell.
    }
    Err(io::ErrorKind::TimedOut.into())
}

async fn acknowledgement(socket: &UdpSocket, number: u32) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        let length = socket.recv(&mut buffer).await?;
        match parse(&buffer[..length]) {
            Some((acknowledged, _)) if acknowledged == number => return Ok(()),
            _ => {} // of an earlier message: it was acknowledged twice
        }
    }
}
// ANCHOR_END: listing
