//! Takes a port and hears nobody there: what is sent to it is refused.

// ANCHOR: listing
use std::io;
use std::net::{SocketAddr, UdpSocket};

/// The port is ours as long as the socket lives, so that no other program receives there.
pub fn hold(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    // A connected socket receives from its peer alone, and this one's peer is itself.
    // For a datagram from anyone else the kernel finds no socket here.
    socket.connect(socket.local_addr()?)?;
    Ok(socket)
}
// ANCHOR_END: listing
