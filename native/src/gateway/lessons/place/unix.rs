//! The places that are paths.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;
use wire::Address;

use super::{Bound, Place};
use crate::gateway::limits::MAX_PORT_TRIES;
use crate::lessons::Serving;

/// A socket in the file system; its file ends with it.
pub(in crate::gateway) struct SocketFile {
    pub(in crate::gateway) listener: Option<UnixListener>,
    path: PathBuf,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        // Gone already if somebody has removed it.
        let _ = fs::remove_file(&self.path);
    }
}

impl SocketFile {
    pub(super) fn address(&self) -> Address {
        Address::Unix(self.path.to_string_lossy().into_owned())
    }
}

/// `NAME.sock` in this folder; `NAME-2.sock` and so on if another gateway has that.
pub(super) fn place(
    name: &str,
    folder: &Path,
    start: fn(crate::tap::net::UnixListener) -> Serving,
) -> Place {
    let path = |number: u16| match number {
        1 => folder.join(format!("{name}.sock")),
        number => folder.join(format!("{name}-{number}.sock")),
    };
    let mut bound = Err(io::ErrorKind::AddrInUse.into());
    for number in 1..=MAX_PORT_TRIES {
        bound = bind(path(number));
        let is_taken = |error: &io::Error| error.kind() == io::ErrorKind::AddrInUse;
        if !bound.as_ref().is_err_and(is_taken) {
            break;
        }
    }
    match bound {
        Ok(file) => Place {
            address: file.address(),
            socket: Ok(Bound::Unix(file, start)),
        },
        // A path may be too long, or on a file system without sockets; other lessons have none.
        Err(error) => Place {
            address: Address::Unix(path(1).to_string_lossy().into_owned()),
            socket: Err(error.to_string()),
        },
    }
}

fn bind(path: PathBuf) -> io::Result<SocketFile> {
    let path = std::path::absolute(path)?;
    let listener = match UnixListener::bind(&path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_left_over(&path) => {
            fs::remove_file(&path)?;
            UnixListener::bind(&path)?
        }
        bound => bound?,
    };
    // For the reader alone, as their folder is.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(SocketFile {
        listener: Some(listener),
        path,
    })
}

/// Whether nobody listens there any more: a gateway was killed before it could remove its file.
fn is_left_over(path: &Path) -> bool {
    use std::os::unix::net::UnixStream;
    UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
