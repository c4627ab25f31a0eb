//! Bytes in hexadecimal beside their text, with offsets.

use std::rc::Rc;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, MouseEvent};
use wire::dissect::Field;

use super::fields::Marked;
use super::parts::{act, lazy};

/// Bytes per line.
const WIDTH: usize = 8;
/// Bytes drawn at once; more are on further pages.
const PAGE: usize = 256;

pub(super) fn dump(marked: Marked, bytes: Vec<u8>, fields: Vec<Field>) -> AnyView {
    let length = bytes.len();
    let start = RwSignal::new(0_usize);
    let bytes = StoredValue::new(bytes);
    let point = move |event: MouseEvent| {
        let offset = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .and_then(|element| element.get_attribute("data-offset"))
            .and_then(|offset| offset.parse().ok());
        if let Some(offset) = offset {
            marked.set(smallest(&fields, offset));
        }
    };
    let lines = lazy(move || {
        let first = start.get();
        let last = (first + PAGE).min(length);
        bytes.with_value(|bytes| {
            bytes[first..last]
                .chunks(WIDTH)
                .enumerate()
                .map(|(index, chunk)| line(marked, first + index * WIDTH, chunk))
                .collect::<Vec<_>>()
        })
    });
    let pages = (length > PAGE).then(|| {
        let label = lazy(move || {
            let first = start.get();
            let last = (first + PAGE).min(length) - 1;
            let parts = [first, last, length].map(|number| number.to_string());
            [&parts[0], "–", &parts[1], " of ", &parts[2], " bytes"].concat()
        });
        let back = act(move || start.update(|start| *start = start.saturating_sub(PAGE)));
        let forth = act(move || {
            start.update(|start| {
                if *start + PAGE < length {
                    *start += PAGE;
                }
            });
        });
        view! {
            <p class="dump-pages">
                <button type="button" aria-label="Earlier bytes" on:click=back>"‹"</button>
                <span>{label}</span>
                <button type="button" aria-label="Later bytes" on:click=forth>"›"</button>
            </p>
        }
    });
    let point: Rc<dyn Fn(MouseEvent)> = Rc::new(point);
    let hear = |point: &Rc<dyn Fn(MouseEvent)>| -> Box<dyn FnMut(MouseEvent)> {
        let point = point.clone();
        Box::new(move |event| point(event))
    };
    view! {
        <div
            class="dump"
            role="group"
            aria-label="Bytes"
            tabindex="0"
            on:mouseover=hear(&point)
            on:click=hear(&point)
        >
            {lines}
        </div>
        {pages}
    }
    .into_any()
}

fn line(marked: Marked, offset: usize, bytes: &[u8]) -> AnyView {
    let cell = |index: usize, class: &'static str, text: String| {
        let offset = offset + index;
        let is_marked = lazy(move || {
            let range = marked.get();
            range.is_some_and(|(start, end)| start <= offset && offset < end)
        });
        view! {
            <span class=class class:is-marked=is_marked data-offset=offset>
                {text}
            </span>
        }
        .into_any()
    };
    let hex: Vec<_> = bytes
        .iter()
        .enumerate()
        .map(|(index, byte)| cell(index, "dump-hex", wire::text::to_hex(&[*byte])))
        .collect();
    let text: Vec<_> = bytes
        .iter()
        .enumerate()
        .map(|(index, byte)| {
            let class = if is_printable(*byte) {
                "dump-char"
            } else {
                "dump-char is-control"
            };
            cell(index, class, picture(*byte).to_string())
        })
        .collect();
    let number = wire::text::to_hex(&(offset as u16).to_be_bytes()).replace(' ', "");
    view! {
        <div class="dump-line">
            <span class="dump-offset">{number}</span>
            <span class="dump-bytes">{hex}</span>
            <span class="dump-text">{text}</span>
        </div>
    }
    .into_any()
}

fn is_printable(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte)
}

/// One visible character for a byte. What has no shape is a dot; the fields say what it is.
fn picture(byte: u8) -> char {
    if is_printable(byte) {
        char::from(byte)
    } else {
        '·'
    }
}

/// The smallest field that covers `offset`.
fn smallest(fields: &[Field], offset: usize) -> Option<(usize, usize)> {
    let field = fields.iter().find(|field| field.range.contains(&offset))?;
    smallest(&field.parts, offset).or(Some((field.range.start, field.range.end)))
}
