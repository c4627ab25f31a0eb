//! What a chapter's composer offers beyond connecting and sending: how the client behaves, and what
//! lies on the way.
//!
//! Each control says what is true now beside what can be set: before a connection that is what it
//! will be told, afterwards what the kernel answered.

use leptos::html::Input as InputElement;
use leptos::prelude::*;
use wire::dns;
use wire::event::SocketOption;
use wire::lab::Control;
use wire::session::{Adjustment, RelaySettings};

use super::Ui;
use super::late::{Part, WAITING};
use super::parts::{Lazy, act, button, choice, lazy, maybe, text, toggle};
use crate::state::{Command, Input, MAX_CLIENTS, Own, Settings, size};

/// The reader's clients, once there are several.
pub(super) fn clients(ui: Ui) -> AnyView {
    let can_add = has(ui, Control::Clients);
    let count = ui.part(|lab| lab.live().clients.iter().count());
    maybe(move || {
        let count = count.get();
        if count == 1 && !can_add {
            return None;
        }
        let toggles = (0..count).map(|index| one_client(ui, index));
        let clients = choice("Client", "lab-choice", toggles.collect());
        let add = (can_add && count < MAX_CLIENTS).then(|| {
            let add = move || ui.act(Input::AddClient);
            button("Add a client".to_owned(), "lab-quiet", add)
        });
        let view = view! {
            <div class="composer-row">
                <span class="composer-clients" aria-hidden="true">"Client"</span>
                {clients}
                {add}
            </div>
        };
        Some(view.into_any())
    })
    .into_any()
}

fn one_client(ui: Ui, index: usize) -> AnyView {
    let is_chosen = ui.part(move |lab| lab.live().clients.chosen() == index);
    let is_open = ui.part(move |lab| {
        let own = lab
            .live()
            .clients
            .iter()
            .nth(index)
            .map(|one| lab.live().own_of(one));
        matches!(own, Some(Own::Open { .. }))
    });
    let name = ui.told(move |lab| {
        let name = lab.live().clients.iter().nth(index);
        name.and_then(|one| one.name.clone())
            .unwrap_or_else(|| "You".to_owned())
    });
    let pressed = lazy(move || if is_chosen.get() { "true" } else { "false" });
    let click = act(move || ui.act(Input::Choose(index)));
    // The dot is filled while the client is connected; the words say it, too.
    let state = lazy(move || if is_open.get() { " (connected)" } else { "" });
    view! {
        <button type="button" aria-pressed=pressed on:click=click>
            <span class="client-dot" class:is-open=lazy(move || is_open.get()) aria-hidden="true"></span>
            {name}
            <span class="lab-hidden">{state}</span>
        </button>
    }
    .into_any()
}

/// The controls that the chapter asks for, if it asks for any that stand here.
pub(super) fn late(ui: Ui) -> AnyView {
    match (ui.lab).with_untracked(|lab| has_any(&lab.spec.controls)) {
        true => Part::Controls.view(ui, WAITING),
        false => ().into_any(),
    }
}

/// Whether there is one that stands under the message.
pub(super) fn has_any(asked: &[Control]) -> bool {
    asked.iter().any(|control| match control {
        Control::Options
        | Control::Slicer
        | Control::Reading
        | Control::Deadline
        | Control::Relay
        | Control::Stats
        | Control::Dns => true,
        // The clients stand above the message; packets and samples are switched on above the
        // exchange, the link under its picture.
        Control::Clients | Control::Packets | Control::Kernel | Control::Network => false,
    })
}

/// The controls that stand under the message.
pub(super) fn controls(ui: Ui) -> AnyView {
    let asked = ui.lab.with_untracked(|lab| lab.spec.controls.clone());
    let mut views = Vec::new();
    for control in asked {
        match control {
            Control::Options => options(ui, &mut views),
            Control::Slicer => views.push(slicer(ui)),
            Control::Reading => views.push(reading(ui)),
            Control::Deadline => views.push(deadline(ui)),
            Control::Relay => relay(ui, &mut views),
            Control::Stats => views.push(stats(ui)),
            Control::Dns => views.push(dns(ui)),
            Control::Clients | Control::Packets | Control::Kernel | Control::Network => {}
        }
    }
    view! { <div class="lab-controls">{views}</div> }.into_any()
}

pub(super) fn has(ui: Ui, control: Control) -> bool {
    ui.lab
        .with_untracked(|lab| lab.spec.controls.contains(&control))
}

fn adjust(ui: Ui, adjustment: Adjustment) {
    ui.act(Input::Command(Command::Adjust(adjustment)));
}

/// What holds for the chosen client, in words.
fn setting(ui: Ui, words: impl Fn(&Settings) -> String + Send + Sync + 'static) -> Lazy<String> {
    ui.told(move |lab| words(&lab.live().clients.current().settings))
}

