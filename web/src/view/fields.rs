//! Bytes as a tree of named fields.

use leptos::prelude::*;
use web_sys::FocusEvent;
use wire::dissect::Field;

use super::parts::{act, lazy, text};

/// The bytes that are pointed at.
pub(super) type Marked = RwSignal<Option<(usize, usize)>>;

/// The tree. A field that is pointed at is `marked`; one that is selected is also `picked`, by its
/// place in the order in which the fields are read.
pub(super) fn fields(
    marked: Marked,
    picked: Option<RwSignal<Option<usize>>>,
    fields: Vec<Field>,
) -> AnyView {
    let mut place = 0;
    let fields = level(marked, picked, fields, &mut place);
    view! { <ul class="fields">{fields}</ul> }.into_any()
}

fn level(
    marked: Marked,
    picked: Option<RwSignal<Option<usize>>>,
    fields: Vec<Field>,
    place: &mut usize,
) -> Vec<AnyView> {
    let one = |field| self::field(marked, picked, field, place);
    fields.into_iter().map(one).collect()
}

fn field(
    marked: Marked,
    picked: Option<RwSignal<Option<usize>>>,
    field: Field,
    place: &mut usize,
) -> AnyView {
    let own = *place;
    *place += 1;
    let range = (field.range.start, field.range.end);
    let is_marked = lazy(move || marked.get() == Some(range));
    let mark = move || marked.set(Some(range));
    let pick = move || {
        mark();
        if let Some(picked) = picked {
            picked.set(Some(own));
        }
    };
    let on_focus: Box<dyn FnMut(FocusEvent)> = Box::new(move |_| pick());
    let parts = level(marked, picked, field.parts, place);
    let parts = (!parts.is_empty()).then(|| view! { <ul>{parts}</ul> });
    let note = (!field.note.is_empty()).then(|| text("field-note", field.note));
    view! {
        <li>
            <button
                type="button"
                class="field"
                class:is-marked=is_marked
                on:mouseenter=act(mark)
                on:focus=on_focus
                on:click=act(pick)
            >
                <span class="field-name">{field.name}</span>
                <span class="field-value">{field.value}</span>
                <span class="field-range">{span(range)}</span>
                {note}
            </button>
            {parts}
        </li>
    }
    .into_any()
}

fn span((start, end): (usize, usize)) -> String {
    match end.saturating_sub(start) {
        0 => String::new(),
        1 => start.to_string(),
        _ => [&start.to_string(), "–", &(end - 1).to_string()].concat(),
    }
}
