//! How many files and sockets this process may have open.

/// Raises the limit as far as the system lets this user, and returns it; `None` on a system that
/// has no such limit, or does not tell.
///
/// The usual 1,024 is there for programs that use `select` (setrlimit(2)), which this one does not.
#[cfg(unix)]
pub fn raise() -> Option<u64> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    /// What macOS takes at most where it says that there is no limit (OPEN_MAX).
    const OPEN_MAX: u64 = 10_240;

    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    for wanted in [hard, hard.min(OPEN_MAX)] {
        if wanted <= soft {
            break;
        }
        match setrlimit(Resource::RLIMIT_NOFILE, wanted, hard) {
            Ok(()) => return Some(wanted),
            Err(error) => tracing::debug!(%error, wanted, "no more descriptors"),
        }
    }
    Some(soft)
}

/// Other systems have no such limit.
#[cfg(not(unix))]
pub fn raise() -> Option<u64> {
    None
}
