//! The right to see packets, CAP_NET_RAW (capabilities(7)).

use std::path::Path;

use caps::errors::CapsError;
use caps::{CapSet, Capability};

/// Gives it up for this thread, those it will start and the programs they will start. What else
/// the process may do stays.
///
/// # Errors
///
/// If it is still there; a sentence for the reader.
pub(super) fn give_up() -> Result<(), String> {
    let sets = [CapSet::Ambient, CapSet::Effective, CapSet::Permitted];
    let given_up = (sets.into_iter())
        .chain([CapSet::Inheritable])
        .try_for_each(drop_from)
        .and_then(|()| {
            // A program of root's gets again what is in the bounding set.
            match caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)? {
                true => drop_from(CapSet::Bounding),
                false => Ok(()),
            }
        });
    given_up.map_err(|error| {
        format!(
            "Wirebook could not give up the privilege to see packets, so it uses none: {error}."
        )
    })
}

fn drop_from(set: CapSet) -> Result<(), CapsError> {
    match caps::has_cap(None, set, Capability::CAP_NET_RAW)? {
        true => caps::drop(None, set, Capability::CAP_NET_RAW),
        false => Ok(()),
    }
}

/// The command that gives it to this program's file.
pub(super) fn command() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    Some(command_for(&program))
}

fn command_for(program: &Path) -> String {
    let path = program.to_string_lossy();
    let is_plain = |it: char| it.is_ascii_alphanumeric() || "/._-+@%:,=".contains(it);
    match path.chars().all(is_plain) {
        true => format!("sudo setcap cap_net_raw=ep {path}"),
        // In single quotes a shell takes everything as it is but those.
        false => format!(
            "sudo setcap cap_net_raw=ep '{}'",
            path.replace('\'', r"'\''")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_names_the_program_as_a_shell_takes_it() {
        for (path, expected) in [
            ("/opt/wirebook", "sudo setcap cap_net_raw=ep /opt/wirebook"),
            (
                "/home/it's me/$HOME",
                r"sudo setcap cap_net_raw=ep '/home/it'\''s me/$HOME'",
            ),
        ] {
            assert_eq!(command_for(Path::new(path)), expected);
        }
    }
}
