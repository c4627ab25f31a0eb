//! What the system says of a TCP connection: its state and the numbers of `TCP_INFO` (tcp(7)).
//!
//! It is asked by the addresses of the two ends, not through the socket: so it also tells of a
//! connection that its program has closed, on its way through TIME-WAIT, and of an end that belongs
//! to another program.
//! On Linux this is sock_diag(7). Other systems have nothing like it that needs no privilege;
//! [`Asker`] is where they would follow.

#[cfg(target_os = "linux")]
mod sock_diag;

use std::io;
use std::net::SocketAddr;

use wire::Kernel;

/// Who can be asked.
pub trait Asker: Send + Sync {
    /// What the system knows of the end at `local` of its connection with `peer`; `None` if there
    /// is no such connection. Never waits for anything but the kernel.
    ///
    /// # Errors
    ///
    /// If the system refuses to answer.
    fn ask(&self, local: SocketAddr, peer: SocketAddr) -> io::Result<Option<Kernel>>;
}

/// The one to ask on this system.
///
/// # Errors
///
/// If it does not tell, or not to this program.
pub fn open() -> io::Result<Box<dyn Asker>> {
    #[cfg(target_os = "linux")]
    return Ok(Box::new(sock_diag::SockDiag::open()?));
    #[cfg(not(target_os = "linux"))]
    return Err(io::ErrorKind::Unsupported.into());
}
