//! The exchange: you, the wire, the server; time runs downwards.
//!
//! Only the rows in sight are drawn. The list follows what is new while its end is in sight, and
//! never moves under the eyes of a reader who has scrolled up.

use leptos::html::Div;
use leptos::prelude::*;
use web_sys::KeyboardEvent;
use wire::{ConnectionId, End};

use super::{Ui, arrows};
use crate::browser::{self, Frame, Listener};
use crate::state::{Input, Kind, Lab, Window, elapsed, number, scroll_to, summary, who};

/// Where the list is scrolled to and how much of it is seen.
#[derive(Clone, Copy)]
pub(super) struct Scroll {
    pub(super) window: Memo<Window>,
    list: NodeRef<Div>,
    top: RwSignal<f64>,
    is_following: RwSignal<bool>,
    frame: StoredValue<Option<Frame>, LocalStorage>,
}

/// A row as it is drawn.
#[derive(Clone, PartialEq)]
struct Shown {
    order: u64,
    count: u32,
    /// Its place among all rows since the lab began.
    place: usize,
    body: Body,
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
    /// Since the row before.
    after: String,
    /// Whose conversation it is, where that is not plain.
    client: Option<String>,
}

pub(super) fn ladder(ui: Ui) -> AnyView {
    let scroll = scrolling(ui);
    let total = ui.part(|lab| lab.trace.rows().len() + lab.trace.dropped_rows);
    let dropped = ui.part(|lab| (lab.trace.dropped, lab.trace.dropped_rows));
    let shown = Memo::new(move |_| {
        let range = scroll.window.get().range();
        let selected = ui.selected.get();
        ui.lab.with(|lab| rows(lab, range, selected))
    });
    let height = move || {
        let window = scroll.window.get();
        [&(window.rows as f64 * window.row_height).to_string(), "px"].concat()
    };
    let is_empty = ui.part(|lab| lab.trace.rows().is_empty());
    let on_key = move |event: KeyboardEvent| move_selection(ui, scroll, &event);
    let heading = ["exchange-", &ui.place.to_string()].concat();
    let row = move |shown: Shown| row(ui, scroll, shown, total, dropped);
    view! {
        <section class="lab-ladder">
            <div class="lab-bar">
                <span class="lab-title" id=heading.clone()>"Exchange"</span>
                {chips(ui)}
                {waits_choice(ui)}
            </div>
            <div class="ladder-lanes" aria-hidden="true">
                <span class="lane-you">{move || ui.lab.with(client_lane)}</span>
                <span class="lane-wire">"wire"</span>
                <span class="lane-server">"Server"</span>
            </div>
            <div
                class="ladder-scroll"
                node_ref=scroll.list
                on:scroll=move |_| scroll.scrolled()
                on:keydown=on_key
            >
                <div class="ladder-rows" style:height=height>
                    {arrows::arrows(ui, scroll)}
                    <ol aria-labelledby=heading>
                        <For
                            each=move || shown.get()
                            key=|shown| (shown.order, shown.count, shown.place, shown.body.client())
                            children=row
                        />
                    </ol>
                </div>
                {move || is_empty.get().then(|| view! {
                    <p class="ladder-empty">
                        "Nothing has happened yet. Press Send: every call that you and the server \
                         make on the connection appears here."
                    </p>
                })}
            </div>
            {new_rows(scroll, total)}
            {move || {
                let (events, _) = dropped.get();
                (events > 0).then(|| {
                    let text = [&events.to_string(), " older events were dropped to save memory."];
                    view! { <p class="ladder-dropped">{text.concat()}</p> }
                })
            }}
        </section>
    }
    .into_any()
}

impl Body {
    /// What may change about a row that is drawn already.
    fn client(&self) -> Option<String> {
        match self {
            Self::Event(event) => event.client.clone(),
            Self::Note(note) => Some(note.clone()),
        }
    }
}

impl Scroll {
    fn scrolled(self) {
        if let Some(list) = self.list.get_untracked() {
            let top = f64::from(list.scroll_top());
            let before = self.top.get_untracked();
            self.top.set(top);
            let window = Window {
                top,
                ..self.window.get_untracked()
            };
            // Rows that came meanwhile push the end away; only going up is the reader's will.
            let is_following =
                window.is_at_end() || (self.is_following.get_untracked() && top >= before);
            if self.is_following.get_untracked() != is_following {
                self.is_following.set(is_following);
            }
        }
    }

    fn to(self, top: f64) {
        let list = self.list;
        // After the rows have grown, before they are painted.
        let frame = Frame::new(move || {
            if let Some(list) = list.get_untracked() {
                list.set_scroll_top(top as i32);
            }
        });
        self.frame.set_value(Some(frame));
    }
}

