//! How a lab looks.

mod arrows;
mod composer;
mod controls;
mod diagram;
mod dump;
mod exhibit;
mod fields;
mod fill;
mod header;
mod inspector;
mod kernel;
mod ladder;
mod late;
mod listing;
mod memo;
mod network;
mod packets;
mod parts;
mod questions;
mod replay;
mod row;
mod scroll;
mod share;
mod simulated;
mod steps;
mod streams;

use std::rc::Rc;

use any_spawner::Executor;
use leptos::mount::mount_to;
use leptos::prelude::*;
use leptos::task::spawn_local;
use web_sys::{HtmlElement, KeyboardEvent};

use self::late::Part;
use self::memo::Memo;
use self::replay::State;
use self::share::Share;
use crate::browser::{self, Saved};
use crate::page::Page;
use crate::state::{Draft, Input, Lab, Phase, decode, keep};
use parts::{Lazy, lazy};

/// What the parts of one lab share. Copied freely: every field is a handle.
#[derive(Clone, Copy)]
struct Ui {
    page: StoredValue<Rc<Page>, LocalStorage>,
    lab: RwSignal<Lab>,
    /// The place of the selected item in the trace.
    selected: RwSignal<Option<u64>>,
    /// The bytes of the selected event that are pointed at.
    marked: RwSignal<Option<(usize, usize)>>,
    draft: RwSignal<Draft>,
    /// What the form for names asks for: the name and the type of record.
    name: RwSignal<String>,
    kind: RwSignal<String>,
    /// Tells the ids of this lab from those of others on the page.
    place: usize,
    share: Share,
}

impl Ui {
    fn act(self, input: Input) {
        let page = self.page.get_value();
        page.act(self.lab, input);
    }

