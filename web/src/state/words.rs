//! Events in words.

use std::fmt::Write;

use wire::dissect::cut;
use wire::event::Failure;
use wire::{Action, Event, Operation, text};

use super::{Conversation, packet_words};

/// The most bytes of a payload that a row shows.
const MAX_ROW_BYTES: usize = 72;

/// What a row says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// What was done.
    pub(crate) verb: String,
    /// The bytes, in the notation of [`text`].
    pub(crate) text: Option<String>,
    /// What else is to be known.
    pub(crate) note: String,
}

/// An event in words.
pub(crate) fn summary(event: &Event) -> Summary {
    let mut summary = Summary {
        verb: event.action.verb().to_owned(),
        ..Summary::default()
    };
    if let Some(data) = event.data() {
        let (bytes, is_cut) = cut(&data.bytes, MAX_ROW_BYTES);
        let mut shown = text::to_escaped(bytes);
        if is_cut || data.more {
            shown.push('…');
        }
        summary.text = Some(shown);
        summary.note = [&data.bytes.len().to_string(), " B"].concat();
    }
    match &event.action {
        Action::Connect { peer, .. } => summary.note = ["to ", &peer.to_string()].concat(),
        Action::Accept { peer } => summary.note = ["from ", &peer.to_string()].concat(),
        Action::Wait { operation } => summary.verb = ["waits in ", call(*operation)].concat(),
        Action::EndOfStream => {
            summary.verb = "read".to_owned();
            summary.note = "end of stream".to_owned();
        }
        // A socket that does not wait says so by an error. It is no failure.
        Action::Error {
            operation,
            kind: Failure::WouldBlock,
            ..
        } => summary.verb = [call(*operation), " would block"].concat(),
        Action::Error {
            operation, message, ..
        } => {
            summary.verb = [call(*operation), " failed"].concat();
            summary.note = message.clone();
        }
        Action::Option {
            option,
            asked,
            value,
        } => {
            summary.verb = if asked.is_some() { "sets " } else { "reads " }.to_owned();
            let _ = write!(summary.verb, "{option}");
            if let Some(asked) = asked {
                let _ = write!(summary.note, "asks for {asked}, ");
            }
            let _ = write!(summary.note, "kernel says {value}");
        }
        Action::Lose(_) => summary.verb = "lost".to_owned(),
        Action::Hold { for_ms, .. } => {
            summary.verb = "holds".to_owned();
            let _ = write!(summary.note, " for {for_ms} ms");
        }
        Action::Duplicate(_) => summary.verb = "doubles".to_owned(),
        Action::Packet(packet) => {
            let words = packet_words(event, packet, None);
            summary.verb = words.kind;
            summary.note = words.numbers;
        }
        Action::Fate { packet, .. } => summary.note = ["packet ", &packet.to_string()].concat(),
        Action::Cancel { operation } => {
            summary.verb = [call(*operation), " given up"].concat();
        }
        _ => {}
    }
    summary
}

/// The call as programs write it.
fn call(operation: Operation) -> &'static str {
    match operation {
        Operation::Connect => "connect",
        Operation::Accept => "accept",
        Operation::Read => "read",
        Operation::Write => "write",
        Operation::Receive => "recv_from",
        Operation::Send => "send_to",
        Operation::ShutDown => "shutdown",
        Operation::Poll => "poll",
        Operation::SetOption => "setsockopt",
    }
}

/// A number of bytes.
pub(crate) fn size(bytes: usize) -> String {
    let mut size = bytes.to_string();
    size.push_str(if bytes == 1 { " byte" } else { " bytes" });
    size
}

/// A span of time, in the unit that fits.
pub(crate) fn elapsed(ns: u64) -> String {
    let (whole, unit) = match ns {
        0..1_000_000 => return [&(ns / 1_000).to_string(), " µs"].concat(),
        1_000_000..1_000_000_000 => (ns / 10_000, " ms"),
        _ => (ns / 10_000_000, " s"),
    };
    let mut span = (whole / 100).to_string();
    // Three digits tell enough.
    match whole {
        0..1_000 => {
            let _ = write!(span, ".{:02}", whole % 100);
        }
        1_000..10_000 => {
            let _ = write!(span, ".{}", whole % 100 / 10);
        }
        _ => {}
    }
    span.push_str(unit);
    span
}

/// A time on the gateway's clock, in seconds.
pub(crate) fn clock(ns: u64) -> String {
    let mut clock = (ns / 1_000_000_000).to_string();
    let _ = write!(clock, ".{:06} s", ns / 1_000 % 1_000_000);
    clock
}

/// The client of a conversation, as the reader knows it.
pub(crate) fn who(conversation: &Conversation) -> String {
    match (conversation.is_own, &conversation.client) {
        (true, _) => match &conversation.name {
            None => "You".to_owned(),
            Some(name) => name.clone(),
        },
        (false, Some(address)) => address.to_string(),
        (false, None) => "Another client".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use wire::event::Failure;
    use wire::{Action, ConnectionId, End, Event, Operation};

    use super::{clock, elapsed, summary};

    #[test]
    fn a_call_that_would_have_had_to_wait_has_not_failed() {
        let error = |kind| Event {
            sequence: 1,
            time_ns: 0,
            connection: Some(ConnectionId(1)),
            end: End::Server,
            action: Action::Error {
                operation: Operation::Read,
                kind,
                message: "the system's words".to_owned(),
            },
            worker: None,
            source: None,
        };
        let would_block = summary(&error(Failure::WouldBlock));
        assert_eq!(would_block.verb, "read would block");
        assert_eq!(would_block.note, "");
        let reset = summary(&error(Failure::Reset));
        assert_eq!(reset.verb, "read failed");
        assert_eq!(reset.note, "the system's words");
    }

    #[test]
    fn time_is_told_in_the_unit_that_fits() {
        for (ns, expected) in [
            (0, "0 µs"),
            (999_999, "999 µs"),
            (1_230_000, "1.23 ms"),
            (12_340_000, "12.3 ms"),
            (123_400_000, "123 ms"),
            (2_050_000_000, "2.05 s"),
            (75_000_000_000, "75.0 s"),
            (754_000_000_000, "754 s"),
        ] {
            assert_eq!(elapsed(ns), expected);
        }
        assert_eq!(clock(1_000_042_000), "1.000042 s");
    }
}