/// Keeps the window in step with the box, and the box with what is new.
fn scrolling(ui: Ui) -> Scroll {
    let list = NodeRef::<Div>::new();
    let ruler = RwSignal::new((30.0_f64, 300.0_f64));
    let top = RwSignal::new(0.0_f64);
    let is_following = RwSignal::new(true);
    let count = ui.part(|lab| lab.trace.rows().len());
    let window = Memo::new(move |_| {
        let (row_height, height) = ruler.get();
        let rows = count.get();
        let end = (rows as f64 * row_height - height).max(0.0);
        Window {
            rows,
            row_height,
            height,
            top: if is_following.get() {
                end
            } else {
                top.get().min(end)
            },
        }
    });
    let scroll = Scroll {
        window,
        list,
        top,
        is_following,
        frame: StoredValue::new_local(None),
    };
    let measure = move || {
        if let Some(list) = list.get_untracked() {
            // The style sheet decides how high a row is: higher where fingers touch it.
            let row_height = browser::length(&list, "--row-height").unwrap_or(30.0);
            let measured = (row_height, f64::from(list.client_height()));
            if ruler.get_untracked() != measured && measured.1 > 0.0 {
                ruler.set(measured);
            }
        }
    };
    Effect::new(move || {
        if list.get().is_some() {
            measure();
        }
    });
    let resized =
        browser::window().map(|window| Listener::new(window, "resize", move |_| measure()));
    StoredValue::new_local(resized);
    Effect::new(move || {
        let window = window.get();
        if is_following.get() {
            measure();
            scroll.to(window.top);
        }
    });
    // Rows dropped above must not move those in sight.
    let dropped = ui.part(|lab| lab.trace.dropped_rows);
    Effect::new(move |before: Option<usize>| {
        let now = dropped.get();
        let gone = now.saturating_sub(before.unwrap_or(0));
        if gone > 0 && !is_following.get_untracked() {
            let (row_height, _) = ruler.get_untracked();
            scroll.to((top.get_untracked() - gone as f64 * row_height).max(0.0));
        }
        now
    });
    scroll
}

/// The rows of `range`, and the selected one wherever it is, so that it keeps the focus.
fn rows(lab: &Lab, range: std::ops::Range<usize>, selected: Option<u64>) -> Vec<Shown> {
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
            let body = match &trace.item(row.order)?.kind {
                Kind::Event(event) => {
                    Body::Event(Box::new(event_row(lab, event, earlier, row.count, several)))
                }
                Kind::Gap(1) => {
                    Body::Note("1 event was lost here: the page was too slow".to_owned())
                }
                Kind::Gap(count) => Body::Note(
                    [
                        &count.to_string(),
                        " events were lost here: the page was too slow",
                    ]
                    .concat(),
                ),
                Kind::Break => {
                    Body::Note("The gateway stopped here; its connections ended with it".to_owned())
                }
            };
            Some(Shown {
                order: row.order,
                count: row.count,
                place: trace.dropped_rows + index,
                body,
            })
        })
        .collect()
}

fn event_row(
    lab: &Lab,
    event: &wire::Event,
    earlier: Option<&wire::Event>,
    count: u32,
    several: bool,
) -> EventRow {
    let mut summary = summary(event);
    if count > 1 {
        summary.note = [&count.to_string(), " times"].concat();
    }
    let client = event
        .connection
        .and_then(|id| lab.conversations.get(id))
        .filter(|one| several || !one.is_own)
        .map(|one| match one.is_own {
            true => number(one.id).to_string(),
            false => who(one),
        });
    EventRow {
        end: event.end,
        action: event.action.verb(),
        sequence: number(ConnectionId(event.sequence)).0,
        connection: event.connection.map(|id| number(id).0),
        verb: summary.verb,
        text: summary.text,
        note: summary.note,
        line: (event.source.as_ref()).map(|source| ["line ", &source.line.to_string()].concat()),
        after: earlier
            .and_then(|earlier| event.time_ns.checked_sub(earlier.time_ns))
            .map(|ns| ["+", &elapsed(ns)].concat())
            .unwrap_or_default(),
        client,
    }
}

