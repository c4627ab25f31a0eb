//! What to do, ticked off by what was observed.

use leptos::prelude::*;
use wire::lab::{Run, Style};
use wire::{Play, Step};

use super::Ui;
use crate::state::Draft;

pub(super) fn steps(ui: Ui) -> AnyView {
    let steps = ui.lab.with_untracked(|lab| lab.spec.steps.clone());
    let total = steps.len();
    let done = ui.part(|lab| lab.progress.done());
    let label = move || {
        let done = done.get();
        if done == total {
            "All steps done".to_owned()
        } else {
            [&done.to_string(), " of ", &total.to_string(), " done"].concat()
        }
    };
    let heading = ["steps-", &ui.place.to_string()].concat();
    view! {
        <section class="lab-steps">
            <div class="lab-bar">
                <span class="lab-title" id=heading.clone()>"Steps"</span>
                <span class="lab-count" role="status">{label}</span>
            </div>
            <ol aria-labelledby=heading>
                {steps
                    .into_iter()
                    .enumerate()
                    .map(|(index, step)| one(ui, index, step, done))
                    .collect::<Vec<_>>()}
            </ol>
        </section>
    }
    .into_any()
}

fn one(ui: Ui, index: usize, step: Step, done: Memo<usize>) -> AnyView {
    let is_done = move || index < done.get();
    let is_current = Memo::new(move |_| index == done.get());
    let text = step.play.iter().find_map(|play| match play {
        Play::Send(bytes) => Some(bytes.clone()),
        _ => None,
    });
    let hint = StoredValue::new(step.hint);
    let text = StoredValue::new(text);
    let help = move || {
        let fill = text.get_value().map(|bytes| {
            let fill = move |_| ui.draft.set(Draft::of(&bytes));
            view! { <button type="button" class="lab-quiet" on:click=fill>"Fill in"</button> }
        });
        let hint = hint.get_value();
        let hint = (!hint.is_empty()).then(|| {
            view! {
                <details>
                    <summary>"Show hint"</summary>
                    <p>{runs(hint)}</p>
                </details>
            }
        });
        let is_empty = fill.is_none() && hint.is_none();
        (!is_empty).then(|| view! { <div class="step-help">{fill} {hint}</div> })
    };
    view! {
        <li
            data-done=move || if is_done() { "true" } else { "false" }
            aria-current=move || is_current.get().then_some("step")
        >
            <span class="step-mark" aria-hidden="true">
                {move || if is_done() { "✓".to_owned() } else { (index + 1).to_string() }}
            </span>
            <div class="step-text">
                <p>
                    {runs(step.say)}
                    <span class="lab-hidden">{move || if is_done() { " (done)" } else { "" }}</span>
                </p>
                {move || is_current.get().then(help)}
            </div>
        </li>
    }
    .into_any()
}

/// Inline text in its four looks.
fn runs(runs: Vec<Run>) -> Vec<AnyView> {
    runs.into_iter()
        .map(|run| match run.style {
            Style::Plain => run.text.into_any(),
            Style::Strong => view! { <strong>{run.text}</strong> }.into_any(),
            Style::Emphasis => view! { <em>{run.text}</em> }.into_any(),
            Style::Code => view! { <code>{run.text}</code> }.into_any(),
        })
        .collect()
}
