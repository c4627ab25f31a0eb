//! Which server, where, and whether it is there.

use leptos::prelude::*;

use super::Ui;
use crate::browser;
use crate::state::{Input, Phase, Why};

pub(super) fn header(ui: Ui) -> AnyView {
    let name = ui.lab.with_untracked(|lab| lab.spec.server.clone());
    let address = ui.part(|lab| {
        let server = lab.server.as_ref()?;
        let transport = if lab.is_udp() { "UDP" } else { "TCP" };
        Some((server.address.to_string(), transport))
    });
    let is_live = ui.part(|lab| lab.server.is_some());
    let copied = RwSignal::new(false);
    let start_over = move |_| {
        ui.selected.set(None);
        ui.act(Input::StartOver);
    };
    view! {
        <header class="lab-header">
            <span class="lab-name">{name}</span>
            {move || {
                address
                    .get()
                    .map(|(address, transport)| {
                        let text = address.clone();
                        let copy = move |_| {
                            browser::copy(&text);
                            copied.set(true);
                        };
                        view! {
                            <span class="lab-transport">{transport}</span>
                            <button
                                type="button"
                                class="lab-address"
                                title="Copy the address"
                                on:click=copy
                                on:blur=move |_| copied.set(false)
                            >
                                {address}
                            </button>
                            <span class="lab-copied" role="status">
                                {move || if copied.get() { "copied" } else { "" }}
                            </span>
                        }
                    })
            }}
            <span class="lab-badge" class:is-live=move || is_live.get()>
                {move || if is_live.get() { "live" } else { "offline" }}
            </span>
            <button type="button" class="lab-quiet" on:click=start_over>
                "Start over"
            </button>
        </header>
        {move || trouble(ui).map(|(text, action)| notice(ui, text, action))}
    }
    .into_any()
}

/// What the reader can do about it.
#[derive(Clone, Copy, PartialEq)]
enum Remedy {
    Nothing,
    TryNow,
    Reload,
}

fn notice(ui: Ui, text: String, remedy: Remedy) -> AnyView {
    let act = move |_| match remedy {
        Remedy::Reload => browser::reload(),
        _ => ui.page.get_value().try_now(),
    };
    let label = match remedy {
        Remedy::Nothing => None,
        Remedy::TryNow => Some("Try now"),
        Remedy::Reload => Some("Reload"),
    };
    view! {
        <div class="lab-notice">
            <p>{text}</p>
            {label.map(|label| view! { <button type="button" on:click=act>{label}</button> })}
        </div>
    }
    .into_any()
}

/// Why the lab is not live, and what to do about it.
fn trouble(ui: Ui) -> Option<(String, Remedy)> {
    let (text, remedy) = match ui.phase() {
        Phase::Live if ui.lab.with(|lab| lab.server.is_some()) => return None,
        Phase::Live => (
            "This gateway runs no server for this lesson.".to_owned(),
            Remedy::Nothing,
        ),
        Phase::Hosted => (
            "The server of this lab runs on your own machine. In a clone of the book run `cargo lab` \
             and open this chapter there."
                .to_owned(),
            Remedy::Nothing,
        ),
        Phase::NoToken | Phase::WrongToken => (
            "The gateway lets in only pages that know its token. Open the link that it printed, \
             the one that ends in #token=…"
                .to_owned(),
            Remedy::TryNow,
        ),
        Phase::Connecting => (
            "Connecting to the gateway …".to_owned(),
            Remedy::Nothing,
        ),
        Phase::Stale => (
            "The book has changed since this page was loaded.".to_owned(),
            Remedy::Reload,
        ),
        Phase::Waiting { retry_at_ms, why } => {
            let left_ms = retry_at_ms - ui.page.get_value().now_ms.get();
            let why = match why {
                Why::Gone => "The gateway stopped. Start it again: `cargo lab`. Trying again ",
                Why::Full => "The gateway has as many pages open as it allows. Trying again ",
                Why::TooSlow => "This page was too slow for what the servers did. Connecting again ",
            };
            let when = if left_ms > 500.0 {
                let secs = (left_ms / 1_000.0 + 0.5) as u32;
                ["in ", &secs.max(1).to_string(), " s."].concat()
            } else {
                "now.".to_owned()
            };
            ([why, &when].concat(), Remedy::TryNow)
        }
    };
    Some((text, remedy))
}
