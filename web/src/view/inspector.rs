//! One event in full: its bytes, what they mean, and where they came from.

use leptos::prelude::*;
use wire::dissect::{self, Field};
use wire::packet::Packet;
use wire::{Action, End, Event, Worker};

use super::late::Part;
use super::memo::Memo;
use super::parts::{choice, lazy, paragraph, toggle};
use super::{Ui, arrows, dump, fields, streams};
use crate::browser;
use crate::state::{Lab, clock, number, packet_words, size, summary, who};

const NOTHING: &str = "Select a row of the exchange to see its bytes one by one.";

pub(super) fn inspector(ui: Ui) -> AnyView {
    // Landmarks of one page need names of their own; the first lab has the plain one.
    let name = match ui.place {
        0 => "Inspector".to_owned(),
        _ => {
            let lab = ui.lab.with_untracked(|lab| lab.spec.name.clone());
            ["Inspector: ", &lab].concat()
        }
    };
    let has_rows = ui.part(|lab| !lab.trace.rows().is_empty());
    view! {
        <section class="lab-inspector" aria-label=name>
            {lazy(move || match has_rows.get() {
                true => Part::Inspector.view(ui, NOTHING),
                false => paragraph("lab-empty", NOTHING.to_owned()),
            })}
        </section>
    }
    .into_any()
}

/// What is in it once there are events to look at.
pub(super) fn selected(ui: Ui) -> AnyView {
    let shows_streams = RwSignal::new(false);
    let tab = move |label: &str, is_streams: bool| {
        toggle(
            label.to_owned(),
            "",
            move || shows_streams.get() == is_streams,
            move || shows_streams.set(is_streams),
        )
    };
    let tabs = vec![tab("Bytes", false), tab("Stream", true)];
    let event = Memo::new(move |_| {
        let selected = ui.selected.get();
        ui.lab.with(|lab| shown(lab, selected))
    });
    let body = lazy(move || {
        if shows_streams.get() {
            return streams::streams(ui);
        }
        match event.get() {
            Some(event) => details(ui, event),
            None => paragraph("lab-empty", NOTHING.to_owned()),
        }
    });
    let what = lazy(move || {
        if ui.selected.get().is_some() {
            "selected"
        } else {
            "latest"
        }
    });
    view! {
        <div class="lab-bar">
            {choice("View", "lab-choice", tabs)}
            <span class="lab-count">{what}</span>
        </div>
        {body}
    }
    .into_any()
}

/// The selected event, or else the latest that moved bytes.
fn shown(lab: &Lab, selected: Option<u64>) -> Option<Event> {
    let found = selected.and_then(|order| lab.trace.event(order));
    let rows = lab.trace.rows().iter().rev().take(100);
    found
        .or_else(|| {
            rows.filter_map(|row| lab.trace.event(row.order))
                .find(|event| event.data().is_some())
        })
        .cloned()
}

fn details(ui: Ui, event: Event) -> AnyView {
    let mut summary = summary(&event);
    if let Action::Packet(packet) = &event.action {
        let words = ui
            .lab
            .with_untracked(|lab| packet_words(&event, packet, lab.packets.told(event.sequence)));
        summary.note = [words.numbers]
            .into_iter()
            .chain(words.marks)
            .chain(words.fates)
            .collect::<Vec<_>>()
            .join("  ");
    }
    let note = match event.data() {
        Some(data) => size(data.bytes.len()),
        None => summary.note,
    };
    let client = event.connection.and_then(|id| {
        ui.lab
            .with_untracked(|lab| lab.conversations.get(id).map(who))
    });
    let speaker = match event.end {
        End::Client => "You",
        End::Server => "Server",
        End::Relay => "Relay",
        End::Wire => "Wire",
    };
    let class = match event.end {
        End::Client => "who from-client",
        End::Server => "who from-server",
        End::Relay => "who from-relay",
        End::Wire => "who from-wire",
    };
    let mut facts = vec![("at", clock(event.time_ns))];
    if let Some(id) = event.connection {
        let with = match (event.end, client) {
            (End::Server, Some(client)) => [&number(id).to_string(), " with ", &client].concat(),
            _ => number(id).to_string(),
        };
        facts.push(("connection", with));
    }
    if let Action::Packet(packet) = &event.action {
        let from = match packet.from {
            End::Client => "you",
            other => arrows::name(other),
        };
        facts.push(("from", from.to_owned()));
        facts.push(("length", size(packet.length as usize)));
    }
    if let Some(source) = &event.source {
        let name = source.file.rsplit('/').next().unwrap_or_default();
        facts.push(("line", [name, ":", &source.line.to_string()].concat()));
    }
    match event.worker {
        Some(Worker::Task(id)) => facts.push(("task", id.to_string())),
        Some(Worker::Thread(id)) => facts.push(("thread", id.to_string())),
        None => {}
    }
    let facts: Vec<_> = facts
        .into_iter()
        .map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> }.into_any())
        .collect();
    let is_datagram = matches!(event.action, Action::Send { .. } | Action::Receive { .. });
    let lesson = ui.lab.with_untracked(|lab| lab.spec.server.clone());
    let body = match (&event.action, event.data()) {
        (Action::Packet(packet), _) => Some(dissected(ui, &lesson, packet)),
        (_, Some(data)) if !data.bytes.is_empty() => {
            let tree = dissect::by(&lesson, &data.bytes, is_datagram);
            Some(bytes_and_fields(ui, data.bytes.clone(), tree))
        }
        _ => None,
    };
    view! {
        <div class="inspect">
            <p class="inspect-what">
                <span class=class>{speaker}</span>
                " "
                <b>{summary.verb}</b>
                " "
                {note}
            </p>
            <dl>{facts}</dl>
            {body}
        </div>
    }
    .into_any()
}

fn bytes_and_fields(ui: Ui, bytes: Vec<u8>, tree: Vec<Field>) -> AnyView {
    view! {
        {dump::dump(ui.marked, bytes, tree.clone())}
        {fields::fields(ui.marked, None, tree)}
    }
    .into_any()
}

/// A packet's bytes; its fields come with the page's second module.
fn dissected(ui: Ui, lesson: &str, packet: &Packet) -> AnyView {
    let answer = RwSignal::new(None);
    // Another row may have been selected before the answer comes.
    browser::depth::dissect(lesson, packet, move |fields| {
        drop(answer.try_set(Some(fields)))
    });
    let bytes = packet.bytes.clone();
    lazy(move || {
        let bytes = bytes.clone();
        let words = match answer.get() {
            Some(Ok(fields)) => return bytes_and_fields(ui, bytes, fields),
            Some(Err(why)) => ["The fields cannot be shown: ", &why].concat(),
            None => "Loading …".to_owned(),
        };
        view! {
            {dump::dump(ui.marked, bytes, Vec::new())}
            {paragraph("lab-empty", words)}
        }
        .into_any()
    })
    .into_any()
}
