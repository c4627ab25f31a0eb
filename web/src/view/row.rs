//! A row of the exchange: what it says, and how it is drawn.

use leptos::prelude::*;
use wire::event::Failure;
use wire::packet::Packet;
use wire::{Action, ConnectionId, End};

use super::Ui;
use super::memo::Memo;
use super::parts::{act, lazy, px, text};
use super::scroll::Scroll;
use crate::state::{Kind, Lab, PacketWords, elapsed, number, packet_words, summary, who};

/// The most lanes for tasks and threads; further ones share them.
pub(super) const MAX_LANES: usize = 8;

/// How many colours the style has for them.
const COLOURS: usize = 6;

/// A row as it is drawn.
#[derive(Clone, PartialEq)]
pub(super) struct Shown {
    order: u64,
    count: u32,
    at: At,
    body: Body,
}

/// Where a row stands, which changes when one comes late before it.
#[derive(Clone, Default, PartialEq)]
struct At {
    /// Its place among all rows since the lab began.
    place: usize,
    /// Since the row before.
    after: String,
}

#[derive(Clone, PartialEq)]
enum Body {
    Event(Box<EventRow>),
    Note(String),
}

#[derive(Clone, PartialEq)]
struct EventRow {
    end: End,
    action: &'static str,
    sequence: u64,
    connection: Option<u64>,
    verb: String,
    text: Option<String>,
    note: String,
    line: Option<String>,
    /// Whose conversation it is, where that is not plain.
    client: Option<String>,
    /// The place and the name of the task or thread, where there are several.
    worker: Option<(usize, String)>,
    packet: Option<PacketRow>,
}

/// What the row of a packet has in place of a call.
#[derive(Clone, PartialEq)]
struct PacketRow {
    from: End,
    /// Whether it is between a relay and the server.
    is_second: bool,
    words: PacketWords,
}

impl Shown {
    /// Names the row and all about it that may change after it was drawn.
    pub(super) fn key(&self) -> (u64, u32, Option<String>, bool) {
        let label = match &self.body {
            Body::Event(event) => {
                let client = event.client.iter().cloned();
                // What a packet means, and what became of it, may be known later.
                let words = event.packet.iter().map(|one| one.words.spoken.clone());
                client.chain(words).reduce(|one, other| one + &other)
            }
            Body::Note(note) => Some(note.clone()),
        };
        let has_worker = matches!(&self.body, Body::Event(event) if event.worker.is_some());
        (self.order, self.count, label, has_worker)
    }
}

/// The rows of `range`, and the selected one wherever it is, so that it keeps the focus.
pub(super) fn rows(lab: &Lab, range: std::ops::Range<usize>, selected: Option<u64>) -> Vec<Shown> {
    let trace = &lab.trace;
    let several = lab.conversations.iter().count() > 1;
    let selected = selected.and_then(|order| trace.row_of(order));
    let before = selected.filter(|index| *index < range.start);
    let after = selected.filter(|index| *index >= range.end);
    before
        .into_iter()
        .chain(range)
        .chain(after)
        .filter_map(|index| {
            let row = trace.rows().get(index)?;
            let earlier = index
                .checked_sub(1)
                .and_then(|index| trace.event(trace.rows().get(index)?.order));
            let ns = trace.event(row.order).zip(earlier);
            let ns = ns.and_then(|(event, earlier)| event.time_ns.checked_sub(earlier.time_ns));
            let at = At {
                place: trace.dropped_rows + index,
                after: ns.map_or_else(String::new, |ns| ["+", &elapsed(ns)].concat()),
            };
            let body = match &trace.item(row.order)?.kind {
                Kind::Event(event) => {
                    Body::Event(Box::new(event_row(lab, event, row.count, several)))
                }
                Kind::Gap(count) => Body::Note(lost(*count, " event", ": the page was too slow")),
                Kind::Missed(count) => Body::Note(lost(*count, " packet", "")),
                Kind::Break => {
                    Body::Note("The session ended here; its connections ended with it".to_owned())
                }
            };
            Some(Shown {
                order: row.order,
                count: row.count,
                at,
                body,
            })
        })
        .collect()
}

/// How many were lost, and why if that is known.
fn lost(count: u64, what: &str, why: &str) -> String {
    let were = if count == 1 { " was" } else { "s were" };
    [&count.to_string(), what, were, " lost here", why].concat()
}

fn event_row(lab: &Lab, event: &wire::Event, count: u32, several: bool) -> EventRow {
    let packet = match &event.action {
        Action::Packet(packet) => Some(packet_row(lab, event, packet)),
        _ => None,
    };
    let mut summary = summary(event);
    if count > 1 {
        summary.note = [&count.to_string(), " times"].concat();
    }
    let client = event
        .connection
        .and_then(|id| lab.conversations.get(id))
        .filter(|one| several || !one.is_own)
        .map(|one| match one.is_own {
            true => match &one.name {
                Some(name) => name.clone(),
                None => number(one.id).to_string(),
            },
            false => who(one),
        });
    let worker = (lab.workers.count() > 1)
        .then(|| lab.workers.place(event))
        .flatten()
        .map(|place| (place, lab.workers.name(place)));
    EventRow {
        end: event.end,
        action: match event.action {
            // It looks like a wait, for it stands in the place of one.
            Action::Error {
                kind: Failure::WouldBlock,
                ..
            } => "would-block",
            _ => event.action.verb(),
        },
        sequence: number(ConnectionId(event.sequence)).0,
        connection: event.connection.map(|id| number(id).0),
        verb: summary.verb,
        text: summary.text,
        note: summary.note,
        line: (event.source.as_ref()).map(|source| ["line ", &source.line.to_string()].concat()),
        client,
        worker,
        packet,
    }
}

