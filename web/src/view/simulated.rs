//! A simulated network: how its time passes, and the link with what is under way, to be clicked.

use leptos::html::Div;
use leptos::prelude::*;
use web_sys::{Event, KeyboardEvent};
use wire::packet::Deed;
use wire::session::Time;
use wire::{End, ToGateway};

use super::late::{Part, WAITING};
use super::memo::Memo;
use super::parts::{act, button, lazy, maybe, text};
use super::replay::State;
use super::{Ui, network};
use crate::browser;
use crate::state::{Chip, Input, SPEEDS, Simulated, clock, elapsed};

/// By how much a packet is delayed by a click, in ms.
const DELAY_MS: u32 = 200;

pub(super) fn simulated(ui: Ui) -> AnyView {
    if ui.lab.with_untracked(|lab| lab.simulated.is_none()) {
        return ().into_any();
    }
    // From the start, so that nothing moves when the simulator is there.
    let is_there = ui.part(|lab| matches!(State::of(lab), State::Simulated | State::Waiting));
    maybe(move || is_there.get().then(|| section(ui))).into_any()
}

fn section(ui: Ui) -> AnyView {
    view! {
        <div class="lab-simulated" role="group" aria-label="Simulated network">
            {Part::Simulated.view(ui, WAITING)}
        </div>
    }
    .into_any()
}

/// What is in it.
pub(super) fn inside(ui: Ui) -> AnyView {
    view! {
        {time(ui)}
        {link(ui)}
        {network::network(ui)}
    }
    .into_any()
}

