//! Taking an exchange away, and bringing one in.

use std::sync::Arc;

use js_sys::{Array, Uint8Array};
use leptos::html::Input as InputElement;
use leptos::prelude::*;
use web_sys::{DragEvent, FileList};
use wire::Trace;

use super::Ui;
use super::late::{Part, WAITING};
use super::parts::{Lazy, button, lazy, maybe, toggle};
use crate::browser::{self, Opening, depth};
use crate::state::{
    Input, Kept, MAX_FILE, Reel, exchange, from_bytes, number_in, to_bytes, to_link,
};

/// Whether the panel is open, and what came of the last button.
#[derive(Clone, Copy)]
pub(super) struct Share {
    is_open: RwSignal<bool>,
    told: RwSignal<String>,
    opening: StoredValue<Option<Opening>, LocalStorage>,
}

impl Share {
    pub(super) fn new() -> Self {
        Self {
            is_open: RwSignal::new(false),
            told: RwSignal::new(String::new()),
            opening: StoredValue::new_local(None),
        }
    }

    /// The button of the header.
    pub(super) fn switch(self) -> AnyView {
        toggle(
            "Share".to_owned(),
            "lab-quiet",
            move || self.is_open.get(),
            move || {
                self.told.set(String::new());
                self.is_open.update(|is_open| *is_open = !*is_open);
            },
        )
    }

    /// Shows the exchange in a file that the reader has chosen or dropped.
    pub(super) fn open(self, ui: Ui, files: Option<FileList>) {
        let told = self.told;
        let opening = Opening::new(files, MAX_FILE, move |text| {
            // The second module reads JSON; here it would weigh as much as all labs together.
            let read = move |trace: depth::Answer| match trace.and_then(|bytes| opened(ui, &bytes))
            {
                Ok(trace) => {
                    told.set(String::new());
                    ui.selected.set(None);
                    ui.act(Input::Reel(Reel::Shared(Arc::new(trace), 0)));
                }
                Err(why) => told.set(why),
            };
            depth::ask("from_json", &Array::of1(&text.into()), Box::new(read));
        });
        if opening.is_none() {
            told.set("That is no file that could be opened here.".to_owned());
        }
        self.is_open.set(true);
        self.opening.set_value(opening);
    }

    /// A file dropped on the lab is opened.
    pub(super) fn dropped(self, ui: Ui, event: &DragEvent) {
        let files = event.data_transfer().and_then(|data| data.files());
        // Text that is dropped goes where it would go anyway.
        if files.as_ref().is_some_and(|files| files.length() > 0) {
            event.prevent_default();
            self.open(ui, files);
        }
    }

    /// What the button of the header opens.
    pub(super) fn panel(self, ui: Ui) -> Lazy<AnyView> {
        maybe(move || self.is_open.get().then(|| Part::Share.view(ui, WAITING)))
    }
}

/// What the panel offers.
pub(super) fn inside(ui: Ui) -> AnyView {
    let share = ui.share;
    let told = share.told;
    let press = move |label: &str, act: fn(Ui) -> String| {
        button(label.to_owned(), "", move || told.set(act(ui)))
    };
    let file_of = move |label: &str, make: &'static str, ending: &'static str| {
        button(label.to_owned(), "", move || save(ui, told, make, ending))
    };
    let event = maybe(move || {
        let is_selected = ui.selected.get().is_some();
        is_selected.then(|| press("Copy link to the selected event", copy_event_link))
    });
    let file = NodeRef::<InputElement>::new();
    let choose = move |_| {
        if let Some(file) = file.get_untracked() {
            share.open(ui, file.files());
            // The same file may be chosen again.
            file.set_value("");
        }
    };
    view! {
        <div class="lab-share" role="group" aria-label="Share">
            {press("Copy link", copy_link)}
            {event}
            {file_of("Save as file", "to_json", ".json")}
            {file_of("Save for Wireshark", "pcapng", ".pcapng")}
            <label class="lab-file">
                "Open a file "
                <input type="file" accept=".json" node_ref=file on:change=choose />
            </label>
            <p role="status">{lazy(move || told.get())}</p>
        </div>
    }
    .into_any()
}

const NOTHING: &str = "Nothing was observed yet: there is nothing to share.";
const TOO_LONG: &str = "This exchange is too long for a link. Save it as a file instead.";

fn copy_link(ui: Ui) -> String {
    copy(ui, None)
}

fn copy_event_link(ui: Ui) -> String {
    copy(ui, ui.selected.get_untracked())
}

fn copy(ui: Ui, selected: Option<u64>) -> String {
    let fragment: Result<String, &str> = ui.lab.with_untracked(|lab| {
        let number = selected.and_then(|order| number_in(lab, order));
        let number = number.map(|number| number.to_string());
        let is_recorded = (lab.replay.as_ref()).is_some_and(|one| one.kept == Kept::Recorded);
        match number {
            // The book has it already.
            Some(number) if is_recorded => Ok([&lab.spec.name, "-event-", &number].concat()),
            number => {
                let trace = exchange(lab, &browser::today()).ok_or(NOTHING)?;
                let mut link = to_link(&trace).ok_or(TOO_LONG)?;
                if let Some(number) = number {
                    link.push_str("&event=");
                    link.push_str(&number);
                }
                Ok(link)
            }
        }
    });
    match fragment {
        Ok(fragment) => {
            browser::copy(&browser::address_with(&fragment));
            "Copied. Whoever opens the link in this book sees this exchange.".to_owned()
        }
        Err(why) => why.to_owned(),
    }
}

/// An exchange from elsewhere, if it is one of this lab.
fn opened(ui: Ui, bytes: &[u8]) -> Result<Trace, String> {
    let trace = from_bytes(bytes)?;
    if ui.lab.with_untracked(|lab| trace.lab == lab.spec.name) {
        return Ok(trace);
    }
    let why = [
        "This is an exchange of the lab ",
        &trace.lab,
        ": open it there.",
    ];
    Err(why.concat())
}

/// Saves what the second module makes of the exchange.
fn save(ui: Ui, told: RwSignal<String>, make: &str, ending: &str) {
    let exchange = (ui.lab).with_untracked(|lab| exchange(lab, &browser::today()));
    let Some(trace) = exchange else {
        return told.set(NOTHING.to_owned());
    };
    let name = ["wirebook-", &trace.lab, ending].concat();
    let values = Array::of1(&Uint8Array::from(&to_bytes(&trace)[..]));
    let saved = move |file: depth::Answer| {
        told.set(match file.map(|bytes| browser::save(&name, &bytes)) {
            Ok(Some(())) => ["Saved as ", &name, "."].concat(),
            Ok(None) => "The browser does not save files here.".to_owned(),
            Err(why) => why,
        });
    };
    depth::ask(make, &values, Box::new(saved));
}
