//! Small parts that all the others use.
//!
//! What changes later is boxed here: one type per kind of value in place of one per closure keeps
//! the page small.

use leptos::prelude::*;
use web_sys::MouseEvent;

use super::memo::Memo;

/// A value that is looked up again whenever what it read has changed.
pub(super) type Lazy<T> = Box<dyn FnMut() -> T + Send>;

/// Boxes what changes later.
pub(super) fn lazy<T>(value: impl FnMut() -> T + Send + 'static) -> Lazy<T> {
    Box::new(value)
}

/// A view that is there only at times.
pub(super) fn maybe(view: impl Fn() -> Option<AnyView> + Send + 'static) -> Lazy<AnyView> {
    lazy(move || view().unwrap_or_else(|| ().into_any()))
}

/// What a click does.
pub(super) fn act(mut act: impl FnMut() + 'static) -> Box<dyn FnMut(MouseEvent)> {
    Box::new(move |_| act())
}

/// A button that is either pressed or not.
pub(super) fn toggle(
    label: String,
    class: &'static str,
    is_pressed: impl Fn() -> bool + Send + 'static,
    press: impl FnMut() + 'static,
) -> AnyView {
    let pressed = lazy(move || if is_pressed() { "true" } else { "false" });
    view! {
        <button type="button" class=class aria-pressed=pressed on:click=act(press)>
            {label}
        </button>
    }
    .into_any()
}

/// A few toggles that belong together.
pub(super) fn choice(label: &'static str, class: &'static str, toggles: Vec<AnyView>) -> AnyView {
    view! {
        <span class=class role="group" aria-label=label>
            {toggles}
        </span>
    }
    .into_any()
}

/// A button without a state.
pub(super) fn button(label: String, class: &'static str, press: impl FnMut() + 'static) -> AnyView {
    view! {
        <button type="button" class=class on:click=act(press)>
            {label}
        </button>
    }
    .into_any()
}

/// A piece of text in an element of its own.
pub(super) fn text(class: &'static str, text: String) -> AnyView {
    view! { <span class=class>{text}</span> }.into_any()
}

/// A paragraph.
pub(super) fn paragraph(class: &'static str, text: String) -> AnyView {
    view! { <p class=class>{text}</p> }.into_any()
}

/// A length for a style, in whole pixels.
pub(super) fn px(length: f64) -> String {
    [&(length as i64).to_string(), "px"].concat()
}

/// Why a button does nothing now, if so.
pub(super) type WhyNot = Box<dyn Fn() -> Option<&'static str> + Send + Sync>;

/// A button that can always be reached and says why it does nothing.
pub(super) fn command(
    label: &'static str,
    class: &'static str,
    why_not: WhyNot,
    mut press: impl FnMut() + 'static,
) -> AnyView {
    let why_not = Memo::new(move |_| why_not());
    let click = act(move || {
        if why_not.get_untracked().is_none() {
            press();
        }
    });
    let disabled = lazy(move || why_not.get().map(|_| "true"));
    view! {
        <button type="button" class=class aria-disabled=disabled title=lazy(move || why_not.get()) on:click=click>
            {label}
        </button>
    }
    .into_any()
}
