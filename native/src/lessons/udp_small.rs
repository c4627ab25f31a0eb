//! Reads datagrams into a buffer that is too small for most of them.

// ANCHOR: listing
use crate::tap::{io, net::UdpSocket};

/// Answers with the number of bytes that `recv_from` returned.
pub async fn serve(socket: UdpSocket) -> io::Result<()> {
    let mut buffer = [0; 16]; // what does not fit is gone: the next call gets the next datagram
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).await?;
        println!("{peer}: {}", buffer[..length].escape_ascii());
        let answer = format!("{length} bytes");
        if let Err(error) = socket.send_to(answer.as_bytes(), peer).await {
            println!("{peer}: {error}");
        }
    }
}
// ANCHOR_END: listing
