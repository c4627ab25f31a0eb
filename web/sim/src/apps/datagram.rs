//! Sends each datagram back to its sender.

// ANCHOR: listing
use std::io;

use crate::net::UdpSocket;

/// Answers for ever.
pub(crate) async fn serve(socket: UdpSocket) -> io::Result<()> {
    let mut buffer = [0; 1500];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).await?;
        socket.send_to(&buffer[..length], peer).await?;
    }
}
// ANCHOR_END: listing
