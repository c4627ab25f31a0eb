//! A captured packet to explore, or an address to classify, with things to find in it.

use leptos::mount::mount_to;
use leptos::prelude::*;
use web_sys::{Event, KeyboardEvent};
use wire::classify::{self, Fact};
use wire::exhibit::{Exhibit, Shows, Wanted};

use super::dump::dump;
use super::fields::fields;
use super::memo::Memo;
use super::parts::{button, lazy, maybe, paragraph, text};
use super::steps::{count, item};
use crate::browser::{self, Saved};
use crate::state::{decode_exhibit, is_found};

/// Mounts an exhibit in every placeholder of the page.
pub(super) fn mount() {
    for (place, element) in browser::all("[data-exhibit]").into_iter().enumerate() {
        // A damaged placeholder keeps its text.
        let spec = element.get_attribute("data-spec");
        if let Some(exhibit) = spec.as_deref().and_then(decode_exhibit) {
            element.set_text_content(None);
            // Exhibits live as long as their page.
            mount_to(element, move || exhibit_view(exhibit, place)).forget();
        }
    }
}

fn exhibit_view(exhibit: Exhibit, place: usize) -> AnyView {
    let saved = StoredValue::new(Saved::named(&exhibit.name, &exhibit.hash));
    let found = RwSignal::new(saved.with_value(Saved::done));
    let done = Memo::new(move |_| found.get());
    let keep = move |count: usize| {
        found.set(count);
        saved.with_value(|saved| match count {
            0 => saved.forget(),
            _ => saved.keep_done(count),
        });
    };
    let total = exhibit.finds.len();
    let wanted: Vec<Wanted> = exhibit
        .finds
        .iter()
        .map(|find| find.wanted.clone())
        .collect();
    let look = Box::new(move |seen: Option<usize>, facts: &[Fact]| {
        let count = found.get_untracked();
        if wanted
            .get(count)
            .is_some_and(|wanted| is_found(wanted, seen, facts))
        {
            keep(count + 1);
        }
    });
    let finds: Vec<_> = exhibit
        .finds
        .into_iter()
        .enumerate()
        .map(|(index, find)| item(index, find.say, done, maybe(|| None)))
        .collect();
    let body = match exhibit.shows {
        Shows::Packet {
            bytes,
            fields: tree,
        } => {
            let (marked, picked) = (RwSignal::new(None), RwSignal::new(None));
            Effect::new(move || look(picked.get(), &[]));
            view! {
                <div class="inspect">
                    {dump(marked, bytes, tree.clone())}
                    {fields(marked, Some(picked), tree)}
                </div>
            }
            .into_any()
        }
        Shows::Address { examples } => address(place, examples, look),
    };
    let heading = ["exhibit-", &place.to_string()].concat();
    // The book's own shortcuts (arrows, s, /, ?) hear what bubbles up to the document.
    let keep_keys = |event: KeyboardEvent| event.stop_propagation();
    view! {
        <div class="lab-frame" on:keydown=keep_keys on:keypress=keep_keys on:keyup=keep_keys>
            <div class="lab-bar exhibit-head">
                <span class="lab-title" id=heading.clone()>
                    {exhibit.title}
                </span>
                <span class="lab-count" role="status">
                    {count(total, done)}
                </span>
                {button("Start over".to_owned(), "lab-quiet", move || keep(0))}
            </div>
            <div class="exhibit-body">
                <section class="lab-steps">
                    <ol aria-labelledby=heading>{finds}</ol>
                </section>
                {body}
            </div>
        </div>
    }
    .into_any()
}

type Look = Box<dyn Fn(Option<usize>, &[Fact]) + Send + Sync>;

fn address(place: usize, examples: Vec<String>, look: Look) -> AnyView {
    let typed = RwSignal::new(examples.first().cloned().unwrap_or_default());
    // The first example shows what there is to see; it finds nothing for the reader.
    let on_input: Box<dyn FnMut(Event)> = Box::new(move |event| {
        typed.set(event_target_value(&event));
        if let Ok(classified) = classify::classify(&typed.get_untracked()) {
            look(None, &classified.facts);
        }
    });
    let id = ["address-", &place.to_string()].concat();
    let shown = lazy(move || match classify::classify(&typed.get()) {
        Err(problem) => paragraph("lab-empty", problem.to_owned()),
        Ok(classified) => {
            let facts: Vec<_> = classified.facts.into_iter().map(fact).collect();
            view! {
                <p class="exhibit-bytes">
                    <b>{classified.written}</b>
                    " "
                    {text("field-value", wire::text::to_hex(&classified.bytes))}
                </p>
                <dl class="exhibit-facts">{facts}</dl>
            }
            .into_any()
        }
    });
    view! {
        <div class="exhibit-address">
            <label for=id.clone()>"Address, port, or both"</label>
            <input
                id=id
                type="text"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                prop:value=lazy(move || typed.get())
                on:input=on_input
            />
            <div role="status">{shown}</div>
        </div>
    }
    .into_any()
}

fn fact(fact: Fact) -> AnyView {
    view! {
        <div>
            <dt>{fact.class.word()}</dt>
            <dd>
                <code>{fact.range}</code>
                ": "
                {fact.meaning}
                " ("
                {fact.source}
                ")"
            </dd>
        </div>
    }
    .into_any()
}
