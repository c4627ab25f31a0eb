//! An arrow per transfer, from the call that handed bytes over to the call that took them.

use leptos::prelude::*;
use wire::{Action, End};

use super::Ui;
use super::memo::Memo;
use super::parts::{lazy, px};
use super::scroll::Scroll;
use crate::state::Lab;

/// From one row to another, or only to the middle if the other end was not observed.
#[derive(Clone, Debug, PartialEq)]
struct Arrow {
    from: End,
    to: End,
    /// The row of the call that sent.
    start: Option<usize>,
    /// The row of the call that received.
    end: Option<usize>,
    /// Whether the relay threw it away.
    is_lost: bool,
    is_selected: bool,
}

/// Between two lanes.
#[derive(Clone, Copy)]
struct Wire {
    class: &'static str,
    left: End,
    right: End,
}

const WHOLE: Wire = Wire {
    class: "ladder-arrows",
    left: End::Client,
    right: End::Server,
};

/// The wires on either side of a relay.
const HALVES: [Wire; 2] = [
    Wire {
        class: "ladder-arrows",
        left: End::Client,
        right: End::Relay,
    },
    Wire {
        class: "ladder-arrows is-second",
        left: End::Relay,
        right: End::Server,
    },
];

/// The arrows on every wire there is.
pub(super) fn arrows(ui: Ui, scroll: Scroll, has_relay: Memo<bool>) -> AnyView {
    let arrows = Memo::new(move |_| {
        let range = scroll.window.get().range();
        let selected = ui.selected.get();
        ui.lab.with(|lab| visible(lab, range, selected))
    });
    lazy(move || {
        let wires = match has_relay.get() {
            true => &HALVES[..],
            false => &[WHOLE],
        };
        let wires: Vec<_> = wires
            .iter()
            .map(|wire| on_wire(ui, scroll, arrows, *wire))
            .collect();
        wires.into_any()
    })
    .into_any()
}

fn on_wire(ui: Ui, scroll: Scroll, arrows: Memo<Vec<Arrow>>, wire: Wire) -> AnyView {
    let top = lazy(move || {
        let window = scroll.window.get();
        let first = window.range().start as f64;
        px(first * window.row_height)
    });
    let height = lazy(move || {
        let window = scroll.window.get();
        px(window.range().len() as f64 * window.row_height)
    });
    let heads: Vec<_> = [wire.left, wire.right]
        .into_iter()
        .map(|from| head(ui, wire, from))
        .collect();
    view! {
        <svg class=wire.class aria-hidden="true" style:top=top style:height=height>
            <defs>{heads}</defs>
            {lazy(move || {
                let window = scroll.window.get();
                let first = window.range().start;
                let middle = move |index: usize| {
                    (index as f64 - first as f64 + 0.5) * window.row_height
                };
                let arrows = arrows.get();
                let arrows = arrows.iter().filter(|arrow| {
                    let ends = [arrow.from, arrow.to];
                    ends == [wire.left, wire.right] || ends == [wire.right, wire.left]
                });
                arrows.map(|arrow| line(ui, wire, arrow, middle)).collect::<Vec<_>>()
            })}
        </svg>
    }
    .into_any()
}

/// The name of an arrow's head, which is the page's to know apart.
fn head_name(ui: Ui, wire: Wire, from: End) -> String {
    let place = ui.place.to_string();
    ["head-", name(from), "-", name(wire.right), "-", &place].concat()
}

fn head(ui: Ui, wire: Wire, from: End) -> AnyView {
    view! {
        <marker
            id=head_name(ui, wire, from)
            class=["from-", name(from)].concat()
            viewBox="0 0 8 8"
            refX="7"
            refY="4"
            markerWidth="7"
            markerHeight="7"
            markerUnits="userSpaceOnUse"
            orient="auto"
        >
            <path d="M0 0.5 L8 4 L0 7.5 z" />
        </marker>
    }
    .into_any()
}

