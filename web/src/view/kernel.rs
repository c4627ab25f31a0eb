//! What the systems at both ends say of the connection: its state, and numbers over time.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, MouseEvent};
use wire::lab::Control;
use wire::session::{Transport, is_simulated};
use wire::{ConnectionId, End};

use super::Ui;
use super::controls::has;
use super::diagram::diagram;
use super::late::{Part, WAITING};
use super::memo::Memo;
use super::parts::{Lazy, act, lazy, maybe, paragraph};
use crate::state::{
    Chart, HEIGHT, Input, Lab, Moment, Phase, QUANTITIES, Span, WIDTH, elapsed, who,
};

/// What is looked at.
#[derive(Clone, Copy)]
struct Look {
    ui: Ui,
    /// Whose it is.
    id: Memo<Option<ConnectionId>>,
    /// Where the reader points, as a time.
    pointed: RwSignal<Option<u64>>,
    moment: Memo<Moment>,
    /// The times of the charts.
    span: Memo<Option<Span>>,
    /// When the moment is.
    time: Memo<Option<u64>>,
}

const ENDS: [End; 2] = [End::Client, End::Server];

pub(super) fn kernel(ui: Ui) -> AnyView {
    let is_asked = has(ui, Control::Kernel);
    let is_there = Memo::new(move |()| {
        let is_told = can_tell(ui);
        ui.lab.with(|lab| {
            let server = lab.live().server.as_ref();
            let is_tcp = server.is_some_and(|server| server.transport == Transport::Tcp);
            is_asked || lab.kernel.is_any() || (is_tcp && is_told)
        })
    });
    maybe(move || is_there.get().then(|| section(ui))).into_any()
}

/// Whether the system tells of sockets. A simulated one does; until the gateway is there nobody
/// knows.
fn can_tell(ui: Ui) -> bool {
    let page = ui.page.get_value();
    page.link
        .with(|link| link.abilities.kernel || link.phase != Phase::Live)
        || ui.lab.with(|lab| is_simulated(&lab.spec.server))
}

fn section(ui: Ui) -> AnyView {
    let is_open = ui.part(|lab| lab.live().looks.kernel);
    let switch = act(move || ui.act(Input::Kernel(!is_open.get_untracked())));
    let expanded = lazy(move || if is_open.get() { "true" } else { "false" });
    view! {
        <section class="lab-kernel">
            <div class="lab-bar">
                <button type="button" class="lab-quiet" aria-expanded=expanded on:click=switch>
                    "The kernel's view"
                </button>
            </div>
            {maybe(move || is_open.get().then(|| Part::Kernel.view(ui, WAITING)))}
        </section>
    }
    .into_any()
}

pub(super) fn body(ui: Ui) -> AnyView {
    let pointed = RwSignal::new(None);
    let id = Memo::new(move |()| {
        let selected = ui.selected.get();
        ui.lab.with(|lab| lab.focus(selected))
    });
    let moment = Memo::new(move |()| match pointed.get() {
        Some(time_ns) => Moment::Time(time_ns),
        None => {
            let selected = ui.selected.get();
            ui.lab.with(|lab| lab.moment(selected))
        }
    });
    let span = Memo::new(move |()| {
        let id = id.get()?;
        ui.lab.with(|lab| lab.span(id))
    });
    let time = Memo::new(move |()| Some(moment.get().time_ns(span.get()?)));
    let look = Look {
        ui,
        id,
        pointed,
        moment,
        span,
        time,
    };
    let is_known = Memo::new(move |()| look.with(Lab::has_charts).unwrap_or(false));
    maybe(move || {
        Some(match is_known.get() {
            true => known(look),
            false => paragraph("lab-empty", nothing(ui).to_owned()),
        })
    })
    .into_any()
}

/// Why there is nothing to see.
fn nothing(ui: Ui) -> &'static str {
    let is_replay = ui.lab.with(|lab| lab.replay.is_some());
    match (is_replay, can_tell(ui)) {
        (true, _) => "This exchange was recorded without it, or it has not come so far.",
        (_, true) => {
            "Connect: here you will see what the kernels at both ends say of the connection, its \
             state and its numbers."
        }
        (_, false) => {
            "The system that the gateway runs on does not tell programs about connections. On \
             Linux it does (sock_diag(7))."
        }
    }
}

impl Look {
    /// A part of what is known of the connection.
    fn with<T>(self, part: impl FnOnce(&Lab, ConnectionId) -> T) -> Option<T> {
        let id = self.id.get()?;
        Some(self.ui.lab.with(|lab| part(lab, id)))
    }
}

fn known(look: Look) -> AnyView {
    // Where the moment is in each chart.
    let at = lazy(move || {
        let (span, time_ns) = (look.span.get()?, look.time.get()?);
        Some(["--at:", &span.permille(time_ns).to_string()].concat())
    });
    let ends: Vec<_> = ENDS.map(|end| one_end(look, end)).into();
    view! {
        <div class="kernel-view" style=at>
            <div class="kernel-ends">{ends}</div>
            {slider(look)}
            {table(look)}
        </div>
    }
    .into_any()
}

/// An end in the reader's words.
fn name(look: Look, end: End) -> Lazy<String> {
    lazy(move || match end {
        End::Client => look
            .with(|lab, id| lab.conversations.get(id).map(who))
            .flatten()
            .unwrap_or_else(|| "You".to_owned()),
        _ => "Server".to_owned(),
    })
}

