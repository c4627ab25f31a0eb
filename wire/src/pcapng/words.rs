//! Events in the words of a comment.

use std::fmt::Write;

use crate::event::{Action, Event};
use crate::text;
use crate::trace::Part;

/// The most bytes of a payload that a comment shows; the packets have them all.
const MAX_BYTES: usize = 200;

/// How far an event is from the packet that it stands at.
pub(super) fn at(event_ns: u64, packet_ns: u64) -> String {
    let (distance_ns, side) = match event_ns > packet_ns {
        true => (event_ns - packet_ns, "after"),
        false => (packet_ns - event_ns, "before"),
    };
    match distance_ns {
        0..1_000_000 => format!("{} µs {side} it: ", distance_ns / 1_000),
        _ => format!("{} ms {side} it: ", distance_ns / 1_000_000),
    }
}

/// What was observed, in a line.
pub(super) fn line(event: &Event, part: &Part) -> String {
    let mut line = format!("{} {}", event.end, event.action.verb());
    // Writing into a String cannot fail.
    let _ = detail(&mut line, &event.action);
    if let Some(data) = event.data() {
        let shown = data.bytes.get(..MAX_BYTES).unwrap_or(&data.bytes);
        let cut = if shown.len() < data.bytes.len() {
            "…"
        } else {
            ""
        };
        let more = if data.more { ", more follows" } else { "" };
        let _ = write!(
            line,
            " \"{}{cut}\" ({} B{more})",
            text::to_escaped(shown),
            data.bytes.len()
        );
    }
    if let Some(connection) = event.connection {
        let of_client = |client: &&crate::trace::Client| client.connection == connection;
        let name = part.clients.iter().find(of_client);
        let _ = write!(line, ", connection {connection}");
        if let Some(name) = name.and_then(|client| client.name.as_ref()) {
            let _ = write!(line, " of client {name}");
        }
    }
    if let Some(worker) = event.worker {
        let _ = write!(line, ", {worker}");
    }
    if let Some(source) = &event.source {
        let _ = write!(line, ", {} line {}", source.file, source.line);
    }
    line
}

fn detail(line: &mut String, action: &Action) -> std::fmt::Result {
    match action {
        Action::Connect { local, peer } => write!(line, " from {local} to {peer}"),
        Action::Accept { peer } | Action::Receive { peer, .. } => write!(line, " from {peer}"),
        Action::Send { peer, .. } => write!(line, " to {peer}"),
        Action::Wait { operation } | Action::Cancel { operation } => write!(line, " {operation}"),
        Action::Error {
            operation,
            kind,
            message,
        } => write!(line, " {operation} {kind}: {message}"),
        Action::Option {
            option,
            asked,
            value,
        } => {
            write!(line, " {option}")?;
            if let Some(asked) = asked {
                write!(line, ", asked for {asked}")?;
            }
            write!(line, ", is {value}")
        }
        Action::Hold { for_ms, .. } => write!(line, " for {for_ms} ms"),
        Action::Fate { packet, fate } => write!(line, " packet {packet}: {fate:?}"),
        Action::Kernel(kernel) => write!(line, ": {kernel:?}"),
        _ => Ok(()),
    }
}
