//! How many files and sockets this process may have open, and what to do when there are no more.

use std::fs::File;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::warn;

/// The log says it once, and again when it lasts for so long.
const REMINDER_INTERVAL: Duration = Duration::from_secs(60);

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

/// Whether a call failed because the program, or the system, has no descriptor left.
pub(crate) fn are_exhausted(error: &io::Error) -> bool {
    /// ENFILE and EMFILE, which have no [`io::ErrorKind`]; WSAEMFILE on Windows.
    const CODES: [i32; 3] = [23, 24, 10024];
    error
        .raw_os_error()
        .is_some_and(|code| CODES.contains(&code))
}

/// Whether that is what is behind this error.
pub(crate) fn have_run_out(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    causes.any(are_exhausted)
}

/// What to do about it, for a reader.
pub(crate) const ADVICE: &str = "the gateway has no file descriptors left: close connections, \
     or start it with more (`ulimit -n`)";

/// Says in the log that there are none, however many notice it.
pub(crate) fn tell() {
    static TOLD: Mutex<Option<Instant>> = Mutex::new(None);
    let now = Instant::now();
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.is_none_or(|told| now - told >= REMINDER_INTERVAL) {
        *told = Some(now);
        drop(told);
        warn!("{ADVICE}; what is open goes on, new connections wait or are refused");
    }
}

/// A descriptor that is kept back for the moment when there is no other: enough to take a
/// connection from the line and tell it why it is closed.
#[derive(Debug)]
pub(crate) struct Spare(Option<File>);

impl Spare {
    pub(crate) fn keep() -> Self {
        let mut spare = Self(None);
        spare.restore();
        spare
    }

    /// Gives it up; whether there was one.
    pub(crate) fn spend(&mut self) -> bool {
        self.0.take().is_some()
    }

    /// Takes it back, if it is still there to take.
    pub(crate) fn restore(&mut self) {
        const NOTHING: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };
        if self.0.is_none() {
            self.0 = File::open(NOTHING).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_known() {
        assert!(are_exhausted(&io::Error::from_raw_os_error(24)));
        assert!(!are_exhausted(&io::ErrorKind::PermissionDenied.into()));
    }

    #[test]
    fn what_is_spent_once_can_be_taken_back() {
        let mut spare = Spare::keep();
        assert!(spare.spend());
        assert!(!spare.spend());
        spare.restore();
        assert!(spare.spend());
    }
}
