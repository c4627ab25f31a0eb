//! Reads a little, does something else for a second, and reads again.

// ANCHOR: listing
use std::io;
use std::time::Duration;

use crate::net::{TcpListener, TcpStream, sleep, spawn};

/// Accepts clients for ever; the system keeps little for each.
pub(crate) async fn serve(listener: TcpListener) -> io::Result<()> {
    listener.set_receive_buffer(4096);
    loop {
        let (stream, _peer) = listener.accept().await?;
        spawn(read_slowly(stream));
    }
}

async fn read_slowly(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    while stream.read(&mut buffer).await? > 0 {
        sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}
// ANCHOR_END: listing
