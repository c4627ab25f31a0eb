//! The switch for packets, and what to do where the gateway cannot capture them.

use leptos::prelude::*;
use wire::session::{Packets, Transport};

use super::Ui;
use super::memo::Memo;
use super::parts::{Lazy, button, maybe, paragraph, text, toggle};
use crate::browser;
use crate::state::{Input, Lab, Phase};

/// Where the reader's last choice is kept, for the whole book.
const KEY: &str = "wirebook.packets";

/// Shows packets from the start to a reader who has chosen so.
pub(super) fn remember(lab: &mut Lab) {
    if browser::stored(KEY).as_deref() == Some("on") {
        lab.update(Input::Packets(true));
    }
}

/// Why the gateway, which is there, shows no packets, and the command that would change that.
fn missing(ui: Ui) -> Memo<Option<(String, Option<String>)>> {
    Memo::new(move |()| {
        let page = ui.page.get_value();
        page.link.with(|link| match &link.abilities.packets {
            Packets::Missing { why, command } if link.phase == Phase::Live => {
                Some((why.clone(), command.clone()))
            }
            _ => None,
        })
    })
}

/// Switches packets on and off, where there are any to be had.
pub(super) fn switch(ui: Ui) -> Lazy<AnyView> {
    let is_on = ui.part(|lab| lab.trace.shows_packets);
    let has_packets = ui.part(|lab| {
        let server = lab.live().server.as_ref();
        lab.has_packets() || server.is_some_and(|server| server.transport != Transport::Unix)
    });
    let missing = missing(ui);
    let press = move || {
        let is_on = !is_on.get_untracked();
        if missing.get_untracked().is_none() {
            browser::store(KEY, if is_on { "on" } else { "off" });
        }
        ui.act(Input::Packets(is_on));
    };
    maybe(move || {
        let switch = || {
            toggle(
                "Packets".to_owned(),
                "lab-quiet",
                move || is_on.get(),
                press,
            )
        };
        has_packets.get().then(switch)
    })
}

/// Told where packets are switched on and cannot be had.
pub(super) fn notice(ui: Ui) -> Lazy<AnyView> {
    let is_wanted = ui.part(is_without);
    let missing = missing(ui);
    maybe(move || {
        let (why, command) = missing.get().filter(|_| is_wanted.get())?;
        // One command is enough for a page: it stands in the first lab that wants packets.
        let page = ui.page.get_value();
        let mut before = page.labs_before(ui.place).iter();
        let is_first = !before.any(|lab| lab.with_untracked(is_without));
        Some(told(why, command.filter(|_| is_first)))
    })
}

/// Whether a lab wants packets that only a gateway has, and has none.
fn is_without(lab: &Lab) -> bool {
    let is_live = lab.replay.is_none() && lab.server.is_some() && lab.simulated.is_none();
    lab.trace.shows_packets && is_live && !lab.packets.is_any()
}

fn told(why: String, command: Option<String>) -> AnyView {
    let command = command.map(|command| {
        let line = command.clone();
        let copied = RwSignal::new("");
        let copy = move || {
            browser::copy(&line);
            copied.set("copied");
        };
        view! {
            <code>{command}</code>
            {button("Copy the command".to_owned(), "", copy)}
            <span class="lab-copied" role="status">
                {move || copied.get()}
            </span>
            {text("", "Then start Wirebook again.".to_owned())}
        }
        .into_any()
    });
    view! { <div class="packets-notice">{paragraph("", why)} {command}</div> }.into_any()
}
