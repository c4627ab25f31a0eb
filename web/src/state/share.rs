//! An exchange that leaves the page and comes back: as a link if it is small, else as a file.
//!
//! What comes back was written by anybody: it is held against limits before it is shown.

use std::borrow::Cow;
use std::sync::Arc;

use wire::event::MAX_EVENT_BYTES;
use wire::session::{Server, Transport};
use wire::text::is_visible;
use wire::trace::{Client, Part, Recorded, TRACE_VERSION};
use wire::{Action, Address, ConnectionId, Event, Progress, Trace};

use super::base64;
use super::conversation::{PER_SESSION, SEQUENCES_PER_SESSION};
use super::lab::Lab;
use super::trace::Kind;

/// The longest fragment of a link, in characters: what chat programs and mail leave whole.
const MAX_LINK: usize = 8_000;

/// The largest file that is opened, in bytes.
pub(crate) const MAX_FILE: f64 = 32.0 * 1024.0 * 1024.0;

/// The most events of a shared exchange.
const MAX_EVENTS: usize = 20_000;

/// The most connections of clients that a shared exchange names.
const MAX_CLIENTS: usize = 1_024;

/// The longest name, address or message of a shared exchange, in bytes.
const MAX_WORD: usize = 512;

/// What a link's fragment asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fragment {
    /// Nothing of ours.
    Other,
    /// Event number N, counted from 1, of the exchange recorded of a lab: `#NAME-event-N`.
    Event(String, usize),
    /// A shared exchange, perhaps with an event to look at: `#share=TRACE&event=N`.
    Shared(Result<Arc<Trace>, String>, Option<usize>),
}

/// What stands behind the `#` of the address.
pub(crate) fn fragment(text: &str) -> Fragment {
    if let Some(shared) = text.strip_prefix("share=") {
        let (trace, event) = match shared.split_once("&event=") {
            Some((trace, event)) => (trace, event.parse().ok()),
            None => (shared, None),
        };
        return Fragment::Shared(from_link(trace).map(Arc::new), event);
    }
    match text.rsplit_once("-event-") {
        Some((lab, event)) => match event.parse() {
            Ok(event) => Fragment::Event(lab.to_owned(), event),
            Err(_) => Fragment::Other,
        },
        None => Fragment::Other,
    }
}

/// An exchange for a link, and for what makes files of it.
pub(crate) fn to_bytes(trace: &Trace) -> Vec<u8> {
    postcard::to_allocvec(trace).unwrap_or_default()
}

/// The fragment that carries an exchange; `None` if it would be too long.
pub(crate) fn to_link(trace: &Trace) -> Option<String> {
    let bytes = to_bytes(trace);
    let length = bytes.len() / 3 * 4;
    (length <= MAX_LINK).then(|| ["share=", &base64::encode(&bytes)].concat())
}

fn from_link(text: &str) -> Result<Trace, String> {
    from_bytes(&base64::decode(text).unwrap_or_default())
}

/// The exchange that a link or a file carries.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Trace, String> {
    let damaged =
        |_| "The exchange is damaged: a part of it may have been lost on the way.".to_owned();
    // The version comes first, so that it can be read whatever else has changed.
    let (version, _) = postcard::take_from_bytes::<u16>(bytes).map_err(damaged)?;
    if version != TRACE_VERSION {
        return Err("It was kept by another version of Wirebook.".to_owned());
    }
    let mut trace: Trace = postcard::from_bytes(bytes).map_err(damaged)?;
    // Only the book asks questions.
    trace.questions.clear();
    check(&trace)?;
    Ok(trace)
}

/// Whether an exchange from elsewhere is within limits.
fn check(trace: &Trace) -> Result<(), String> {
    if trace.steps.events.len() > MAX_EVENTS {
        return Err("The exchange has more events than a lab can show.".to_owned());
    }
    let is_sound = |event: &Event| {
        event.sequence < SEQUENCES_PER_SESSION
            && event.connection.is_none_or(|id| id.0 < PER_SESSION)
            && event.held_bytes() <= MAX_EVENT_BYTES
    };
    if !trace.steps.events.iter().all(is_sound) || trace.steps.clients.len() > MAX_CLIENTS {
        return Err("The exchange has an event that no gateway could have observed.".to_owned());
    }
    if !words(trace).all(is_plain) {
        return Err("The exchange has words that cannot be shown.".to_owned());
    }
    Ok(())
}

