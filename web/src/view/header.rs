//! Which server, where, and whether it is there.

use leptos::prelude::*;
use wire::session::{Transport, is_simulated};

use super::Ui;
use super::memo::Memo;
use super::parts::{act, button, lazy, maybe, text};
use super::replay::{self, State};
use crate::browser;
use crate::state::Phase;

/// Where the gateway serves the book, unless it is told otherwise.
const GATEWAY: &str = "http://127.0.0.1:7878/";

pub(super) fn header(ui: Ui) -> AnyView {
    let name = ui.lab.with_untracked(|lab| lab.spec.server.clone());
    let server = ui.part(|lab| {
        let server = lab.live().server.as_ref()?;
        Some((server.address.to_dial(), server.transport))
    });
    let is_simulated = is_simulated(&name);
    let state = ui.part(State::of);
    let is_live = Memo::new(move |_| state.get() == State::Live);
    view! {
        <header class="lab-header">
            <span class="lab-name">{name}</span>
            {maybe(move || {
                let reach = |(address, transport)| reach(address, transport, is_simulated);
                server.get().map(reach)
            })}
            <span class="lab-badge" class:is-live=lazy(move || is_live.get())>
                {lazy(move || match state.get() {
                    State::Waiting => "simulated: starts when it is in view",
                    state => state.word(),
                })}
            </span>
            {ui.share.switch()}
        </header>
        {ui.share.panel(ui)}
        {maybe(move || trouble(ui).map(|(text, remedy)| notice(ui, text, remedy)))}
        {replay::bar(ui)}
    }
    .into_any()
}

/// Where the server listens, for the reader's own terminal.
fn reach(address: String, transport: Transport, is_simulated: bool) -> AnyView {
    let name = match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
        Transport::Unix => "Unix socket",
    };
    if is_simulated {
        // Nothing outside of the page can reach it.
        return text("lab-transport", [name, " ", &address].concat());
    }
    let copied = RwSignal::new(false);
    let copy = address.clone();
    let copy = act(move || {
        browser::copy(&copy);
        copied.set(true);
    });
    view! {
        <span class="lab-transport">{name}</span>
        <button type="button" class="lab-address" title="Copy the address" on:click=copy>
            {address}
        </button>
        <span class="lab-copied" role="status">
            {lazy(move || if copied.get() { "copied" } else { "" })}
        </span>
    }
    .into_any()
}

/// What the reader can do about it.
#[derive(Clone, Copy, PartialEq)]
enum Remedy {
    Nothing,
    OpenThere,
    TryNow,
    Reload,
}

fn notice(ui: Ui, text: String, remedy: Remedy) -> AnyView {
    let remedy = match remedy {
        Remedy::Nothing => None,
        Remedy::OpenThere => Some(there(ui)),
        Remedy::TryNow => {
            let try_now = move || ui.page.get_value().try_now();
            Some(button("Try now".to_owned(), "", try_now))
        }
        Remedy::Reload => Some(button("Reload".to_owned(), "", browser::reload)),
    };
    view! { <div class="lab-notice"><p>{words(&text)}</p> {remedy}</div> }.into_any()
}

/// This chapter where the gateway serves it.
fn there(ui: Ui) -> AnyView {
    let page = ui.page.get_value();
    let chapter = page.chapter.as_deref().unwrap_or_default();
    let address = [GATEWAY, chapter].concat();
    let link = address.clone();
    view! { <a href=link>{address}</a> }.into_any()
}

/// Text with commands between backticks.
fn words(text: &str) -> Vec<AnyView> {
    text.split('`')
        .enumerate()
        .map(|(index, words)| {
            let words = words.to_owned();
            if index % 2 == 1 {
                view! { <code>{words}</code> }.into_any()
            } else {
                words.into_any()
            }
        })
        .collect()
}

/// Why the lab is not live, and what to do about it.
fn trouble(ui: Ui) -> Option<(String, Remedy)> {
    // A simulated network needs no gateway; what keeps it from running is told as a notice.
    if ui.lab.with_untracked(|lab| lab.live().simulated.is_some()) {
        return None;
    }
    let (text, remedy) = match ui.phase() {
        Phase::Live if ui.lab.with(|lab| lab.live().server.is_some()) => return None,
        Phase::Live => (
            "This gateway runs no server for this lesson.".to_owned(),
            Remedy::Nothing,
        ),
        Phase::Hosted => (
            "The server of this lab runs on your own machine. In a clone of the book run `cargo lab`, \
             then open this chapter there:"
                .to_owned(),
            Remedy::OpenThere,
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
            let when = if left_ms > 500.0 {
                let secs = (left_ms / 1_000.0 + 0.5) as u32;
                ["in ", &secs.max(1).to_string(), " s."].concat()
            } else {
                "now.".to_owned()
            };
            ([why.words(), &when].concat(), Remedy::TryNow)
        }
    };
    Some((text, remedy))
}