fn one_end(look: Look, end: End) -> AnyView {
    let states = Memo::new(move |()| {
        let moment = look.moment.get();
        (look.with(|lab, id| lab.states_at(id, end, moment))).unwrap_or_default()
    });
    let charts = Memo::new(move |()| look.with(|lab, id| lab.charts(id, end)).unwrap_or_default());
    let class = match end {
        End::Client => "kernel-end is-client",
        _ => "kernel-end is-server",
    };
    let state = lazy(move || match states.get().last() {
        Some(state) => state.name(),
        None => "not seen yet",
    });
    // For those who do not see the drawing.
    let path = lazy(move || {
        let names: Vec<_> = states.get().iter().map(|state| state.name()).collect();
        match names.len() {
            0 | 1 => String::new(),
            _ => [" after ", &names[..names.len() - 1].join(", ")].concat(),
        }
    });
    let drawn = lazy(move || diagram(&states.get()));
    let plots = lazy(move || {
        let charts = charts.get().into_iter();
        charts
            .map(|one| chart(look, one))
            .collect::<Vec<_>>()
            .into_any()
    });
    view! {
        <div class=class>
            <p class="kernel-state">
                {name(look, end)} ": " <b>{state}</b>
                <span class="lab-hidden">{path}</span>
            </p>
            <div class="kernel-diagram" inner_html=drawn></div>
            {plots}
        </div>
    }
    .into_any()
}

/// A value at the moment, in words.
fn value(look: Look, end: End, quantity: usize) -> Lazy<String> {
    let quantity = &QUANTITIES[quantity];
    lazy(move || {
        let moment = look.moment.get();
        let value = look.with(|lab, id| (quantity.get)(lab.kernel_at(id, end, moment)?));
        value
            .flatten()
            .map_or("–".to_owned(), |value| quantity.unit.words(value))
    })
}

fn chart(look: Look, chart: Chart) -> AnyView {
    // Only numbers of our own making: they may be written as HTML.
    let (width, height) = (WIDTH.to_string(), (HEIGHT + 4).to_string());
    let class = if chart.is_band { "band" } else { "beside" };
    let svg = [
        "<svg viewBox=\"0 -2 ",
        &width,
        " ",
        &height,
        "\" preserveAspectRatio=\"none\">",
        "<path class=\"",
        class,
        "\" d=\"",
        &chart.other,
        "\"/>",
        "<path class=\"line\" d=\"",
        &chart.line,
        "\"/></svg>",
    ]
    .concat();
    let point: Box<dyn FnMut(MouseEvent)> = Box::new(move |event| {
        look.pointed.set(time_under(look, &event));
    });
    let leave = act(move || look.pointed.set(None));
    let select = act(move || {
        if let Some(time_ns) = look.pointed.get_untracked() {
            select(look, time_ns);
        }
    });
    let (name, max, beside) = (chart.name, chart.max.clone(), chart.beside);
    let value = lazy(move || look.time.get().map(|time_ns| chart.value_at(time_ns)));
    view! {
        <div class="kernel-chart">
            <p>
                {name} <b>{value}</b>
            </p>
            <div
                class="kernel-plot"
                aria-hidden="true"
                on:mousemove=point
                on:mouseleave=leave
                on:click=select
                inner_html=svg
            ></div>
            <p class="kernel-scale">
                <span>{beside}</span>
                <span>"0 to " {max}</span>
            </p>
        </div>
    }
    .into_any()
}

/// The time that the pointer is at.
fn time_under(look: Look, event: &MouseEvent) -> Option<u64> {
    let plot: Element = event.current_target()?.dyn_into().ok()?;
    let permille = i64::from(event.offset_x()) * 1_000 / i64::from(plot.client_width().max(1));
    Some(look.span.get()?.at(permille.clamp(0, 1_000).unsigned_abs()))
}

/// Selects the event that was the last one then.
fn select(look: Look, time_ns: u64) {
    let event = look.ui.lab.with_untracked(|lab| lab.event_at(time_ns));
    if event.is_some() {
        look.ui.marked.set(None);
        look.ui.selected.set(event);
    }
}

/// Goes through time with the keys.
fn slider(look: Look) -> AnyView {
    let permille = lazy(move || {
        let permille = look
            .span
            .get()
            .and_then(|span| Some(span.permille(look.time.get()?)));
        permille.unwrap_or(1_000).to_string()
    });
    let since = Memo::new(move |()| {
        let since = look
            .span
            .get()
            .and_then(|span| Some(look.time.get()?.saturating_sub(span.from_ns)));
        let length = look.span.get().map_or(0, Span::length_ns);
        [&elapsed(since.unwrap_or(0)), " of ", &elapsed(length)].concat()
    });
    let change: Box<dyn FnMut(Event)> = Box::new(move |event| {
        let permille = event_target_value(&event).parse().ok();
        if let (Some(span), Some(permille)) = (look.span.get(), permille) {
            select(look, span.at(permille));
            look.pointed
                .set((permille < 1_000).then(|| span.at(permille)));
        }
    });
    view! {
        <label class="kernel-time">
            <span>"Time"</span>
            <input
                type="range"
                aria-label="Time in the charts"
                max="1000"
                prop:value=permille
                aria-valuetext=lazy(move || since.get())
                on:input=change
            />
            <span>{lazy(move || since.get())}</span>
        </label>
    }
    .into_any()
}

/// Every number at the moment, and what it means.
fn table(look: Look) -> AnyView {
    let rows: Vec<_> = QUANTITIES
        .iter()
        .enumerate()
        .map(|(index, quantity)| {
            view! {
                <tr>
                    <th scope="row">{quantity.name} <small>{quantity.meaning}</small></th>
                    <td>{value(look, End::Client, index)}</td>
                    <td>{value(look, End::Server, index)}</td>
                </tr>
            }
            .into_any()
        })
        .collect();
    view! {
        <table class="kernel-table">
            <thead>
                <tr>
                    <td></td>
                    <th scope="col">{name(look, End::Client)}</th>
                    <th scope="col">{name(look, End::Server)}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}
