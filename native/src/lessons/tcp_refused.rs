//! Takes a port and does not listen there: who connects is refused.

// ANCHOR: listing
use std::{io, net::SocketAddr};

use tokio::net::TcpSocket;

/// The port is ours as long as the socket lives, so that no other program listens there.
pub fn hold(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(address)?;
    Ok(socket) // and never socket.listen(...)
}
// ANCHOR_END: listing
