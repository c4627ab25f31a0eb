//! What a chapter proposes to do, put into the composer.

use leptos::prelude::*;
use wire::{Act, Play};

use super::Ui;
use super::parts::button;
use crate::state::{Command, Draft, Input};

/// The button that does it, if there is something to put there.
pub(super) fn fill_button(ui: Ui, plays: Vec<Play>) -> Option<AnyView> {
    can_fill(&plays).then(|| {
        let fill = move || fill(ui, &plays);
        button("Fill in".to_owned(), "lab-quiet", fill)
    })
}

/// Whether there is something to put into the composer.
fn can_fill(plays: &[Play]) -> bool {
    plays.iter().any(|play| {
        matches!(
            Command::of(&play.act),
            Some(Command::Send(_) | Command::Adjust(_) | Command::Network(_) | Command::Trap(_))
        )
    })
}

/// Sets the controls and the message as these plays want them. Sends nothing.
fn fill(ui: Ui, plays: &[Play]) {
    for play in plays {
        if let Some(command @ (Command::Adjust(_) | Command::Network(_) | Command::Trap(_))) =
            Command::of(&play.act)
        {
            ui.act(Input::ChooseNamed(play.client.clone()));
            ui.act(Input::Command(command));
        }
    }
    for play in plays {
        match &play.act {
            Act::Send(bytes) => ui.draft.set(Draft::of(bytes)),
            Act::Ask { name, kind } => {
                ui.name.set(name.clone());
                ui.kind.set(kind.clone());
            }
            _ => continue,
        }
        ui.act(Input::ChooseNamed(play.client.clone()));
        return;
    }
}