    /// A part of the lab's state that redraws only what depends on it when it changes.
    fn part<T>(self, part: impl Fn(&Lab) -> T + Send + Sync + 'static) -> Memo<T>
    where
        T: Clone + PartialEq + Send + Sync + 'static,
    {
        Memo::of(self.lab, part)
    }

    /// Words about the lab's state.
    fn told(self, words: impl Fn(&Lab) -> String + Send + Sync + 'static) -> Lazy<String> {
        // Boxed twice: one look into the lab for all of them, and none has a memo of its own.
        self.words(Box::new(words))
    }

    fn words(self, words: Box<dyn Fn(&Lab) -> String + Send + Sync>) -> Lazy<String> {
        lazy(move || self.lab.with(&words))
    }

    /// What the browser keeps of this lab.
    fn saved(self) -> Saved {
        self.lab.with_untracked(|lab| Saved::of(&lab.spec))
    }

    fn phase(self) -> Phase {
        self.page.get_value().link.with(|link| link.phase.clone())
    }
}

/// Told when what was kept of a lab could not be read.
const DAMAGED: &str = "What was kept of your progress here could not be read. It was put aside: the \
                       page Your progress tells more.";

/// Mounts a lab or an exhibit in every placeholder.
pub(crate) fn mount() {
    // Mounting does so, too: parts are asked for before. A second time changes nothing.
    let _ = Executor::init_wasm_bindgen();
    late::begin();
    late::exhibits();
    let mut build = None;
    let mut chapter = None;
    let mut places = Vec::new();
    for element in browser::all("[data-lab]") {
        // A damaged placeholder keeps its text, which tells what the lab would show.
        let Some(spec) = element
            .get_attribute("data-spec")
            .as_deref()
            .and_then(decode)
        else {
            continue;
        };
        build = build.or_else(|| element.get_attribute("data-build"));
        chapter = chapter.or_else(|| element.get_attribute("data-chapter"));
        let saved = Saved::of(&spec);
        let place = places.len() as u16;
        let mut lab = Lab::new(spec, place, saved.done());
        lab.answers = keep::answers(saved.text(keep::ANSWERS), &lab.spec);
        if saved.is_damaged() {
            lab.notice = Some(DAMAGED.to_owned());
        }
        packets::remember(&mut lab);
        let lab = RwSignal::new(lab);
        places.push((element, lab));
    }
    let labs = places.iter().map(|(_, lab)| *lab).collect();
    let page = Page::new(build, chapter, labs);
    let hosts: Vec<_> = places.iter().map(|(element, _)| element.clone()).collect();
    let mut late = Vec::new();
    for (place, (element, lab)) in places.into_iter().enumerate() {
        let page = page.clone();
        let draw = move || {
            element.set_text_content(None);
            let host = element.clone();
            // Labs live as long as their page.
            mount_to(element, move || lab_view(host, page, lab, place)).forget();
        };
        match lab.with_untracked(needed) {
            None => draw(),
            Some(part) => late.push((part, Box::new(draw) as Box<dyn FnOnce()>)),
        }
    }
    for part in [Part::Simulated, Part::Controls] {
        let draws: Vec<_> = late.extract_if(.., |(needed, _)| *needed == part).collect();
        if !draws.is_empty() {
            // What the placeholders say stays until then, and nothing moves. Where the part cannot
            // be loaded, the labs say so.
            spawn_local(async move {
                part.load().await;
                draws.into_iter().for_each(|(_, draw)| draw());
            });
        }
    }
    page.start(&hosts);
}

/// The part that is seen from the start.
fn needed(lab: &Lab) -> Option<Part> {
    if lab.simulated.is_some() {
        Some(Part::Simulated)
    } else if controls::has_any(&lab.spec.controls) {
        Some(Part::Controls)
    } else {
        None
    }
}

fn lab_view(host: HtmlElement, page: Rc<Page>, lab: RwSignal<Lab>, place: usize) -> AnyView {
    let saved = lab.with_untracked(|lab| Saved::of(&lab.spec));
    let suggestion = || lab.with_untracked(|lab| lab.suggestion().map(Draft::of));
    let draft = keep::draft(|name| saved.text(name)).or_else(suggestion);
    let ui = Ui {
        page: StoredValue::new_local(page),
        lab,
        selected: RwSignal::new(None),
        marked: RwSignal::new(None),
        draft: RwSignal::new(draft.unwrap_or_default()),
        name: RwSignal::new(String::new()),
        kind: RwSignal::new("A".to_owned()),
        place,
        share: Share::new(),
    };
    arrive(host.clone(), ui);
    show_state(host, ui);
    keep_progress(ui, saved.clone());
    keep_answers(ui, saved.clone());
    keep_draft(ui, saved);
    // The book's own shortcuts (arrows, s, /, ?) hear what bubbles up to the document.
    let keep_keys = |event: KeyboardEvent| event.stop_propagation();
    view! {
        <div
            class="lab-frame"
            on:keydown=keep_keys
            on:keypress=keep_keys
            on:keyup=keep_keys
            on:dragover=move |event| event.prevent_default()
            on:drop=move |event| ui.share.dropped(ui, &event)
        >
            {header::header(ui)}
            {simulated::simulated(ui)}
            <div class="lab-body">
                <div class="lab-do">{steps::steps(ui)} {composer::composer(ui)}</div>
                {ladder::ladder(ui)}
                {kernel::kernel(ui)}
                {listing::listings(ui)}
                {inspector::inspector(ui)}
                {questions::questions(ui)}
                {questions::experiments(ui)}
            </div>
        </div>
    }
    .into_any()
}

/// Tells the state on the placeholder itself, for styles and tests.
fn show_state(host: HtmlElement, ui: Ui) {
    let state = ui.part(State::of);
    Effect::new(move || {
        // Setting an attribute of a fixed name cannot fail.
        let _ = host.set_attribute("data-state", state.get().word());
    });
}

/// Shows a reader who followed a link what it is about.
fn arrive(host: HtmlElement, ui: Ui) {
    let arrival = ui.part(|lab| lab.replay.as_ref().and_then(|replay| replay.arrival));
    Effect::new(move || {
        if let Some(arrival) = arrival.get() {
            ui.selected.set(arrival.event);
            host.scroll_into_view();
        }
    });
}

/// Keeps progress whenever it grows; it is forgotten only when the reader starts over. What a replay
/// ticks is not the reader's.
fn keep_progress(ui: Ui, saved: Saved) {
    let done = ui.part(|lab| lab.live().progress.done());
    Effect::new(move |before: Option<usize>| {
        let done = done.get();
        if before.is_some_and(|before| before != done) {
            saved.keep_done(done);
        }
        done
    });
}

/// Keeps what came of questions.
fn keep_answers(ui: Ui, saved: Saved) {
    let answers = ui.part(|lab| keep::answered(&lab.live().answers));
    Effect::new(move |before: Option<()>| {
        let answers = answers.get();
        if before.is_some() {
            saved.keep_text(keep::ANSWERS, &answers);
        }
    });
}

/// Keeps what is typed, from the first change on.
fn keep_draft(ui: Ui, saved: Saved) {
    Effect::new(move |before: Option<()>| {
        let draft = ui.draft.read();
        if before.is_some() {
            for (name, text) in keep::texts(&draft) {
                saved.keep_text(name, text);
            }
        }
    });
}
