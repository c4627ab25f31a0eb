//! Where the reader writes and sends.

use leptos::html::Input as InputElement;
use leptos::prelude::*;
use web_sys::KeyboardEvent;

use super::Ui;
use crate::state::{Command, Ending, Form, History, Input, Own, size};

pub(super) fn composer(ui: Ui) -> AnyView {
    let history = StoredValue::new(History::default());
    let own = ui.part(|lab| lab.own());
    let is_udp = ui.part(|lab| lab.is_udp());
    let message = NodeRef::<InputElement>::new();
    let send = move || {
        if let (Ok(bytes), None) = (
            ui.draft.read().bytes(),
            why_not_send(ui, own.get(), is_udp.get()),
        ) {
            history.update_value(|history| history.push(&ui.draft.read_untracked()));
            ui.act(Input::Command(Command::Send(bytes)));
            // What is typed next replaces it; Enter sends it again.
            if let Some(message) = message.get_untracked() {
                message.select();
            }
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let recalled = match event.key().as_str() {
            "Enter" => {
                event.prevent_default();
                // A key held down, or one that ends the input of a composed character.
                if !event.is_composing() {
                    untrack(send);
                }
                None
            }
            "ArrowUp" => {
                history.try_update_value(|history| history.older(&ui.draft.read_untracked()))
            }
            "ArrowDown" => history.try_update_value(History::newer),
            _ => None,
        };
        if let Some(Some(draft)) = recalled {
            event.prevent_default();
            ui.draft.set(draft);
        }
    };
    let id = ["message-", &ui.place.to_string()].concat();
    let preview = ["preview-", &ui.place.to_string()].concat();
    view! {
        <section class="lab-composer">
            <div class="composer-row">
                <label for=id.clone()>"Message"</label>
                {choice("Notation", &[("text", Form::Text), ("hex", Form::Hex)],
                    move || ui.draft.read().form,
                    move |form| ui.draft.update(|draft| draft.set_form(form)))}
                {choice("Line ending",
                    &[("none", Ending::None), ("\\n", Ending::Lf), ("\\r\\n", Ending::CrLf)],
                    move || ui.draft.read().ending,
                    move |ending| ui.draft.update(|draft| draft.ending = ending))}
            </div>
            <div class="composer-line">
                <input
                    id=id
                    type="text"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    node_ref=message
                    aria-describedby=preview.clone()
                    aria-invalid=move || ui.draft.read().bytes().is_err().then_some("true")
                    prop:value=move || ui.draft.read().typed.clone()
                    on:input=move |event| {
                        ui.draft.update(|draft| draft.typed = event_target_value(&event));
                    }
                    on:keydown=on_key
                />
                {button("Send", "lab-send", move || why_not_send(ui, own.get(), is_udp.get()),
                    move || untrack(send))}
            </div>
            <p
                id=preview
                class="composer-preview"
                class:is-wrong=move || ui.draft.read().bytes().is_err()
            >
                {move || preview_text(ui)}
            </p>
            {move || (!is_udp.get()).then(|| connection_buttons(ui, own))}
            <p class="composer-refused" role="status">
                {move || ui.lab.with(|lab| lab.notice.clone())}
            </p>
        </section>
    }
    .into_any()
}

fn preview_text(ui: Ui) -> String {
    match ui.draft.read().bytes() {
        Ok(bytes) if bytes.is_empty() => "0 bytes".to_owned(),
        Ok(bytes) => {
            let shown = &bytes[..bytes.len().min(16)];
            let mut text = size(bytes.len());
            text.push_str(": ");
            text.push_str(&wire::text::to_hex(shown));
            if shown.len() < bytes.len() {
                text.push_str(" …");
            }
            text
        }
        Err(why) => why,
    }
}

fn connection_buttons(ui: Ui, own: Memo<Own>) -> AnyView {
    let command = move |command: Command| move || ui.act(Input::Command(command.clone()));
    let closed = move || match own.get() {
        Own::Offline => Some("The gateway is not there"),
        Own::Open { .. } => None,
        _ => Some("There is no connection"),
    };
    let connect = move || match own.get() {
        Own::Offline => Some("The gateway is not there"),
        Own::Opening => Some("The connection is being made"),
        Own::Open {
            server_ended: false,
            ..
        } => Some("The connection stands already"),
        _ => None,
    };
    let half_close = move || match own.get() {
        Own::Open {
            can_write: false, ..
        } => Some("Your half is closed already"),
        _ => closed(),
    };
    view! {
        <div class="composer-buttons">
            {button("Connect", "", connect, command(Command::Connect))}
            {button("Half-close", "", half_close, command(Command::HalfClose))}
            {button("Close", "", closed, command(Command::Close))}
            {button("Reset", "", closed, command(Command::Reset))}
            <span class="composer-state">
                {move || match own.get() {
                    Own::Offline => "",
                    Own::None => "not connected",
                    Own::Opening => "connecting …",
                    Own::Open { can_write: true, server_ended: false } => "connected",
                    Own::Open { can_write: false, server_ended: false } => "your half is closed",
                    Own::Open { can_write: true, server_ended: true } => "the server closed its half",
                    Own::Open { can_write: false, server_ended: true } => "both halves are closed",
                }}
            </span>
        </div>
    }
    .into_any()
}

/// Why Send makes no sense now.
fn why_not_send(ui: Ui, own: Own, is_udp: bool) -> Option<&'static str> {
    match ui.draft.read().bytes() {
        Err(_) => return Some("The message is not well-formed"),
        // A datagram may be empty (RFC 768); a write of nothing to a stream is nothing.
        Ok(bytes) if bytes.is_empty() && !is_udp => return Some("There is nothing to send"),
        Ok(_) => {}
    }
    match own {
        Own::Offline => Some("The gateway is not there"),
        Own::Open {
            can_write: false, ..
        } => Some("Your half is closed: nothing can be sent on this connection"),
        _ => None,
    }
}

/// A button that can always be reached and says why it does nothing.
fn button(
    label: &'static str,
    class: &'static str,
    why_not: impl Fn() -> Option<&'static str> + Copy + Send + Sync + 'static,
    act: impl Fn() + 'static,
) -> AnyView {
    let click = move |_| {
        if untrack(why_not).is_none() {
            act();
        }
    };
    view! {
        <button
            type="button"
            class=class
            aria-disabled=move || why_not().map(|_| "true")
            title=move || why_not()
            on:click=click
        >
            {label}
        </button>
    }
    .into_any()
}

/// A few values of which one is chosen, all of them in sight.
fn choice<T: Copy + PartialEq + Send + Sync + 'static>(
    label: &'static str,
    values: &[(&'static str, T)],
    chosen: impl Fn() -> T + Copy + Send + Sync + 'static,
    choose: impl Fn(T) + Copy + 'static,
) -> AnyView {
    let buttons: Vec<_> = values
        .iter()
        .map(|(name, value)| {
            let value = *value;
            let pressed = move || if chosen() == value { "true" } else { "false" };
            view! {
                <button type="button" aria-pressed=pressed on:click=move |_| choose(value)>
                    {*name}
                </button>
            }
        })
        .collect();
    view! {
        <span class="lab-choice" role="group" aria-label=label>
            <span class="choice-label" aria-hidden="true">{label}</span>
            {buttons}
        </span>
    }
    .into_any()
}
