//! What was written in how many writes against what was read in how many reads.

use std::collections::VecDeque;

use leptos::prelude::*;
use wire::transfer::Segment;
use wire::{ConnectionId, End};

use super::Ui;
use super::memo::Memo;
use super::parts::{act, lazy, paragraph};
use crate::state::{Lab, size, who};

/// The most segments drawn of one side; the latest.
const MAX_SEGMENTS: usize = 32;

/// One direction of a conversation, cut to what is drawn.
#[derive(Clone, PartialEq)]
struct Flow {
    from: End,
    is_datagrams: bool,
    /// The client, as the reader knows it.
    client: String,
    /// Whether the client's end is observed: it is not if it is another program.
    is_own: bool,
    /// The offsets of the first and the last byte drawn.
    start: u64,
    end: u64,
    written: Side,
    read: Side,
}

#[derive(Clone, PartialEq)]
struct Side {
    calls: usize,
    segments: Vec<(u64, u64, u64)>,
}

pub(super) fn streams(ui: Ui) -> AnyView {
    let flows = Memo::new(move |_| {
        let selected = ui.selected.get();
        ui.lab.with(|lab| match lab.focus(selected) {
            None => Vec::new(),
            Some(id) => [End::Client, End::Server]
                .into_iter()
                .filter_map(|from| flow(lab, id, from))
                .collect(),
        })
    });
    let body = lazy(move || {
        let flows = flows.get();
        if flows.is_empty() {
            return paragraph(
                "lab-empty",
                "Nothing has been written yet. Here you will see in how many pieces bytes were \
                 written, and in how many they were read."
                    .to_owned(),
            );
        }
        let flows: Vec<_> = flows.into_iter().map(|flow| show(ui, flow)).collect();
        flows.into_any()
    });
    view! { <div class="streams">{body}</div> }.into_any()
}

fn flow(lab: &Lab, id: ConnectionId, from: End) -> Option<Flow> {
    let direction = lab.transfers.direction(id, from)?;
    let conversation = lab.conversations.get(id)?;
    let end = [&direction.written, &direction.read]
        .iter()
        .filter_map(|side| side.back().map(Segment::end))
        .max()?;
    let first = |side: &VecDeque<Segment>| {
        let index = side.len().saturating_sub(MAX_SEGMENTS);
        side.get(index).map_or(0, |segment| segment.start)
    };
    // Both sides begin at one offset, so that boundaries can be compared.
    let start = first(&direction.written).max(first(&direction.read));
    let side = |segments: &VecDeque<Segment>| Side {
        calls: segments.len(),
        segments: segments
            .iter()
            .filter(|segment| segment.end() > start || segment.length == 0)
            .map(|segment| (segment.sequence, segment.start.max(start), segment.end()))
            .collect(),
    };
    Some(Flow {
        from,
        is_datagrams: lab.is_udp(),
        client: who(conversation),
        is_own: conversation.is_own,
        start,
        end,
        written: side(&direction.written),
        read: side(&direction.read),
    })
}

fn show(ui: Ui, flow: Flow) -> AnyView {
    let (title, class) = match flow.from {
        End::Client => ([&flow.client, " → Server"].concat(), "flow from-client"),
        End::Server | End::Relay | End::Wire => {
            (["Server → ", &flow.client].concat(), "flow from-server")
        }
    };
    let (written, read) = if flow.is_datagrams {
        (
            ("sent in ", " send", " sends"),
            ("received in ", " receive", " receives"),
        )
    } else {
        (
            ("written in ", " write", " writes"),
            ("read in ", " read", " reads"),
        )
    };
    let total = size((flow.end - flow.start) as usize);
    let total = if flow.start > 0 {
        ["the last ", &total].concat()
    } else {
        total
    };
    view! {
        <div class=class>
            <p class="flow-title">{title} <span class="lab-count">{total}</span></p>
            {bar(ui, &flow, &flow.written, written)}
            {bar(ui, &flow, &flow.read, read)}
        </div>
    }
    .into_any()
}

fn bar(ui: Ui, flow: &Flow, side: &Side, words: (&str, &str, &str)) -> AnyView {
    if side.calls == 0 && !flow.is_own {
        let label = "The other end belongs to another program: its calls are not observed.";
        return paragraph("flow-label", label.to_owned());
    }
    let (before, one, many) = words;
    let label = [
        before,
        &side.calls.to_string(),
        if side.calls == 1 { one } else { many },
    ]
    .concat();
    let total = u128::from((flow.end - flow.start).max(1));
    let percent = |offset: u64| {
        let hundredths = (u128::from(offset) * 10_000 / total) as u64;
        let [whole, rest] = [hundredths / 100, hundredths % 100];
        let zero = if rest < 10 { "0" } else { "" };
        [&whole.to_string(), ".", zero, &rest.to_string(), "%"].concat()
    };
    let segments: Vec<_> = side
        .segments
        .iter()
        .map(|(sequence, start, end)| {
            let order = sequence * 2;
            let text = size((end - start) as usize);
            // A number that does not fit would be cut in two.
            let is_wide = u128::from(end - start) * 16 > total;
            let number = is_wide.then(|| (end - start).to_string());
            view! {
                <button
                    type="button"
                    title=text.clone()
                    aria-label=text
                    class:is-selected=lazy(move || ui.selected.get() == Some(order))
                    style:left=percent(start - flow.start)
                    style:width=percent(end - start)
                    on:click=act(move || ui.selected.set(Some(order)))
                >
                    {number}
                </button>
            }
            .into_any()
        })
        .collect();
    view! {
        <p class="flow-label">{label}</p>
        <div class="flow-bar">{segments}</div>
    }
    .into_any()
}
