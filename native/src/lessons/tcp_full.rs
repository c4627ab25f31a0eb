//! Listens and never accepts, with a queue that is full: who connects hears nothing.

// ANCHOR: listing
use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

/// On loopback a connection stands at once, or there was no room for it.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Fills the queue of connections that wait for `accept`, which nobody will call.
pub async fn hold(address: SocketAddr) -> io::Result<(TcpListener, Vec<TcpStream>)> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(address)?;
    let listener = socket.listen(1)?; // room for as few as the system allows
    let address = listener.local_addr()?;
    let mut clients = Vec::new();
    while let Ok(client) = timeout(AT_ONCE, TcpStream::connect(address)).await {
        clients.push(client?);
        if clients.len() > 16 {
            return Err(io::Error::other("this system's queue does not get full"));
        }
    }
    Ok((listener, clients))
}
// ANCHOR_END: listing
