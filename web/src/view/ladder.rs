//! The exchange: you, the wire, the server; time runs downwards.
//!
//! Only the rows in sight are drawn. The list follows what is new while its end is in sight, and
//! never moves under the eyes of a reader who has scrolled up.

use leptos::prelude::*;
use web_sys::KeyboardEvent;
use wire::ConnectionId;
use wire::lab::Control;

use super::controls::has;
use super::memo::Memo;
use super::parts::{Lazy, choice, lazy, maybe, paragraph, px, text, toggle};
use super::row::{MAX_LANES, Shown, row, rows};
use super::scroll::{Scroll, new_rows, scrolling};
use super::{Ui, arrows, packets};
use crate::state::{Input, Lab, number, scroll_to, who};

pub(super) fn ladder(ui: Ui) -> AnyView {
    let scroll = scrolling(ui);
    let total = ui.part(|lab| lab.trace.rows().len() + lab.trace.dropped_rows);
    let dropped = ui.part(|lab| lab.trace.dropped_rows);
    let lost = ui.part(|lab| lab.trace.dropped);
    let shown = Memo::new(move |_| {
        let range = scroll.window.get().range();
        let selected = ui.selected.get();
        ui.lab.with(|lab| rows(lab, range, selected))
    });
    let height = lazy(move || {
        let window = scroll.window.get();
        px(window.rows as f64 * window.row_height)
    });
    let is_empty = ui.part(|lab| lab.trace.rows().is_empty());
    let is_replay = ui.part(|lab| lab.replay.is_some());
    let empty = maybe(move || {
        let words = || match is_replay.get() {
            true => "Press Play or Step forward: every call that was observed then appears here.",
            false => {
                "Nothing has happened yet. Press Send: every call that you and the server make \
                 appears here."
            }
        };
        is_empty
            .get()
            .then(|| paragraph("ladder-empty", words().to_owned()))
    });
    let lost = maybe(move || {
        let lost = lost.get();
        let text = || {
            [
                &lost.to_string(),
                " older events were dropped to save memory.",
            ]
            .concat()
        };
        (lost > 0).then(|| paragraph("ladder-dropped", text()))
    });
    let lane = lazy(move || ui.lab.with(client_lane));
    let controls_relay = has(ui, Control::Relay);
    let has_relay = ui.part(move |lab| controls_relay || lab.hops.is_any());
    let relay_lane =
        maybe(move || (has_relay.get()).then(|| text("lane-relay", "Relay".to_owned())));
    let lanes = ui.part(|lab| match lab.workers.count() {
        1 => 0,
        count => count.min(MAX_LANES),
    });
    let has_workers = lazy(move || lanes.get() > 0);
    let lane_count = lazy(move || lanes.get().to_string());
    let on_key: Box<dyn FnMut(KeyboardEvent)> =
        Box::new(move |event| move_selection(ui, scroll, &event));
    let shows_packets = ui.part(|lab| lab.trace.shows_packets);
    let heading = ["exchange-", &ui.place.to_string()].concat();
    view! {
        <section
            class="lab-ladder"
            class:has-relay=lazy(move || has_relay.get())
            class:has-packets=lazy(move || shows_packets.get())
            class:has-workers=has_workers
            data-lanes=lane_count
        >
            <div class="lab-bar">
                <span class="lab-title" id=heading.clone()>"Exchange"</span>
                {chips(ui)}
                <span class="ladder-shows">{packets::switch(ui)} {waits_choice(ui)}</span>
            </div>
            {packets::notice(ui)}
            <div class="ladder-lanes" aria-hidden="true">
                <span class="lane-you">{lane}</span>
                <span class="lane-wire">"wire"</span>
                {relay_lane}
                <span class="lane-server">"Server"</span>
            </div>
            <div
                class="ladder-scroll"
                node_ref=scroll.list
                on:scroll=move |_| scroll.scrolled()
                on:keydown=on_key
            >
                <div class="ladder-rows" style:height=height>
                    {arrows::arrows(ui, scroll, has_relay)}
                    {worker_lanes(lanes)}
                    <ol aria-labelledby=heading>
                        <For
                            each=move || shown.get()
                            key=Shown::key
                            children=move |one| row(ui, scroll, shown, one, total, dropped)
                        />
                    </ol>
                </div>
                {empty}
            </div>
            {new_rows(scroll, total)}
            {lost}
        </section>
    }
    .into_any()
}