fn row(
    ui: Ui,
    scroll: Scroll,
    shown: Shown,
    total: Memo<usize>,
    dropped: Memo<(u64, usize)>,
) -> AnyView {
    let Shown {
        order, place, body, ..
    } = shown;
    let top = move || {
        let (_, dropped_rows) = dropped.get();
        let index = place.saturating_sub(dropped_rows) as f64;
        [&(index * scroll.window.get().row_height).to_string(), "px"].concat()
    };
    let setsize = move || total.get().to_string();
    let event = match body {
        Body::Note(note) => {
            return view! {
                <li class="row-note" style:top=top aria-posinset=place + 1 aria-setsize=setsize>
                    <span>{note}</span>
                </li>
            }
            .into_any();
        }
        Body::Event(event) => event,
    };
    let is_selected = Memo::new(move |_| ui.selected.get() == Some(order));
    // One row can be reached by Tab; the arrow keys go on from there.
    let tab = move || match ui.selected.get() {
        Some(selected) => selected == order,
        None => place + 1 == total.get(),
    };
    let end = match event.end {
        End::Client => "client",
        End::Server => "server",
    };
    let speaker = match event.end {
        End::Client => "You: ",
        End::Server => "Server: ",
    };
    let text = event
        .text
        .map(|text| view! { <q class="row-text">{text}</q> });
    let line = event
        .line
        .map(|line| view! { <span class="row-line">{line}</span> });
    let client = event
        .client
        .map(|client| view! { <span class="row-client">{client}</span> });
    view! {
        <li
            style:top=top
            data-end=end
            data-action=event.action
            data-sequence=event.sequence
            data-connection=event.connection
            aria-posinset=place + 1
            aria-setsize=setsize
            aria-current=move || is_selected.get().then_some("true")
        >
            <button
                type="button"
                tabindex=move || if tab() { "0" } else { "-1" }
                on:click=move |_| {
                    let is_selected = ui.selected.get_untracked() == Some(order);
                    ui.marked.set(None);
                    ui.selected.set((!is_selected).then_some(order));
                }
            >
                <span class="row-call">
                    <span class="lab-hidden">{speaker}</span>
                    <b>{event.verb}</b>
                    {text}
                    <span class="row-note-text">{event.note}</span>
                    {line}
                </span>
                {client}
                <span class="row-after">{event.after}</span>
            </button>
        </li>
    }
    .into_any()
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
    let target = scroll_to(window, index);
    let list = scroll.list;
    let frame = Frame::new(move || {
        if let Some(list) = list.get_untracked() {
            if let Some(top) = target {
                list.set_scroll_top(top as i32);
            }
            browser::focus(&list, "li[aria-current] button");
        }
    });
    scroll.frame.set_value(Some(frame));
}

/// Tells a reader who has scrolled up that there is more below.
fn new_rows(scroll: Scroll, total: Memo<usize>) -> impl IntoView {
    let seen = RwSignal::new(0);
    Effect::new(move || {
        if scroll.is_following.get() {
            seen.set(total.get());
        }
    });
    let label = Memo::new(move |_| {
        let count = total.get().saturating_sub(seen.get());
        let is_behind = !scroll.is_following.get() && count > 0;
        is_behind.then(|| [&count.to_string(), " new"].concat())
    });
    move || {
        label.get().map(|label| {
            let follow = move |_| scroll.is_following.set(true);
            view! {
                <button type="button" class="ladder-new" on:click=follow>
                    {label}
                </button>
            }
        })
    }
}

/// Whose lane is on the left.
fn client_lane(lab: &Lab) -> String {
    match lab.trace.filter.and_then(|id| lab.conversations.get(id)) {
        Some(conversation) => who(conversation),
        None => "You".to_owned(),
    }
}

/// The most conversations that have a chip; the latest ones.
const MAX_CHIPS: usize = 6;

/// One chip per conversation, once there are several.
fn chips(ui: Ui) -> impl IntoView {
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
        let pressed = move || {
            if filter.get().0 == id {
                "true"
            } else {
                "false"
            }
        };
        let show = move |_| ui.act(Input::Show(id, filter.get_untracked().1));
        view! {
            <button type="button" aria-pressed=pressed on:click=show>
                {label}
            </button>
        }
    };
    move || {
        let conversations = conversations.get();
        (conversations.len() > 1).then(|| {
            let chips: Vec<_> = conversations
                .into_iter()
                .map(|(id, label)| chip(Some(id), label))
                .collect();
            view! {
                <span class="lab-choice lab-chips" role="group" aria-label="Connections">
                    {chip(None, "All".to_owned())}
                    {chips}
                </span>
            }
        })
    }
}

fn waits_choice(ui: Ui) -> impl IntoView {
    let filter = ui.part(|lab| (lab.trace.filter, lab.trace.shows_waits));
    let toggle = move |_| {
        let (id, shows_waits) = filter.get_untracked();
        ui.act(Input::Show(id, !shows_waits));
    };
    view! {
        <button
            type="button"
            class="lab-quiet"
            aria-pressed=move || if filter.get().1 { "true" } else { "false" }
            on:click=toggle
        >
            "Show waits"
        </button>
    }
}
