//! A recorded exchange in sentences that read well aloud, as HTML.

mod calls;
mod packets;

use wire::Seen;
use wire::event::{Action, Event};
use wire::seen::What;
use wire::trace::{Client, Part};

use crate::html::escape;
use calls::sentence;
use packets::{on_the_wire, sights};

/// The most sentences of one step; of more, the middle is left to the page.
const MAX_SENTENCES: usize = 48;
/// How many of them are the last ones.
const LAST_SENTENCES: usize = 12;

/// The sentences for what was observed of `part` while `seen` was waited for. Where clients have
/// names, or several connections take turns, each says on which it happened.
///
/// A call that waits is left out unless it is what is waited for: every read begins so.
pub(crate) fn sentences(part: &Part, events: &[Event], seen: &Seen) -> Vec<String> {
    let tells_waits = matches!(seen.what, What::Waits(_));
    let names_places = names_places(part, events);
    let sights = sights(part);
    let mut sentences = Vec::new();
    let mut events = events.iter().peekable();
    while let Some(event) = events.next() {
        if matches!(event.action, Action::Wait { .. }) && !tells_waits {
            continue;
        }
        // Of what the system says only a new state is told: the numbers are for the charts.
        if matches!(event.action, Action::Kernel(_)) && !is_new_state(part, event) {
            continue;
        }
        // What became of a packet is told with it.
        if matches!(event.action, Action::Fate { .. }) {
            continue;
        }
        // One call may be several events; it is one sentence.
        let mut bytes = event.data().map(|data| data.bytes.clone());
        let mut last = event;
        while last.data().is_some_and(|data| data.more)
            && let Some(next) = events.next_if(|next| continues(last, next))
        {
            if let (Some(bytes), Some(data)) = (&mut bytes, next.data()) {
                bytes.extend_from_slice(&data.bytes);
            }
            last = next;
        }
        let what = match &event.action {
            Action::Packet(packet) => on_the_wire(part, event, packet, &sights),
            _ => sentence(event, bytes.as_deref().unwrap_or_default()),
        };
        sentences.push(match place(part, event).filter(|_| names_places) {
            Some(place) => format!("{place}: {what}"),
            None => capitalised(&what),
        });
    }
    if let What::Nothing { for_secs } = seen.what {
        let end = seen.end;
        sentences.push(format!("For {for_secs} s nothing happened at the {end}."));
    }
    shortened(sentences)
}

/// A long list without its middle, and how much that was.
fn shortened(mut sentences: Vec<String>) -> Vec<String> {
    if sentences.len() > MAX_SENTENCES {
        let first = MAX_SENTENCES - LAST_SENTENCES;
        let rest = first..sentences.len() - LAST_SENTENCES;
        let count = rest.len();
        let told = format!("Then came {count} more of these, which the lab in the page shows.");
        sentences.splice(rest, [told]);
    }
    sentences
}

/// Whether a sample tells of another state than the one before it.
fn is_new_state(part: &Part, sample: &Event) -> bool {
    let state = |event: &Event| match &event.action {
        Action::Kernel(kernel)
            if (event.connection, event.end) == (sample.connection, sample.end) =>
        {
            Some(kernel.state)
        }
        _ => None,
    };
    let before = part.events.iter();
    let before = before.take_while(|event| event.sequence < sample.sequence);
    before.filter_map(state).last() != state(sample)
}

/// Whether it must be said to which conversation an event belongs.
fn names_places(part: &Part, events: &[Event]) -> bool {
    let mut connections = events.iter().filter_map(|event| event.connection);
    let first = connections.next();
    part.clients.iter().any(|client| client.name.is_some())
        || connections.any(|connection| Some(connection) != first)
}

fn place(part: &Part, event: &Event) -> Option<String> {
    let connection = event.connection?;
    let is_it = |client: &&Client| client.connection == connection;
    let client = part.clients.iter().find(is_it);
    Some(match client.and_then(|client| client.name.as_ref()) {
        Some(name) => format!("Connection {}, client {}", connection.0, escape(name)),
        None => format!("Connection {}", connection.0),
    })
}

fn continues(event: &Event, next: &Event) -> bool {
    next.end == event.end
        && next.connection == event.connection
        && next.action.verb() == event.action.verb()
}

fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
