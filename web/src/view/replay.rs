//! What moves an exchange that was kept, and says where it comes from.

use leptos::prelude::*;

use super::Ui;
use super::parts::{Lazy, button, lazy, maybe, paragraph};
use crate::state::{Input, Kept, Lab, Reel, Replay};

/// What the header says of the lab.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum State {
    Live,
    Simulated,
    /// Simulated, and its simulator starts when the lab comes into view.
    Waiting,
    Recorded,
    Shared,
    Offline,
}

impl State {
    pub(super) fn of(lab: &Lab) -> Self {
        match lab.replay.as_ref().map(|replay| replay.kept) {
            Some(Kept::Shared) => Self::Shared,
            Some(Kept::Recorded | Kept::Question(_)) => Self::Recorded,
            None if lab.server.is_none() => match lab.simulated {
                Some(_) if lab.trace.first().is_none() => Self::Waiting,
                _ => Self::Offline,
            },
            None if lab.simulated.is_some() => Self::Simulated,
            None => Self::Live,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Simulated => "simulated",
            Self::Waiting => "waiting",
            Self::Recorded => "recorded",
            Self::Shared => "shared",
            Self::Offline => "offline",
        }
    }
}

/// The controls of the replay that is shown, or the way to one.
pub(super) fn bar(ui: Ui) -> Lazy<AnyView> {
    let shown = ui.part(|lab| {
        let replay = lab.replay.as_ref()?;
        let live = lab.live();
        // Without a gateway and with nothing observed there is nothing to go back to.
        let way_back = if live.server.is_some() && live.simulated.is_some() {
            "Back to the simulated network"
        } else if live.server.is_some() {
            "Back to the live lab"
        } else if live.trace.first().is_some() {
            "Back to what happened here"
        } else if replay.kept != Kept::Recorded {
            "Back to the recorded exchange"
        } else {
            ""
        };
        Some((what(replay), way_back))
    });
    let is_offered = ui.part(|lab| State::of(lab) == State::Offline && lab.spec.recorded.is_some());
    maybe(move || match shown.get() {
        Some((what, way_back)) => Some(controls(ui, what, way_back)),
        None if is_offered.get() => {
            let show = button("Show the recorded exchange".to_owned(), "", move || {
                reel(ui, Reel::Recorded(0))
            });
            Some(view! { <div class="lab-replay">{show}</div> }.into_any())
        }
        None => None,
    })
}

/// Where the exchange comes from.
fn what(replay: &Replay) -> String {
    let recorded = &replay.recorded;
    let what = match replay.kept {
        Kept::Recorded => "Recorded on ",
        Kept::Question(_) => "The question, recorded on ",
        Kept::Shared => "Shared by somebody, who says it was observed on ",
    };
    [what, &recorded.date, " with Wirebook ", &recorded.version].concat()
}

fn controls(ui: Ui, what: String, way_back: &'static str) -> AnyView {
    let place = ui.part(|lab| {
        let replay = lab.replay.as_ref();
        replay.map_or((0, 0), |replay| (replay.shown, replay.total()))
    });
    let is_playing = ui.part(|lab| lab.replay.as_ref().is_some_and(|replay| replay.is_playing));
    let can_keep = ui.part(|lab| lab.progress.done() > lab.live().progress.done());
    let count = lazy(move || {
        let (shown, total) = place.get();
        [&shown.to_string(), " of ", &total.to_string(), " events"].concat()
    });
    let press = move |label: &str, command: fn() -> Reel| {
        button(label.to_owned(), "", move || reel(ui, command()))
    };
    let play = lazy(move || {
        let (label, command): (_, fn() -> Reel) = if is_playing.get() {
            ("Pause", || Reel::Play(false))
        } else {
            ("Play", || Reel::Play(true))
        };
        press(label, command)
    });
    let leave = (!way_back.is_empty()).then(|| press(way_back, || Reel::Leave));
    let keep = maybe(move || {
        can_keep
            .get()
            .then(|| press("Count these steps as done", || Reel::Keep))
    });
    view! {
        <div class="lab-replay" role="group" aria-label="Replay">
            {paragraph("replay-what", what)}
            <div class="replay-buttons">
                {play}
                {press("Step back", || Reel::Back)}
                {press("Step forward", || Reel::Forward)}
                <span class="lab-count">{count}</span>
                {keep}
                {leave}
            </div>
        </div>
    }
    .into_any()
}

fn reel(ui: Ui, reel: Reel) {
    ui.selected.set(None);
    ui.act(Input::Reel(reel));
}
