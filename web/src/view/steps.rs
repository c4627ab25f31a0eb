//! What to do, ticked off by what was observed.

use leptos::prelude::*;
use wire::lab::{Run, Style};
use wire::{Play, Step};

use super::Ui;
use super::fill::fill_button;
use super::memo::Memo;
use super::parts::{Lazy, button, lazy, maybe};
use crate::state::Input;

pub(super) fn steps(ui: Ui) -> AnyView {
    let steps = ui.lab.with_untracked(|lab| lab.spec.steps.clone());
    let total = steps.len();
    let done = ui.part(|lab| lab.progress.done());
    let count = count(total, done);
    let start_over = move || {
        ui.selected.set(None);
        // A replay only goes back to its start.
        if ui.lab.with_untracked(|lab| lab.replay.is_none()) {
            ui.saved().forget();
        }
        ui.act(Input::StartOver);
    };
    let heading = ["steps-", &ui.place.to_string()].concat();
    let steps: Vec<_> = steps
        .into_iter()
        .enumerate()
        .map(|(index, step)| one(ui, index, step, done))
        .collect();
    view! {
        <section class="lab-steps">
            <div class="lab-bar">
                <span class="lab-title" id=heading.clone()>"Steps"</span>
                <span class="lab-count" role="status">{count}</span>
                {button("Start over".to_owned(), "lab-quiet", start_over)}
            </div>
            <ol aria-labelledby=heading>{steps}</ol>
        </section>
    }
    .into_any()
}

/// How far it is.
pub(super) fn count(total: usize, done: Memo<usize>) -> Lazy<String> {
    lazy(move || {
        let done = done.get();
        if done == total {
            "all done".to_owned()
        } else {
            [&done.to_string(), " of ", &total.to_string(), " done"].concat()
        }
    })
}

fn one(ui: Ui, index: usize, step: Step, done: Memo<usize>) -> AnyView {
    let is_current = Memo::new(move |_| index == done.get());
    let hints = StoredValue::new(step.hints);
    let plays = StoredValue::new(step.play);
    let help = maybe(move || {
        is_current
            .get()
            .then(|| help(ui, plays.get_value(), hints.get_value()))
    });
    item(index, step.say, done, help)
}

/// One thing to do, ticked if it comes before `done`; `help` stands below it.
pub(super) fn item(index: usize, say: Vec<Run>, done: Memo<usize>, help: Lazy<AnyView>) -> AnyView {
    let is_done = Memo::new(move |_| index < done.get());
    let state = lazy(move || if is_done.get() { "true" } else { "false" });
    let current = lazy(move || (index == done.get()).then_some("step"));
    let number = (index + 1).to_string();
    let mark = lazy(move || {
        if is_done.get() {
            "✓".to_owned()
        } else {
            number.clone()
        }
    });
    let spoken = lazy(move || if is_done.get() { " (done)" } else { "" });
    view! {
        <li data-done=state aria-current=current>
            <span class="step-mark" aria-hidden="true">{mark}</span>
            <div class="step-text">
                <p>
                    {runs(say)}
                    <span class="lab-hidden">{spoken}</span>
                </p>
                {help}
            </div>
        </li>
    }
    .into_any()
}

/// What helps a reader who is at this step.
fn help(ui: Ui, plays: Vec<Play>, hints: Vec<Vec<Run>>) -> AnyView {
    let fill = fill_button(ui, plays);
    if fill.is_none() && hints.is_empty() {
        return ().into_any();
    }
    let total = hints.len();
    let given = RwSignal::new(0_usize);
    let more = maybe(move || {
        let label = if given.get() == 0 {
            "Hint"
        } else {
            "Next hint"
        };
        (given.get() < total).then(|| {
            let give = move || given.update(|given| *given += 1);
            button(label.to_owned(), "lab-quiet", give)
        })
    });
    let hints: Vec<_> = hints
        .into_iter()
        .enumerate()
        .map(|(index, hint)| {
            let hint = StoredValue::new(hint);
            maybe(move || {
                (index < given.get())
                    .then(|| view! { <p class="step-hint">{runs(hint.get_value())}</p> }.into_any())
            })
        })
        .collect();
    view! {
        <div class="step-help">
            {fill}
            {more}
            <div class="step-hints" role="status">{hints}</div>
        </div>
    }
    .into_any()
}

/// Inline text in its four looks.
pub(super) fn runs(runs: Vec<Run>) -> Vec<AnyView> {
    runs.into_iter()
        .map(|run| match run.style {
            Style::Plain => run.text.into_any(),
            Style::Strong => view! { <strong>{run.text}</strong> }.into_any(),
            Style::Emphasis => view! { <em>{run.text}</em> }.into_any(),
            Style::Code => view! { <code>{run.text}</code> }.into_any(),
        })
        .collect()
}