pub(super) fn name(end: End) -> &'static str {
    match end {
        End::Client => "client",
        End::Server => "server",
        End::Relay => "relay",
        End::Wire => "wire",
    }
}

fn line(ui: Ui, wire: Wire, arrow: &Arrow, middle: impl Fn(usize) -> f64) -> AnyView {
    let (near, far, part) = match arrow.from == wire.left {
        true => ("2%", "98%", "22%"),
        false => ("98%", "2%", "78%"),
    };
    // Where the arrow breaks off, and to which side of it the word stands.
    let (cross, anchor, word) = match arrow.from == wire.left {
        true => ("28%", "start", "12"),
        false => ("72%", "end", "-12"),
    };
    let (x1, y1, x2, y2, is_whole) = match (arrow.start, arrow.end) {
        (Some(start), _) if arrow.is_lost => (near, middle(start), part, middle(start), false),
        (Some(start), Some(end)) => (near, middle(start), far, middle(end), true),
        (Some(start), None) => (near, middle(start), "50%", middle(start), false),
        (None, Some(end)) => ("50%", middle(end), far, middle(end), true),
        (None, None) => return ().into_any(),
    };
    let mut class = ["from-", name(arrow.from)].concat();
    if arrow.is_selected {
        class.push_str(" is-selected");
    }
    let head = is_whole.then(|| ["url(#", &head_name(ui, wire, arrow.from), ")"].concat());
    let is_half = !arrow.is_lost && (arrow.start.is_none() || arrow.end.is_none());
    view! {
        <g class=class>
            <line x1=x1 y1=px(y1) x2=x2 y2=px(y2) marker-end=head />
            {is_half.then(|| view! {
                <circle cx="50%" cy=px(if arrow.start.is_some() { y2 } else { y1 }) r="2.5" />
            })}
            {arrow.is_lost.then(|| view! {
                <text x=cross y=px(y1) text-anchor=anchor>"✕"</text>
                <text class="lost-word" x=cross dx=word y=px(y1) text-anchor=anchor>"lost"</text>
            })}
        </g>
    }
    .into_any()
}

/// The arrows that begin or end in these rows.
fn visible(lab: &Lab, range: std::ops::Range<usize>, selected: Option<u64>) -> Vec<Arrow> {
    let mut arrows: Vec<Arrow> = Vec::new();
    for index in range {
        let Some(row) = lab.trace.rows().get(index) else {
            break;
        };
        let Some(event) = lab
            .trace
            .event(row.order)
            .filter(|event| event.data().is_some())
        else {
            continue;
        };
        let is_lost = matches!(event.action, Action::Lose(_));
        let is_sent = is_lost || matches!(event.action, Action::Write(_) | Action::Send { .. });
        let hop = lab.hops.hop(event);
        let (from, to) = match (hop, event.end, is_sent) {
            (Some(hop), ..) => hop,
            (None, End::Relay, _) => continue,
            (None, End::Client, true) | (None, End::Server, false) => (End::Client, End::Server),
            (None, ..) => (End::Server, End::Client),
        };
        let partners = match hop {
            Some(_) => lab.hops.partner(event.sequence).into_iter().collect(),
            None => lab.transfers.partners(event),
        };
        let others: Vec<Option<usize>> = if partners.is_empty() {
            vec![None]
        } else {
            let rows = partners.iter();
            rows.map(|sequence| lab.trace.row_of(sequence * 2))
                .collect()
        };
        for (place, other) in others.into_iter().enumerate() {
            let partner = partners.get(place).map(|sequence| sequence * 2);
            let is_selected =
                selected.is_some() && (selected == Some(row.order) || selected == partner);
            let (start, end) = if is_sent {
                (Some(index), other)
            } else {
                (other, Some(index))
            };
            let arrow = Arrow {
                from,
                to,
                start,
                end,
                is_lost,
                is_selected,
            };
            if !arrows.contains(&arrow) {
                arrows.push(arrow);
            }
        }
    }
    arrows
}