/// A number that can be set, and perhaps switched off, and what holds now.
struct Field {
    name: &'static str,
    unit: &'static str,
    proposal: &'static str,
    /// What the reader sets with the number that was typed.
    set: Box<dyn Fn(i64) -> Adjustment>,
    off: Option<Adjustment>,
    state: Lazy<String>,
}

fn field(ui: Ui, field: Field) -> AnyView {
    let Field {
        name,
        unit,
        proposal,
        set,
        off,
        state,
    } = field;
    let input = NodeRef::<InputElement>::new();
    let set = act(move || {
        let typed = input
            .get_untracked()
            .and_then(|input| input.value().trim().parse().ok());
        if let Some(number) = typed {
            adjust(ui, set(number));
        }
    });
    let off = off.map(|off| {
        let label = ["Switch off ", name].concat();
        let click = act(move || adjust(ui, off));
        view! {
            <button type="button" aria-label=label on:click=click>"Off"</button>
        }
        .into_any()
    });
    view! {
        <div class="control">
            <label>
                <span>{name}</span>
                <input type="number" aria-label=name value=proposal node_ref=input />
                <span class="control-unit">{unit}</span>
            </label>
            <span class="control-buttons">
                <button type="button" aria-label=["Set ", name].concat() on:click=set>"Set"</button>
                {off}
            </span>
            <span class="control-state" role="status">{state}</span>
        </div>
    }
    .into_any()
}

/// Name, unit and a value that shows an effect.
const OPTIONS: [(SocketOption, &str, &str, &str); 6] = [
    (SocketOption::NoDelay, "no-delay", "0 or 1", "1"),
    (SocketOption::KeepAlive, "keep-alive", "0 or 1", "1"),
    (SocketOption::Linger, "linger", "s, or -1", "0"),
    (
        SocketOption::ReceiveBuffer,
        "receive-buffer",
        "bytes",
        "4096",
    ),
    (SocketOption::SendBuffer, "send-buffer", "bytes", "4096"),
    (SocketOption::ReuseAddress, "reuse-address", "0 or 1", "1"),
];

fn options(ui: Ui, views: &mut Vec<AnyView>) {
    for (option, name, unit, proposal) in OPTIONS {
        let state = ui.told(move |lab| {
            let asked = lab.live().clients.current().settings.asked(option);
            match (lab.option(option), asked) {
                (Some(value), _) => ["the kernel says ", &value.to_string()].concat(),
                (None, Some(asked)) => ["asks for ", &asked.to_string()].concat(),
                (None, None) => String::new(),
            }
        });
        views.push(field(
            ui,
            Field {
                name,
                unit,
                proposal,
                set: Box::new(move |value| Adjustment::Option(option, value)),
                off: None,
                state,
            },
        ));
    }
}

fn slicer(ui: Ui) -> AnyView {
    field(
        ui,
        Field {
            name: "slicer",
            unit: "seed",
            proposal: "7",
            set: Box::new(|seed| Adjustment::Slicer(Some(seed.unsigned_abs()))),
            off: Some(Adjustment::Slicer(None)),
            state: setting(ui, |settings| match settings.slicer {
                Some(seed) => ["on: cuts and joins by seed ", &seed.to_string()].concat(),
                None => "off: one write per send".to_owned(),
            }),
        },
    )
}

fn deadline(ui: Ui) -> AnyView {
    field(
        ui,
        Field {
            name: "deadline",
            unit: "ms",
            proposal: "2000",
            set: Box::new(|ms| Adjustment::Deadline(Some(ms.clamp(1, 600_000) as u32))),
            off: Some(Adjustment::Deadline(None)),
            state: setting(ui, |settings| match settings.deadline {
                Some(ms) => ["gives up after ", &ms.to_string(), " ms without an answer"].concat(),
                None => "off: waits for ever".to_owned(),
            }),
        },
    )
}

fn reading(ui: Ui) -> AnyView {
    let is_paused = ui.part(|lab| lab.live().clients.current().settings.is_paused);
    let switch = move || adjust(ui, Adjustment::Reading(is_paused.get_untracked()));
    let state = lazy(move || match is_paused.get() {
        true => "the client reads no more",
        false => "the client reads whatever comes",
    });
    view! {
        <div class="control">
            {toggle("Pause reading".to_owned(), "", move || is_paused.get(), switch)}
            <span class="control-state" role="status">{state}</span>
        </div>
    }
    .into_any()
}

/// One number of the relay's settings.
#[derive(Clone, Copy)]
struct Knob {
    name: &'static str,
    unit: &'static str,
    max: u16,
    get: fn(&RelaySettings) -> u64,
    set: fn(&mut RelaySettings, u64),
}