fn packet_row(lab: &Lab, event: &wire::Event, packet: &Packet) -> PacketRow {
    let told = lab.packets.told(event.sequence);
    // To its clients a relay speaks from the address that they know.
    let source = told.and_then(|told| Some(told.sight.as_ref()?.summary.source));
    let known = lab.server.as_ref().map(|server| &server.address);
    PacketRow {
        from: packet.from,
        is_second: match packet.from {
            End::Client => false,
            End::Relay => source.map(Into::into).as_ref() != known,
            End::Server | End::Wire => true,
        },
        words: packet_words(event, packet, told),
    }
}

pub(super) fn row(
    ui: Ui,
    scroll: Scroll,
    all: Memo<Vec<Shown>>,
    shown: Shown,
    total: Memo<usize>,
    dropped: Memo<usize>,
) -> AnyView {
    let Shown { order, body, .. } = shown;
    let at = Memo::new(move |_| {
        all.with(|all| {
            let own = all.iter().find(|shown| shown.order == order);
            own.map(|shown| shown.at.clone()).unwrap_or_default()
        })
    });
    let place = move || at.with(|at| at.place);
    let top = lazy(move || {
        let index = place().saturating_sub(dropped.get()) as f64;
        px(index * scroll.window.get().row_height)
    });
    let position = lazy(move || (place() + 1).to_string());
    let count = lazy(move || total.get().to_string());
    let mut event = match body {
        Body::Note(note) => {
            return view! {
                <li class="row-note" style:top=top aria-posinset=position aria-setsize=count>
                    <span>{note}</span>
                </li>
            }
            .into_any();
        }
        Body::Event(event) => *event,
    };
    let (from, is_second, call) = match event.packet {
        Some(packet) => {
            let from = super::arrows::name(packet.from);
            let client = event.client.take().map(|client| text("row-who", client));
            (
                Some(from),
                packet.is_second,
                Some(wire_view(packet, client)),
            )
        }
        None => (None, false, None),
    };
    let is_selected = Memo::new(move |_| ui.selected.get() == Some(order));
    let current = lazy(move || is_selected.get().then_some("true"));
    // One row can be reached by Tab; the arrow keys go on from there.
    let tab = lazy(move || {
        let is_stop = match ui.selected.get() {
            Some(selected) => selected == order,
            None => place() + 1 == total.get(),
        };
        if is_stop { "0" } else { "-1" }
    });
    let select = act(move || {
        let was_selected = is_selected.get_untracked();
        ui.marked.set(None);
        ui.selected.set((!was_selected).then_some(order));
    });
    let (end, speaker) = match event.end {
        End::Client => ("client", "You: "),
        End::Server => ("server", "Server: "),
        End::Relay => ("relay", "Relay: "),
        End::Wire => ("wire", "Wire: "),
    };
    let is_client = event.end == End::Client;
    let (inside, beside) = match event.client {
        Some(client) if is_client => (Some(text("row-who", client)), None),
        client => (None, client.map(|client| text("row-client", client))),
    };
    let (colour, lane, chip) = match event.worker {
        Some((place, name)) => {
            let [colour, lane] = [place % COLOURS, place % MAX_LANES].map(|part| part.to_string());
            (Some(colour), Some(lane), Some(text("row-worker", name)))
        }
        None => (None, None, None),
    };
    let call = call.unwrap_or_else(|| {
        let words = (event.text).map(|text| view! { <q class="row-text">{text}</q> }.into_any());
        view! {
            <span class="row-call">
                <span class="lab-hidden">{speaker}</span>
                {inside}
                {chip}
                <b>{event.verb}</b>
                {words}
                {text("row-note-text", event.note)}
                {event.line.map(|line| text("row-line", line))}
            </span>
            {beside}
        }
        .into_any()
    });
    view! {
        <li
            style:top=top
            class:is-second=is_second
            data-end=end
            data-from=from
            data-colour=colour
            data-lane=lane
            data-action=event.action
            data-sequence=event.sequence.to_string()
            data-connection=event.connection.map(|id| id.to_string())
            aria-posinset=position
            aria-setsize=count
            aria-current=current
        >
            <button type="button" tabindex=tab on:click=select>
                {call}
                <span class="row-after">{lazy(move || at.with(|at| at.after.clone()))}</span>
            </button>
        </li>
    }
    .into_any()
}

/// A packet on its way: an arrow across the wire with its words in the middle.
fn wire_view(packet: PacketRow, client: Option<AnyView>) -> AnyView {
    let words = packet.words;
    let marks: Vec<_> = (words.marks.into_iter())
        .map(|mark| text("packet-mark", mark))
        .collect();
    // That it arrives is what is expected; on a phone only all else is worth the room.
    let class = match words.fates.len() == 1 && !words.is_lost {
        true => "packet-fate is-plain",
        false => "packet-fate",
    };
    view! {
        <span class="lab-hidden">{words.spoken}</span>
        <span class="row-packet" class:is-lost=words.is_lost aria-hidden="true">
            <span>
                {client}
                <b>{words.kind}</b>
                {text("packet-numbers", words.numbers)}
                {marks}
            </span>
        </span>
        <span class=class aria-hidden="true">{words.fates.join(", ")}</span>
    }
    .into_any()
}
