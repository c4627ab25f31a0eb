//! What can be asked of a connection, by its transport and within which bounds.

use wire::event::SocketOption;
use wire::session::{Adjustment, RelaySettings, Transport};

use super::Command;
use crate::gateway::limits::{
    MAX_ADJUSTED_BUFFER_BYTES, MAX_ADJUSTED_DEADLINE_MS, MAX_ADJUSTED_LINGER_SECS,
};
use crate::network::MAX_DELAY_MS;

/// What decides what a client can do.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) transport: Transport,
    /// Whether a relay is on the way.
    pub(super) has_relay: bool,
    /// Whether a program of the book sends what the reader says.
    pub(super) is_program: bool,
}

/// Whether a client of this kind can do this; otherwise a sentence for the reader.
pub(super) fn check(kind: Kind, command: &Command) -> Result<(), String> {
    let why = match (kind.transport, command) {
        (Transport::Udp, Command::ShutDown) => {
            "UDP has no streams, so there is nothing to half-close."
        }
        (Transport::Udp, Command::Reset) => "UDP has no connections, so there is nothing to reset.",
        (Transport::Unix, Command::Reset) => {
            "A Unix socket sends no segments, so there is none to reset with. Close it."
        }
        (_, Command::Adjust(adjustment)) => return check_adjustment(kind, adjustment),
        _ => return Ok(()),
    };
    Err(why.to_owned())
}

fn check_adjustment(kind: Kind, adjustment: &Adjustment) -> Result<(), String> {
    let why = match (kind.transport, adjustment) {
        (_, Adjustment::Relay(settings)) if kind.has_relay => return check_relay(settings),
        (_, Adjustment::Relay(_)) => "No relay is on the way to this lesson's server.".to_owned(),
        _ if kind.is_program => {
            "The client of this lesson is a program of the book: that is not in its code."
                .to_owned()
        }
        (transport, Adjustment::Option(option, value)) => {
            return check_option(transport, *option, *value);
        }
        (Transport::Udp, Adjustment::Slicer(_)) => {
            "A datagram arrives whole or not at all, so there is nothing to slice.".to_owned()
        }
        (_, Adjustment::Deadline(Some(ms))) if !(1..=MAX_ADJUSTED_DEADLINE_MS).contains(ms) => {
            format!("A deadline is 1 to {MAX_ADJUSTED_DEADLINE_MS} ms.")
        }
        _ => return Ok(()),
    };
    Err(why)
}

fn check_relay(settings: &RelaySettings) -> Result<(), String> {
    let shares = [
        settings.loss_percent,
        settings.duplicate_percent,
        settings.reorder_percent,
    ];
    if shares.iter().any(|share| *share > 100) {
        return Err("A share is 0 to 100 of a hundred.".to_owned());
    }
    if u32::from(settings.delay_ms) > MAX_DELAY_MS {
        return Err(format!("The relay delays by up to {MAX_DELAY_MS} ms."));
    }
    Ok(())
}

/// Whether a socket of this transport has this option, and takes this value.
pub(super) fn check_option(
    transport: Transport,
    option: SocketOption,
    value: i64,
) -> Result<(), String> {
    let is_tcps = matches!(
        option,
        SocketOption::NoDelay | SocketOption::KeepAlive | SocketOption::Linger
    );
    if is_tcps && transport != Transport::Tcp {
        return Err(format!("{option} is an option of TCP sockets."));
    }
    let (values, words) = match option {
        SocketOption::NoDelay | SocketOption::KeepAlive | SocketOption::ReuseAddress => {
            (0..=1, "0 or 1".to_owned())
        }
        SocketOption::Linger => (
            -1..=MAX_ADJUSTED_LINGER_SECS,
            format!("-1 (off) or 0 to {MAX_ADJUSTED_LINGER_SECS} seconds"),
        ),
        SocketOption::ReceiveBuffer | SocketOption::SendBuffer => (
            1..=MAX_ADJUSTED_BUFFER_BYTES,
            format!("1 to {MAX_ADJUSTED_BUFFER_BYTES} bytes"),
        ),
    };
    match values.contains(&value) {
        true => Ok(()),
        false => Err(format!("{option} is {words} here, and not {value}.")),
    }
}
