//! "Predict, then run", and things to try.

use leptos::prelude::*;
use wire::Play;
use wire::lab::{Experiment, ExperimentKind, Question};

use super::Ui;
use super::fill::fill_button;
use super::memo::Memo;
use super::parts::{command, lazy, maybe, paragraph, text};
use super::steps::runs;
use crate::state::{Answer, Input};

pub(super) fn questions(ui: Ui) -> AnyView {
    let questions = ui.lab.with_untracked(|lab| lab.spec.questions.clone());
    if questions.is_empty() {
        return ().into_any();
    }
    let questions: Vec<_> = questions
        .into_iter()
        .enumerate()
        .map(|(index, question)| one(ui, index, question))
        .collect();
    view! {
        <section class="lab-questions">
            <div class="lab-bar">
                <span class="lab-title">"Predict, then run"</span>
            </div>
            {questions}
        </section>
    }
    .into_any()
}

fn one(ui: Ui, index: usize, question: Question) -> AnyView {
    let answer = ui.part(move |lab| lab.live().answer(index));
    // What was answered on an earlier visit is still there.
    let chosen = RwSignal::new(match answer.get_untracked() {
        Answer::Known { chosen, .. } => Some(chosen),
        _ => None,
    });
    let group = ["question-", &ui.place.to_string(), "-", &index.to_string()].concat();
    let choices: Vec<_> = question
        .choices
        .into_iter()
        .enumerate()
        .map(|(place, choice)| {
            let why = StoredValue::new(choice.why);
            let mark = Memo::new(move |_| match answer.get() {
                Answer::Known { outcome, .. } if outcome == place => "right",
                Answer::Known { chosen, .. } if chosen == place => "wrong",
                _ => "",
            });
            let spoken = lazy(move || match mark.get() {
                "right" => " ✓ this happened",
                "wrong" => " ✗ this did not happen",
                _ => "",
            });
            let shown = maybe(move || {
                matches!(answer.get(), Answer::Known { .. })
                    .then(|| view! { <p class="choice-why">{runs(why.get_value())}</p> }.into_any())
            });
            view! {
                <li data-mark=lazy(move || mark.get())>
                    <label>
                        <input
                            type="radio"
                            name=group.clone()
                            checked=chosen.get_untracked() == Some(place)
                            on:change=move |_| chosen.set(Some(place))
                        />
                        <span>{runs(choice.say)} <b>{spoken}</b></span>
                    </label>
                    {shown}
                </li>
            }
            .into_any()
        })
        .collect();
    let can_run = ui.part(move |lab| lab.live().server.is_some() || lab.has_record_of(index));
    let why_not = move || {
        if chosen.get().is_none() {
            Some("Choose what you expect first")
        } else if !can_run.get() {
            Some("The server is not there, and this question was not recorded")
        } else if matches!(answer.get(), Answer::Running(_)) {
            Some("It runs")
        } else {
            None
        }
    };
    let run = move || {
        if let Some(chosen) = chosen.get_untracked() {
            ui.selected.set(None);
            ui.act(Input::Ask {
                question: index,
                chosen,
            });
        }
    };
    let verdict = lazy(move || match answer.get() {
        Answer::None => "",
        Answer::Running(_) => "Running …",
        Answer::Known { chosen, outcome } if chosen == outcome => "As you expected.",
        Answer::Known { .. } => "Not what you expected.",
        Answer::Unknown(_) => "None of these happened within 10 s. Run it again.",
    });
    let plays = played(&question.play);
    view! {
        <fieldset class="lab-question">
            <legend>{runs(question.ask)}</legend>
            <ol>{choices}</ol>
            <div class="question-run">
                {command("Run", "", Box::new(why_not), run)}
                <span class="lab-count">{plays}</span>
                <span role="status">{verdict}</span>
            </div>
        </fieldset>
    }
    .into_any()
}

/// What is done, in the words of the buttons.
fn played(plays: &[Play]) -> String {
    let plays: Vec<String> = plays.iter().map(Play::to_string).collect();
    plays.join(", ")
}

pub(super) fn experiments(ui: Ui) -> AnyView {
    let experiments = ui.lab.with_untracked(|lab| lab.spec.experiments.clone());
    if experiments.is_empty() {
        return ().into_any();
    }
    let experiments: Vec<_> = experiments
        .into_iter()
        .map(|one| experiment(ui, one))
        .collect();
    view! {
        <section class="lab-experiments">
            <div class="lab-bar">
                <span class="lab-title">"Experiments"</span>
            </div>
            <ul>{experiments}</ul>
        </section>
    }
    .into_any()
}

fn experiment(ui: Ui, experiment: Experiment) -> AnyView {
    let kind = match experiment.kind {
        ExperimentKind::Useful => "useful",
        ExperimentKind::Weird => "weird",
        ExperimentKind::Broken => "broken on purpose",
    };
    let plays = played(&experiment.play);
    let plays = (!plays.is_empty()).then(|| paragraph("experiment-play", plays));
    let fill = fill_button(ui, experiment.play);
    view! {
        <li>
            {text("experiment-kind", kind.to_owned())}
            <div>
                <p>{runs(experiment.say)}</p>
                {plays}
                {fill}
            </div>
        </li>
    }
    .into_any()
}
