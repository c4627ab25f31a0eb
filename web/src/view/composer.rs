//! Where the reader writes and sends.

use leptos::html::Input as InputElement;
use leptos::prelude::*;
use web_sys::{Event, KeyboardEvent};

use super::memo::Memo;
use super::parts::{choice, command, lazy, maybe, toggle};
use super::{Ui, controls};
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
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let recalled = match event.key().as_str() {
            "Enter" => {
                event.prevent_default();
                // Not the key that ends the input of a composed character.
                if !event.is_composing() {
                    untrack(send);
                    // What is typed next replaces it; Enter sends it again.
                    if let Some(message) = message.get_untracked() {
                        message.select();
                    }
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
    let is_wrong = Memo::new(move |_| ui.draft.read().bytes().is_err());
    let invalid = lazy(move || is_wrong.get().then_some("true"));
    let typed = lazy(move || ui.draft.read().typed.clone());
    let on_input: Box<dyn FnMut(Event)> = Box::new(move |event| {
        ui.draft
            .update(|draft| draft.typed = event_target_value(&event));
    });
    let on_key: Box<dyn FnMut(KeyboardEvent)> = Box::new(on_key);
    let can_send = move || why_not_send(ui, own.get(), is_udp.get());
    let buttons = maybe(move || (!is_udp.get()).then(|| connection_buttons(ui, own)));
    let refused = lazy(move || ui.lab.with(|lab| lab.notice.clone().unwrap_or_default()));
    view! {
        <section class="lab-composer">
            {controls::clients(ui)}
            <div class="composer-row">
                <label for=id.clone()>"Message"</label>
                {notations(ui)}
                {endings(ui)}
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
                    aria-invalid=invalid
                    prop:value=typed
                    on:input=on_input
                    on:keydown=on_key
                />
                {command("Send", "lab-send", Box::new(can_send), move || untrack(send))}
            </div>
            <p id=preview class="composer-preview" class:is-wrong=lazy(move || is_wrong.get())>
                {lazy(move || preview_text(ui))}
            </p>
            {buttons}
            <p class="composer-refused" role="status">{refused}</p>
            {controls::late(ui)}
        </section>
    }
    .into_any()
}

/// Whether the message is typed as text or in hexadecimal.
fn notations(ui: Ui) -> AnyView {
    let notations = [("text", Form::Text), ("hex", Form::Hex)].map(|(name, form)| {
        toggle(
            name.to_owned(),
            "",
            move || ui.draft.read().form == form,
            move || ui.draft.update(|draft| draft.set_form(form)),
        )
    });
    labelled_choice("Notation", notations.into())
}

/// What is put behind the message.
fn endings(ui: Ui) -> AnyView {
    let endings = [
        ("none", Ending::None),
        ("\\n", Ending::Lf),
        ("\\r\\n", Ending::CrLf),
    ];
    let endings = endings.map(|(name, ending)| {
        toggle(
            name.to_owned(),
            "",
            move || ui.draft.read().ending == ending,
            move || ui.draft.update(|draft| draft.ending = ending),
        )
    });
    labelled_choice("Line ending", endings.into())
}

fn labelled_choice(label: &'static str, toggles: Vec<AnyView>) -> AnyView {
    view! {
        <span class="lab-labelled">
            <span class="choice-label" aria-hidden="true">{label}</span>
            {choice(label, "lab-choice", toggles)}
        </span>
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
    let press = move |command: Command| move || ui.act(Input::Command(command.clone()));
    // In a simulated network a connection can be given up before it stands.
    let is_simulated = ui.lab.with_untracked(|lab| lab.simulated.is_some());
    let closed = move || match own.get() {
        Own::Offline => Some("The server is not there"),
        Own::Open { .. } => None,
        Own::Opening if is_simulated => None,
        _ => Some("There is no connection"),
    };
    let connect = move || match own.get() {
        Own::Offline => Some("The server is not there"),
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
    let state = lazy(move || match own.get() {
        Own::Offline => "",
        Own::None => "not connected",
        Own::Opening => "connecting …",
        Own::Open {
            can_write: true,
            server_ended: false,
        } => "connected",
        Own::Open {
            can_write: false,
            server_ended: false,
        } => "your half is closed",
        Own::Open {
            can_write: true,
            server_ended: true,
        } => "the server closed its half",
        Own::Open {
            can_write: false,
            server_ended: true,
        } => "both halves are closed",
    });
    view! {
        <div class="composer-buttons">
            {command("Connect", "", Box::new(connect), press(Command::Connect))}
            {command("Half-close", "", Box::new(half_close), press(Command::HalfClose))}
            {command("Close", "", Box::new(closed), press(Command::Close))}
            {command("Reset", "", Box::new(closed), press(Command::Reset))}
            <span class="composer-state">{state}</span>
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
        Own::Offline => Some("The server is not there"),
        Own::Open {
            can_write: false, ..
        } => Some("Your half is closed: nothing can be sent on this connection"),
        _ => None,
    }
}