const KNOBS: [Knob; 4] = [
    Knob {
        name: "loss",
        unit: " %",
        max: 100,
        get: |relay| relay.loss_percent.into(),
        set: |relay, value| relay.loss_percent = value as u8,
    },
    Knob {
        name: "duplicate",
        unit: " %",
        max: 100,
        get: |relay| relay.duplicate_percent.into(),
        set: |relay, value| relay.duplicate_percent = value as u8,
    },
    Knob {
        name: "reorder",
        unit: " %",
        max: 100,
        get: |relay| relay.reorder_percent.into(),
        set: |relay, value| relay.reorder_percent = value as u8,
    },
    Knob {
        name: "delay",
        unit: " ms",
        max: 2000,
        get: |relay| relay.delay_ms.into(),
        set: |relay, value| relay.delay_ms = value as u16,
    },
];

fn relay(ui: Ui, views: &mut Vec<AnyView>) {
    for knob in KNOBS {
        views.push(slider(ui, knob));
    }
    views.push(field(
        ui,
        Field {
            name: "seed",
            unit: "",
            proposal: "1",
            set: Box::new(move |seed| {
                let mut relay = relay_of(ui);
                relay.seed = seed.unsigned_abs();
                Adjustment::Relay(relay)
            }),
            off: None,
            state: setting(ui, |settings| {
                let seed = settings.relay.seed.to_string();
                ["the fates of seed ", &seed, ", in order"].concat()
            }),
        },
    ));
}

fn relay_of(ui: Ui) -> RelaySettings {
    ui.lab
        .with_untracked(|lab| lab.live().clients.current().settings.relay)
}

fn slider(ui: Ui, knob: Knob) -> AnyView {
    let change: Box<dyn FnMut(web_sys::Event)> = Box::new(move |event| {
        if let Ok(value) = event_target_value(&event).parse::<u64>() {
            let mut relay = relay_of(ui);
            (knob.set)(&mut relay, value.min(knob.max.into()));
            adjust(ui, Adjustment::Relay(relay));
        }
    });
    let value = move |settings: &Settings| (knob.get)(&settings.relay).to_string();
    let shown = setting(ui, value);
    let told = setting(ui, move |settings| [&value(settings), knob.unit].concat());
    view! {
        <div class="control">
            <label>
                <span>{knob.name}</span>
                <input
                    type="range"
                    aria-label=knob.name
                    max=knob.max.to_string()
                    prop:value=shown
                    on:change=change
                />
            </label>
            <span class="control-state">{told}</span>
        </div>
    }
    .into_any()
}

fn stats(ui: Ui) -> AnyView {
    let told = ui.told(|lab| match lab.live().stats {
        None => "not told yet".to_owned(),
        Some(stats) => [
            &counted(stats.connections.into(), "connection"),
            ", ",
            &counted(stats.workers.into(), "worker"),
            ", ",
            &counted(stats.wakeups, "wake-up"),
            ", ",
            &size(stats.memory_bytes as usize),
            " of memory",
        ]
        .concat(),
    });
    view! {
        <div class="control control-stats">
            {text("", "Server".to_owned())}
            <span class="control-state" role="status">{told}</span>
        </div>
    }
    .into_any()
}

fn counted(count: u64, what: &str) -> String {
    let mut text = [&count.to_string(), " ", what].concat();
    if count != 1 {
        text.push('s');
    }
    text
}

/// A form that asks for a name, as a resolver does.
fn dns(ui: Ui) -> AnyView {
    let problem = RwSignal::new(String::new());
    let id = StoredValue::new(0_u16);
    let ask = act(move || {
        let id = id.try_update_value(|id| {
            *id = id.wrapping_add(1);
            *id
        });
        let query = dns::query(
            id.unwrap_or_default(),
            &ui.name.read_untracked(),
            &ui.kind.read_untracked(),
        );
        let why = match query {
            Ok(bytes) => {
                ui.act(Input::Command(Command::Send(bytes)));
                String::new()
            }
            Err(error) => error.to_string(),
        };
        problem.set(why);
    });
    let set = |signal: RwSignal<String>| -> Box<dyn FnMut(web_sys::Event)> {
        Box::new(move |event| signal.set(event_target_value(&event)))
    };
    let name = lazy(move || ui.name.get());
    let kind = lazy(move || ui.kind.get());
    let kinds = dns::TYPES.iter();
    let kinds: Vec<_> = kinds
        .map(|(_, word)| view! { <option>{*word}</option> }.into_any())
        .collect();
    view! {
        <div class="control composer-dns">
            <label>
                <span>"Name"</span>
                <input type="text" aria-label="Name" prop:value=name on:input=set(ui.name) />
            </label>
            <label>
                <span>"Type"</span>
                <select aria-label="Type" prop:value=kind on:change=set(ui.kind)>{kinds}</select>
            </label>
            <button type="button" on:click=ask>"Ask"</button>
            <span class="control-state" role="status">{lazy(move || problem.get())}</span>
        </div>
    }
    .into_any()
}