/// A part of the simulated network that is told on when it has changed.
pub(super) fn present<T>(ui: Ui, look: impl Fn(&Simulated) -> T + Send + Sync + 'static) -> Memo<T>
where
    T: Clone + Default + PartialEq + Send + Sync + 'static,
{
    let beat = ui.page.with_value(|page| page.beat);
    Memo::new(move |()| {
        beat.track();
        let look = |lab: &crate::state::Lab| lab.live().simulated.as_deref().map(&look);
        ui.lab.with_untracked(look).unwrap_or_default()
    })
}

pub(super) fn say(ui: Ui, message: ToGateway) {
    ui.act(Input::Simulate(message));
}

fn pass(ui: Ui, time: Time) {
    say(ui, ToGateway::Time(time));
}

fn is_running(ui: Ui) -> Memo<bool> {
    present(ui, |one| one.now.as_ref().is_some_and(|now| now.is_running))
}

/// What moves the simulated time.
fn time(ui: Ui) -> AnyView {
    let is_running = is_running(ui);
    let now_ns = present(ui, |one| one.now.as_ref().map_or(0, |now| now.time_ns));
    let permille = present(ui, |one| one.now.as_ref().map_or(0, |now| now.permille));
    let label = lazy(move || if is_running.get() { "Pause" } else { "Play" });
    let switch = act(move || {
        pass(
            ui,
            match is_running.get_untracked() {
                true => Time::Pause,
                false => Time::Run,
            },
        );
    });
    let restart = move || {
        pass(ui, Time::Restart);
        pass(ui, Time::Run);
    };
    let speeds: Vec<_> = (SPEEDS.iter())
        .map(|(speed, name)| {
            let speed = *speed;
            let is_chosen = lazy(move || permille.get() == speed);
            view! {
                <option value=speed.to_string() prop:selected=is_chosen>
                    {["× ", name].concat()}
                </option>
            }
            .into_any()
        })
        .collect();
    let change_speed: Box<dyn FnMut(Event)> = Box::new(move |event| {
        if let Ok(permille) = event_target_value(&event).parse() {
            pass(ui, Time::Speed { permille });
        }
    });
    let now_ms = Memo::new(move |()| now_ns.get() / 1_000_000);
    let ms = move || lazy(move || now_ms.get().to_string());
    // While the reader moves it, it must not move by itself.
    let hold: Box<dyn FnMut(Event)> = Box::new(move |_| {
        if is_running.get_untracked() {
            pass(ui, Time::Pause);
        }
    });
    let go_back: Box<dyn FnMut(Event)> = Box::new(move |event| {
        if let Ok(ms) = event_target_value(&event).parse::<u64>() {
            let time_ns = ms.saturating_mul(1_000_000);
            if ms < now_ms.get_untracked() {
                pass(ui, Time::Jump { time_ns });
            }
        }
    });
    let row_ns = move || {
        let selected = ui.selected.get()?;
        let time_ns = ui
            .lab
            .with(|lab| Some(lab.trace.event(selected)?.time_ns))?;
        Some(time_ns)
    };
    let from_row = maybe(move || {
        let time_ns = row_ns()?;
        let jump = move || pass(ui, Time::Jump { time_ns });
        let label = ["Back to ", &clock(time_ns)].concat();
        Some(button(label, "lab-quiet", jump))
    });
    view! {
        <div class="sim-bar" role="group" aria-label="Simulated time">
            <button type="button" class="sim-run" on:click=switch>
                {label}
            </button>
            {button("Next event".to_owned(), "", move || pass(ui, Time::Step))}
            <label class="sim-speed">
                <span>"Speed"</span>
                <select aria-label="Speed" on:change=change_speed>
                    {speeds}
                </select>
            </label>
            <span class="sim-clock">{lazy(move || clock(now_ns.get()))}</span>
            <label class="sim-past">
                <span class="lab-hidden">"Go back in time, ms"</span>
                <input
                    type="range"
                    min="0"
                    max=ms()
                    prop:value=ms()
                    on:input=hold
                    on:change=go_back
                />
            </label>
            {from_row}
            {button("Restart".to_owned(), "lab-quiet", restart)}
        </div>
    }
    .into_any()
}

/// The two hosts, and between them what is under way.
fn link(ui: Ui) -> AnyView {
    let chips = present(ui, Simulated::chips);
    let frame = NodeRef::<Div>::new();
    let chosen = RwSignal::new(None::<Chosen>);
    let numbers = Memo::new(move |()| {
        chips.with(|chips| chips.iter().map(|chip| chip.number).collect::<Vec<_>>())
    });
    let is_empty = Memo::new(move |()| numbers.with(Vec::is_empty));
    let has_packets = ui.part(|lab| lab.packets.is_any());
    let nothing = maybe(move || {
        let words = || match has_packets.get() {
            true => "Nothing is under way.",
            false => "Connect, then click a packet on its way: drop it, delay it, duplicate it.",
        };
        let nothing = || text("sim-nothing", words().to_owned());
        is_empty.get().then(nothing)
    });
    let menu = maybe(move || chosen.get().map(|one| menu(ui, frame, chosen, one)));
    view! {
        <div class="sim-link" node_ref=frame>
            {host(ui, "You", 0)}
            <div class="sim-wire" role="group" aria-label="Packets under way">
                {nothing}
                <For
                    each=move || numbers.get()
                    key=|number| *number
                    children=move |number| chip(ui, chips, chosen, number)
                />
            </div>
            {host(ui, "Server", 1)}
            {menu}
        </div>
    }
    .into_any()
}

/// A host and the state of its end of the connection.
fn host(ui: Ui, name: &'static str, end: usize) -> AnyView {
    let state = present(ui, move |one| one.states[end]);
    let state = lazy(move || state.get().map_or("no connection", |state| state.name()));
    view! {
        <div class="sim-host" data-host=name>
            <strong>{name}</strong>
            <span class="sim-state">{state}</span>
        </div>
    }
    .into_any()
}

/// A packet that the reader has clicked.
#[derive(Clone, Debug, PartialEq)]
struct Chosen {
    number: u32,
    words: String,
    /// Whether time passed until then.
    was_running: bool,
}

fn chip(ui: Ui, chips: Memo<Vec<Chip>>, chosen: RwSignal<Option<Chosen>>, number: u32) -> AnyView {
    let chip = Memo::new(move |()| {
        chips.with(|chips| chips.iter().find(|chip| chip.number == number).copied())
    });
    let Some(first) = chip.get_untracked() else {
        return ().into_any();
    };
    let named = |one: &Simulated| {
        (one.named(number)).map_or(("packet", String::new()), |name| {
            (name.kind, name.detail.clone())
        })
    };
    let (kind, detail) = (ui.lab)
        .with_untracked(|lab| lab.live().simulated.as_deref().map(named))
        .unwrap_or_default();
    let words = [kind, " ", &detail].concat().trim_end().to_owned();
    let from = match first.from {
        End::Server => "from server",
        _ => "from you",
    };
    let words = [&words, " ", from].concat();
    let left = lazy(move || {
        let way = chip.get().map_or(1_000, |chip| chip.way);
        percent(match first.from {
            End::Server => 1_000 - way,
            _ => way,
        })
    });
    // It never sticks out: it moves with its left edge at first and with its right one at last.
    let shift = lazy(move || {
        let way = chip.get().map_or(1_000, |chip| chip.way);
        [
            "-",
            &percent(if first.from == End::Server {
                1_000 - way
            } else {
                way
            }),
        ]
        .concat()
    });
    let told = words.clone();
    let label = lazy(move || match chip.get() {
        Some(chip) if chip.is_lost => [&told, ", lost"].concat(),
        Some(chip) => [&told, ", arrives in ", &elapsed(chip.left_ns)].concat(),
        None => told.clone(),
    });
    let is_lost = Memo::new(move |()| chip.get().is_some_and(|chip| chip.is_lost));
    let is_running = is_running(ui);
    let choose = act(move || {
        if is_lost.get_untracked() {
            return;
        }
        let was_running = is_running.get_untracked();
        if was_running {
            pass(ui, Time::Pause);
        }
        let words = words.clone();
        chosen.set(Some(Chosen {
            number,
            words,
            was_running,
        }));
    });
    let track = first.track.to_string();
    // What the menu is about.
    let is_chosen = lazy(move || match &*chosen.read() {
        Some(one) if one.number == number => "true",
        _ => "false",
    });
    let class = match first.from {
        End::Server => "sim-chip from-server",
        _ => "sim-chip from-client",
    };
    let has_detail = !detail.is_empty();
    let detail = has_detail.then(|| text("chip-detail", detail));
    view! {
        <button
            type="button"
            class=class
            class:is-lost=lazy(move || is_lost.get())
            data-packet=number.to_string()
            data-track=track
            aria-label=label
            aria-expanded=is_chosen
            style:left=left
            style:translate=shift
            on:click=choose
        >
            {kind}
            {detail}
        </button>
    }
    .into_any()
}

/// Thousandths as a length of a style.
fn percent(thousandths: u32) -> String {
    let (whole, rest) = (thousandths / 10, thousandths % 10);
    [&whole.to_string(), ".", &rest.to_string(), "%"].concat()
}

/// What can be done to the packet that was clicked.
fn menu(ui: Ui, frame: NodeRef<Div>, chosen: RwSignal<Option<Chosen>>, one: Chosen) -> AnyView {
    let Chosen {
        number: packet,
        words,
        was_running,
    } = one;
    let done = move || {
        chosen.set(None);
        if was_running {
            pass(ui, Time::Run);
        }
        if let Some(frame) = frame.get_untracked() {
            let chip = ["[data-packet='", &packet.to_string(), "'], .sim-chip"].concat();
            browser::focus(&frame, &chip);
        }
    };
    let can = move |label: &str, deed: Deed| {
        button(label.to_owned(), "", move || {
            say(ui, ToGateway::Meddle { packet, deed });
            done();
        })
    };
    let by_ms = DELAY_MS;
    let delay = ["Delay by ", &by_ms.to_string(), " ms"].concat();
    let on_key: Box<dyn FnMut(KeyboardEvent)> = Box::new(move |event| {
        if event.key() == "Escape" {
            done();
        }
    });
    let menu = NodeRef::<Div>::new();
    let name = words.clone();
    Effect::new(move || {
        if let Some(menu) = menu.get() {
            browser::focus(&menu, "button");
        }
    });
    view! {
        <div
            class="sim-menu"
            role="group"
            aria-label=name
            node_ref=menu
            on:keydown=on_key
        >
            {text("sim-what", words)}
            {can("Drop", Deed::Drop)}
            {can(&delay, Deed::Delay { by_ms })}
            {can("Duplicate", Deed::Duplicate)}
            {button("Let it go".to_owned(), "lab-quiet", done)}
        </div>
    }
    .into_any()
}
