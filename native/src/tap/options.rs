//! Socket options, in the units of [`SocketOption`].

use std::io;
use std::time::Duration;

use socket2::SockRef;
use wire::event::SocketOption;

/// Sets an option.
///
/// # Errors
///
/// If the value has no meaning for the option, or the system refuses it for this socket.
pub fn set(socket: &SockRef<'_>, option: SocketOption, value: i64) -> io::Result<()> {
    let bytes = || usize::try_from(value).map_err(|_| meaningless(option, value));
    match option {
        SocketOption::NoDelay => socket.set_tcp_nodelay(switch(option, value)?),
        SocketOption::KeepAlive => socket.set_keepalive(switch(option, value)?),
        SocketOption::ReuseAddress => socket.set_reuse_address(switch(option, value)?),
        SocketOption::Linger => socket.set_linger(match value {
            -1 => None,
            secs => Some(Duration::from_secs(
                u64::try_from(secs).map_err(|_| meaningless(option, value))?,
            )),
        }),
        SocketOption::ReceiveBuffer => socket.set_recv_buffer_size(bytes()?),
        SocketOption::SendBuffer => socket.set_send_buffer_size(bytes()?),
    }
}

/// What the kernel says about an option now.
///
/// # Errors
///
/// If this socket has no such option.
pub fn get(socket: &SockRef<'_>, option: SocketOption) -> io::Result<i64> {
    Ok(match option {
        SocketOption::NoDelay => socket.tcp_nodelay()?.into(),
        SocketOption::KeepAlive => socket.keepalive()?.into(),
        SocketOption::ReuseAddress => socket.reuse_address()?.into(),
        SocketOption::Linger => from_linger(socket.linger()?),
        SocketOption::ReceiveBuffer => from_bytes(socket.recv_buffer_size()?),
        SocketOption::SendBuffer => from_bytes(socket.send_buffer_size()?),
    })
}

/// A linger time in the unit of [`SocketOption::Linger`].
pub(super) fn from_linger(linger: Option<Duration>) -> i64 {
    linger.map_or(-1, |time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

fn from_bytes(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn switch(option: SocketOption, value: i64) -> io::Result<bool> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(meaningless(option, value)),
    }
}

fn meaningless(option: SocketOption, value: i64) -> io::Error {
    let text = format!("{value} has no meaning for {option}");
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
