//! What the link of a simulated network does, to be changed while it runs.

use leptos::prelude::*;
use web_sys::Event;
use wire::{NetworkSettings, ToGateway};

use super::Ui;
use super::memo::Memo;
use super::parts::{button, lazy};
use super::simulated::{present, say};

/// One number of the link: its name, its unit, the least, the most and by how much it moves.
type Knob = (&'static str, &'static str, u64, u64, u64);

const KNOBS: [Knob; 10] = [
    ("delay", " ms", 0, 1_000, 10),
    ("jitter", " ms", 0, 500, 10),
    ("bandwidth", " kbit/s", 0, 10_000, 50),
    ("mtu", " bytes", 68, 1_500, 4),
    ("loss", " %", 0, 100, 1),
    ("duplicate", " %", 0, 100, 1),
    ("reorder", " %", 0, 100, 1),
    ("corrupt", " %", 0, 100, 1),
    ("queue", " packets", 1, 200, 1),
    ("seed", "", 1, 100, 1),
];

fn numbers(link: &NetworkSettings) -> [u64; 10] {
    [
        link.delay_ms.into(),
        link.jitter_ms.into(),
        link.bandwidth_kbit.into(),
        link.mtu.into(),
        link.loss_percent.into(),
        link.duplicate_percent.into(),
        link.reorder_percent.into(),
        link.corrupt_percent.into(),
        link.queue_packets.into(),
        link.seed,
    ]
}

/// The link with these numbers, each within the bounds of its knob.
fn link(numbers: [u64; 10]) -> NetworkSettings {
    let [
        delay,
        jitter,
        bandwidth,
        mtu,
        loss,
        duplicate,
        reorder,
        corrupt,
        queue,
        seed,
    ] = numbers;
    NetworkSettings {
        seed,
        delay_ms: delay as u16,
        jitter_ms: jitter as u16,
        bandwidth_kbit: bandwidth as u32,
        mtu: mtu as u16,
        loss_percent: loss as u8,
        duplicate_percent: duplicate as u8,
        reorder_percent: reorder as u8,
        corrupt_percent: corrupt as u8,
        queue_packets: queue as u16,
    }
}

pub(super) fn network(ui: Ui) -> AnyView {
    let now = present(ui, |one| one.now.as_ref().map(|now| now.network));
    let knobs: Vec<_> = (0..KNOBS.len())
        .map(|place| slider(ui, now, place))
        .collect();
    let own = ui
        .lab
        .with_untracked(|lab| lab.spec.network.unwrap_or_default());
    let reset = move || say(ui, ToGateway::Network(own));
    let told = lazy(move || now.get().map_or(String::new(), |now| now.to_string()));
    view! {
        <details class="sim-network">
            <summary>"The link " <span class="lab-count">{told}</span></summary>
            <div class="sim-knobs">{knobs}</div>
            {button("As in the chapter".to_owned(), "lab-quiet", reset)}
        </details>
    }
    .into_any()
}

fn slider(ui: Ui, now: Memo<Option<NetworkSettings>>, place: usize) -> AnyView {
    let (name, unit, min, max, step) = KNOBS[place];
    let value = Memo::new(move |()| numbers(&now.get().unwrap_or_default())[place]);
    let change: Box<dyn FnMut(Event)> = Box::new(move |event| {
        if let (Ok(number), Some(now)) = (
            event_target_value(&event).parse::<u64>(),
            now.get_untracked(),
        ) {
            let mut numbers = numbers(&now);
            numbers[place] = number.clamp(min, max);
            say(ui, ToGateway::Network(link(numbers)));
        }
    });
    let told = lazy(move || match value.get() {
        0 if name == "bandwidth" => "no limit".to_owned(),
        value => [&value.to_string(), unit].concat(),
    });
    view! {
        <div class="control">
            <label>
                <span>{name}</span>
                <input
                    type="range"
                    aria-label=name
                    min=min.to_string()
                    max=max.to_string()
                    step=step.to_string()
                    prop:value=lazy(move || value.get().to_string())
                    on:change=change
                />
            </label>
            <span class="control-state">{told}</span>
        </div>
    }
    .into_any()
}