/// The line that each of the server's tasks or threads has at the edge.
fn worker_lanes(count: Memo<usize>) -> Lazy<AnyView> {
    maybe(move || {
        let lanes = || view! { <div class="lanes-of-workers" aria-hidden="true"></div> }.into_any();
        (count.get() > 0).then(lanes)
    })
}

/// Arrow keys, Home and End go through the rows; the page stays where it is.
fn move_selection(ui: Ui, scroll: Scroll, event: &KeyboardEvent) {
    let found = ui.lab.with_untracked(|lab| {
        let rows = lab.trace.rows();
        let last = rows.len().checked_sub(1)?;
        let at = ui
            .selected
            .get_untracked()
            .and_then(|order| lab.trace.row_of(order));
        let index = match (event.key().as_str(), at) {
            ("ArrowUp", Some(at)) => at.saturating_sub(1),
            ("ArrowDown", Some(at)) => (at + 1).min(last),
            ("ArrowUp" | "ArrowDown" | "End", _) => last,
            ("Home", _) => 0,
            _ => return None,
        };
        Some((index, rows.get(index)?.order))
    });
    let Some((index, order)) = found else {
        return;
    };
    event.prevent_default();
    ui.marked.set(None);
    ui.selected.set(Some(order));
    let window = scroll.window.get_untracked();
    scroll.show(scroll_to(window, index));
}

/// Whose lane is on the left.
fn client_lane(lab: &Lab) -> String {
    match lab.trace.filter.and_then(|id| lab.conversations.get(id)) {
        Some(conversation) => who(conversation),
        None if lab.clients.iter().count() > 1 => "Clients".to_owned(),
        None => "You".to_owned(),
    }
}

/// The most conversations that have a chip; the latest ones.
const MAX_CHIPS: usize = 6;

/// One chip per conversation, once there are several.
fn chips(ui: Ui) -> Lazy<AnyView> {
    let conversations = ui.part(|lab| {
        let all: Vec<_> = lab
            .conversations
            .iter()
            .map(|one| {
                (
                    one.id,
                    [&who(one), " ", &number(one.id).to_string()].concat(),
                )
            })
            .collect();
        let first = all.len().saturating_sub(MAX_CHIPS);
        all[first..].to_vec()
    });
    let filter = ui.part(|lab| (lab.trace.filter, lab.trace.shows_waits));
    let chip = move |id: Option<ConnectionId>, label: String| {
        toggle(
            label,
            "",
            move || filter.get().0 == id,
            move || ui.act(Input::Show(id, filter.get_untracked().1)),
        )
    };
    maybe(move || {
        let conversations = conversations.get();
        (conversations.len() > 1).then(|| {
            let mut chips = vec![chip(None, "All".to_owned())];
            chips.extend(
                conversations
                    .into_iter()
                    .map(|(id, label)| chip(Some(id), label)),
            );
            choice("Connections", "lab-choice lab-chips", chips)
        })
    })
}

fn waits_choice(ui: Ui) -> AnyView {
    let filter = ui.part(|lab| (lab.trace.filter, lab.trace.shows_waits));
    let switch = move || {
        let (id, shows_waits) = filter.get_untracked();
        ui.act(Input::Show(id, !shows_waits));
    };
    toggle(
        "Show waits".to_owned(),
        "lab-quiet",
        move || filter.get().1,
        switch,
    )
}
