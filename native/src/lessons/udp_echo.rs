//! Sends every datagram back to its sender.

// ANCHOR: listing
use crate::tap::{io, net::UdpSocket};

/// Serves all clients from one socket: each datagram tells who sent it.
pub async fn serve(socket: UdpSocket) -> io::Result<()> {
    let mut buffer = vec![0; 65_535]; // no datagram is longer
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).await?;
        if let Err(error) = socket.send_to(&buffer[..length], peer).await {
            println!("{peer}: {error}"); // the others are still served
        }
    }
}
// ANCHOR_END: listing
