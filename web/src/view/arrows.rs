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
    /// The row of the call that sent.
    start: Option<usize>,
    /// The row of the call that received.
    end: Option<usize>,
    is_selected: bool,
}

pub(super) fn arrows(ui: Ui, scroll: Scroll) -> AnyView {
    let arrows = Memo::new(move |_| {
        let range = scroll.window.get().range();
        let selected = ui.selected.get();
        ui.lab.with(|lab| visible(lab, range, selected))
    });
    let top = lazy(move || {
        let window = scroll.window.get();
        let first = window.range().start as f64;
        px(first * window.row_height)
    });
    let height = lazy(move || {
        let window = scroll.window.get();
        px(window.range().len() as f64 * window.row_height)
    });
    let head = |end: &str| ["head-", end, "-", &ui.place.to_string()].concat();
    let marker = move |end: &'static str| {
        view! {
            <marker
                id=head(end)
                class=["from-", end].concat()
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
    };
    view! {
        <svg class="ladder-arrows" aria-hidden="true" style:top=top style:height=height>
            <defs>{marker("client")} {marker("server")}</defs>
            {lazy(move || {
                let window = scroll.window.get();
                let first = window.range().start;
                let middle = move |index: usize| {
                    (index as f64 - first as f64 + 0.5) * window.row_height
                };
                arrows
                    .get()
                    .into_iter()
                    .map(|arrow| line(ui, &arrow, middle))
                    .collect::<Vec<_>>()
            })}
        </svg>
    }
    .into_any()
}

fn line(ui: Ui, arrow: &Arrow, middle: impl Fn(usize) -> f64) -> AnyView {
    let (name, left, right) = match arrow.from {
        End::Client => ("client", "2%", "98%"),
        End::Server | End::Relay => ("server", "98%", "2%"),
    };
    let (x1, y1, x2, y2, is_whole) = match (arrow.start, arrow.end) {
        (Some(start), Some(end)) => (left, middle(start), right, middle(end), true),
        (Some(start), None) => (left, middle(start), "50%", middle(start), false),
        (None, Some(end)) => ("50%", middle(end), right, middle(end), true),
        (None, None) => return ().into_any(),
    };
    let mut class = ["from-", name].concat();
    if arrow.is_selected {
        class.push_str(" is-selected");
    }
    let head = is_whole.then(|| ["url(#head-", name, "-", &ui.place.to_string(), ")"].concat());
    let is_half = arrow.start.is_none() || arrow.end.is_none();
    view! {
        <g class=class>
            <line x1=x1 y1=px(y1) x2=x2 y2=px(y2) marker-end=head />
            {is_half.then(|| view! {
                <circle cx="50%" cy=px(if arrow.start.is_some() { y2 } else { y1 }) r="2.5" />
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
        let is_sent = matches!(event.action, Action::Write(_) | Action::Send { .. });
        let from = match (event.end, is_sent) {
            (End::Client, true) | (End::Server, false) => End::Client,
            _ => End::Server,
        };
        let partners = lab.transfers.partners(event);
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
                start,
                end,
                is_selected,
            };
            if !arrows.contains(&arrow) {
                arrows.push(arrow);
            }
        }
    }
    arrows
}
