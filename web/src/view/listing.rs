//! The program, with the line that runs lit.

use leptos::html::Div;
use leptos::prelude::*;
use web_sys::wasm_bindgen::JsCast;
use wire::Listing;

use super::Ui;
use super::memo::Memo;
use super::parts::{choice, lazy, toggle};
use crate::browser::Frame;

/// How a line is lit.
#[derive(Clone, Copy, PartialEq)]
struct Light {
    how: How,
    /// It caused the selected event.
    is_cause: bool,
}

/// Why a line is lit.
#[derive(Clone, Copy, PartialEq)]
enum How {
    /// A call on this line waits.
    Waits,
    /// It ran last; the number changes when it runs again.
    Ran(u64),
    /// Only to show where the selected event came from.
    Shown,
}

pub(super) fn listings(ui: Ui) -> AnyView {
    let listings = ui.lab.with_untracked(|lab| lab.spec.listings.clone());
    if listings.is_empty() {
        return ().into_any();
    }
    let shown = RwSignal::new(0_usize);
    let tabs: Vec<_> = listings
        .iter()
        .enumerate()
        .map(|(index, listing)| {
            toggle(
                listing.title.clone(),
                "",
                move || shown.get() == index,
                move || shown.set(index),
            )
        })
        .collect();
    let bodies: Vec<_> = listings
        .into_iter()
        .enumerate()
        .map(|(index, listing)| body(ui, listing, Memo::new(move |_| shown.get() == index)))
        .collect();
    view! {
        <section class="lab-listing">
            <div class="lab-bar">
                {choice("Program", "lab-choice", tabs)}
            </div>
            {bodies}
        </section>
    }
    .into_any()
}

fn body(ui: Ui, listing: Listing, is_shown: Memo<bool>) -> AnyView {
    let file = StoredValue::new(listing.file);
    // Line by line, how they are lit now.
    let lights = Memo::new(move |_| {
        let selected = ui.selected.get();
        ui.lab.with(|lab| {
            let cause = selected
                .and_then(|order| lab.trace.event(order)?.source.as_ref())
                .filter(|source| file.with_value(|file| *file == source.file))
                .map(|source| source.line);
            let mut lights: Vec<(u32, Light)> = lab
                .lit(lab.focus(selected))
                .into_iter()
                .filter(|lit| file.with_value(|file| *file == lit.file))
                .map(|lit| {
                    let light = Light {
                        how: if lit.waits {
                            How::Waits
                        } else {
                            How::Ran(lit.sequence)
                        },
                        is_cause: Some(lit.line) == cause,
                    };
                    (lit.line, light)
                })
                .collect();
            if let Some(line) = cause
                && lights.iter().all(|(lit, _)| *lit != line)
            {
                let light = Light {
                    how: How::Shown,
                    is_cause: true,
                };
                lights.push((line, light));
            }
            lights
        })
    });
    let list = NodeRef::<Div>::new();
    keep_in_sight(list, lights);
    let lines: Vec<_> = listing
        .lines
        .into_iter()
        .zip(listing.first_line..)
        .map(|(tokens, number)| line(tokens, number, lights))
        .collect();
    view! {
        <div
            class="listing-scroll"
            class:is-hidden=lazy(move || !is_shown.get())
            role="group"
            aria-label=listing.title
            tabindex="0"
            node_ref=list
        >
            <code class="hljs">{lines}</code>
            <p class="listing-file">{file.get_value()}</p>
        </div>
    }
    .into_any()
}

fn line(tokens: Vec<(String, String)>, number: u32, lights: Memo<Vec<(u32, Light)>>) -> AnyView {
    let light = Memo::new(move |_| {
        lights.with(|lights| {
            let mut here = lights.iter().filter(|(line, _)| *line == number);
            here.next().map(|(_, light)| *light)
        })
    });
    let class = lazy(move || {
        let Some(light) = light.get() else {
            return "code-line".to_owned();
        };
        let how = match light.how {
            How::Waits => " waits",
            How::Ran(sequence) if sequence % 2 == 1 => " ran-odd",
            How::Ran(_) => " ran-even",
            How::Shown => "",
        };
        let cause = if light.is_cause { " cause" } else { "" };
        ["code-line lit", how, cause].concat()
    });
    let tokens: Vec<_> = tokens
        .into_iter()
        .map(|(class, text)| {
            if class.is_empty() {
                text.into_any()
            } else {
                view! { <span class=["hljs-", &class].concat()>{text}</span> }.into_any()
            }
        })
        .collect();
    let state = lazy(move || match light.get().map(|light| light.how) {
        Some(How::Waits) => "waits here",
        Some(How::Ran(_)) => "ran last",
        Some(How::Shown) => "selected",
        None => "",
    });
    view! {
        <span class=class data-line=number>
            <span class="code-number" aria-hidden="true">{number}</span>
            <span class="code-text">{tokens} "\n"</span>
            <span class="code-state">{state}</span>
        </span>
    }
    .into_any()
}

/// Scrolls the listing, never the page, so that a line that lights up is seen.
fn keep_in_sight(list: NodeRef<Div>, lights: Memo<Vec<(u32, Light)>>) {
    let frame = StoredValue::new_local(None);
    Effect::new(move || {
        if lights.with(Vec::is_empty) {
            return;
        }
        frame.set_value(Some(Frame::new(move || {
            let Some(list) = list.get_untracked() else {
                return;
            };
            let found = list.query_selector(".lit.cause, .lit:not(.waits), .lit");
            let Some(line) = found
                .ok()
                .flatten()
                .and_then(|line| line.dyn_into::<web_sys::HtmlElement>().ok())
            else {
                return;
            };
            let (top, height) = (line.offset_top(), line.offset_height());
            let (seen, room) = (list.scroll_top(), list.client_height());
            if top < seen || top + height > seen + room {
                list.set_scroll_top(top - room / 2);
            }
        })));
    });
}