/// What is shown of an exchange as it is written there. Payloads are not: they are escaped.
fn words(trace: &Trace) -> impl Iterator<Item = Cow<'_, str>> {
    let recorded = &trace.recorded;
    let of_trace = [
        &trace.lab,
        &recorded.date,
        &recorded.version,
        &trace.server.lesson,
    ];
    let of_clients = trace
        .steps
        .clients
        .iter()
        .filter_map(|client| client.name.as_ref());
    let of_events = trace.steps.events.iter().flat_map(|event| {
        let of_action = match &event.action {
            Action::Connect { local, peer } => {
                Some(Cow::Owned([local, peer].map(Address::to_string).concat()))
            }
            Action::Accept { peer } | Action::Receive { peer, .. } | Action::Send { peer, .. } => {
                Some(Cow::Owned(peer.to_string()))
            }
            Action::Error { message, .. } => Some(Cow::Borrowed(&**message)),
            _ => None,
        };
        let file = event.source.as_ref();
        of_action
            .into_iter()
            .chain(file.map(|source| Cow::Borrowed(&*source.file)))
    });
    let names = of_trace.into_iter().chain(of_clients);
    names
        .map(|word| Cow::Borrowed(&**word))
        .chain([Cow::Owned(trace.server.address.to_string())])
        .chain(of_events)
}

/// Whether it is short and looks like what it is: nothing invisible, nothing that turns the line.
fn is_plain(word: Cow<'_, str>) -> bool {
    word.len() <= MAX_WORD && word.chars().all(is_visible)
}

/// The exchange that a lab shows, to be kept; `None` if nothing was observed.
///
/// Only what came after the last gap or break is taken: an exchange with a hole in it would show
/// as whole what is not.
pub(crate) fn exchange(lab: &Lab, today: &str) -> Option<Trace> {
    let mut events: Vec<Event> = whole(lab).into_iter().cloned().collect();
    let start_ns = events.first()?.time_ns;
    let mut connections: Vec<ConnectionId> = Vec::new();
    for (event, sequence) in events.iter_mut().zip(1..) {
        // Numbers of this page alone mean nothing elsewhere, and small ones make short links.
        event.sequence = sequence;
        event.time_ns = event.time_ns.saturating_sub(start_ns);
        event.connection = event.connection.map(|id| {
            let known = connections.iter().position(|other| *other == id);
            let place = known.unwrap_or_else(|| {
                connections.push(id);
                connections.len() - 1
            });
            ConnectionId(place as u64 + 1)
        });
    }
    let clients = connections
        .iter()
        .zip(1..)
        .filter_map(|(id, number)| {
            let own = lab.conversations.get(*id).filter(|one| one.is_own)?;
            Some(Client {
                name: own.name.clone(),
                connection: ConnectionId(number),
            })
        })
        .collect();
    let recorded = match &lab.replay {
        Some(replay) => replay.recorded.clone(),
        None => Recorded {
            date: today.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
    };
    let server = (lab.server.as_ref())
        .or(lab.reached.as_ref())
        .cloned()
        .unwrap_or_else(|| Server {
            lesson: lab.spec.server.clone(),
            transport: if lab.is_udp() {
                Transport::Udp
            } else {
                Transport::Tcp
            },
            address: Address::Unix(String::new()),
        });
    Some(Trace {
        version: TRACE_VERSION,
        lab: lab.spec.name.clone(),
        recorded,
        server,
        steps: Part {
            clients,
            ticks: match &lab.replay {
                Some(replay) => replay.ticks(),
                None => ticks(lab, &events),
            },
            events,
        },
        questions: Vec::new(),
    })
}

/// The number in the exchange of the event at this place, counted from 1.
pub(crate) fn number_in(lab: &Lab, order: u64) -> Option<usize> {
    let events = whole(lab);
    let place = events
        .iter()
        .position(|event| event.sequence * 2 == order)?;
    Some(place + 1)
}

/// The events after the last gap or break; packets only from where on none was missed.
fn whole(lab: &Lab) -> Vec<&Event> {
    let mut events: Vec<&Event> = Vec::new();
    for item in lab.trace.items() {
        match &item.kind {
            Kind::Event(event) => events.push(event),
            Kind::Gap(_) | Kind::Break => events.clear(),
            Kind::Missed(_) => events.retain(|event| !matches!(event.action, Action::Packet(_))),
        }
    }
    events
}

/// How many events had been observed when each step ticked.
fn ticks(lab: &Lab, events: &[Event]) -> Vec<u32> {
    let mut progress = Progress::new(lab.spec.steps.iter().map(|step| step.seen.clone()), 0);
    let mut ticks = Vec::new();
    for (event, count) in events.iter().zip(1..) {
        progress.observe(event);
        ticks.resize(progress.done(), count);
    }
    ticks
}

#[cfg(test)]
#[path = "share_tests.rs"]
mod tests;
