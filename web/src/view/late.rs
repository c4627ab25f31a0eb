//! Parts of the page that are not in its first module: each is one of its own, loaded when it is
//! first needed.
//!
//! What is marked with `wasm_split` here goes there with all that nothing else uses; the build takes
//! the page apart. Parts share the page's memory: a signal of one is a signal of the other.

use leptos::mount::mount_to;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_split::{SplitLoaderError, wasm_split};

use super::memo::Memo;
use super::parts::{button, lazy, paragraph};
use super::{Ui, controls, exhibit, inspector, kernel, share, simulated};
use crate::browser;

/// Stands where a part will be, if nothing else has to.
pub(super) const WAITING: &str = "Loading …";

/// What a part draws once it is here.
type Draw = fn(Ui) -> AnyView;

type Loaded = Result<Draw, SplitLoaderError>;

/// A part of a lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Controls,
    /// Those of the page, which are no part of a lab.
    Exhibits,
    Inspector,
    Kernel,
    Share,
    Simulated,
}

#[wasm_split(controls, fallible, wasm_split_path = leptos::wasm_split)]
fn load_controls() -> Loaded {
    Ok(controls::controls)
}

#[wasm_split(inspector, fallible, wasm_split_path = leptos::wasm_split)]
fn load_inspector() -> Loaded {
    Ok(inspector::selected)
}

#[wasm_split(inspector, fallible, wasm_split_path = leptos::wasm_split)]
fn load_exhibits() -> Loaded {
    exhibit::mount();
    Ok(|_| ().into_any())
}

#[wasm_split(kernel, fallible, wasm_split_path = leptos::wasm_split)]
fn load_kernel() -> Loaded {
    Ok(kernel::body)
}

#[wasm_split(controls, fallible, wasm_split_path = leptos::wasm_split)]
fn load_share() -> Loaded {
    Ok(share::inside)
}

#[wasm_split(simulated, fallible, wasm_split_path = leptos::wasm_split)]
fn load_simulated() -> Loaded {
    Ok(simulated::inside)
}

/// How far a part is.
#[derive(Clone, Copy)]
enum Way {
    Unasked,
    Asked,
    /// How often it could not be loaded.
    Failed(u32),
    Here(Draw),
}

/// What is seen of the way.
#[derive(Clone, Copy, PartialEq)]
enum Seen {
    Nothing,
    Failure,
    Part,
}

thread_local! {
    /// The parts, in their order: all labs of a page share them.
    static WAYS: [RwSignal<Way>; 6] = [(); 6].map(|()| RwSignal::new(Way::Unasked));
}

/// Before anything is drawn: what is made then belongs to the page. Made later, the ways would go with
/// whatever asked for a part first, a panel that closes perhaps.
pub(super) fn begin() {
    WAYS.with(|_| ());
}

impl Part {
    fn way(self) -> RwSignal<Way> {
        WAYS.with(|ways| ways[self as usize])
    }

    /// Loads it, or tries to.
    pub(super) async fn load(self) {
        let loaded = match self {
            Self::Controls => load_controls().await,
            Self::Exhibits => load_exhibits().await,
            Self::Inspector => load_inspector().await,
            Self::Kernel => load_kernel().await,
            Self::Share => load_share().await,
            Self::Simulated => load_simulated().await,
        };
        self.way().update(|way| {
            *way = match (loaded, *way) {
                (Ok(draw), _) => Way::Here(draw),
                (Err(_), Way::Failed(times)) => Way::Failed(times + 1),
                (Err(_), _) => Way::Failed(1),
            };
        });
    }

    /// This part of a lab. Until it is here, `waiting` stands in its place.
    pub(super) fn view(self, ui: Ui, waiting: &'static str) -> AnyView {
        let way = self.way();
        if matches!(way.get_untracked(), Way::Unasked) {
            way.set(Way::Asked);
            spawn_local(self.load());
        }
        // A second failure changes words, not the button that has the focus.
        let seen = Memo::new(move |()| match way.get() {
            Way::Unasked | Way::Asked => Seen::Nothing,
            Way::Failed(_) => Seen::Failure,
            Way::Here(_) => Seen::Part,
        });
        lazy(move || match (seen.get(), way.get_untracked()) {
            (Seen::Part, Way::Here(draw)) => draw(ui),
            (Seen::Failure, _) => failure(self),
            _ => paragraph("lab-empty", waiting.to_owned()),
        })
        .into_any()
    }
}

/// Told where a part should be.
fn failure(part: Part) -> AnyView {
    let words = lazy(move || match part.way().get() {
        Way::Failed(times @ 2..) => [
            "This part of the page could not be loaded, tried ",
            &times.to_string(),
            " times.",
        ]
        .concat(),
        _ => "This part of the page could not be loaded.".to_owned(),
    });
    view! {
        <div class="lab-late">
            <p role="status">{words}</p>
            {button("Try again".to_owned(), "", move || spawn_local(part.load()))}
        </div>
    }
    .into_any()
}

/// Mounts an exhibit in every placeholder of the page, if it has any; what a placeholder says
/// without stays until then.
pub(super) fn exhibits() {
    let hosts = browser::all("[data-exhibit]");
    if hosts.is_empty() {
        return;
    }
    let part = Part::Exhibits;
    spawn_local(async move {
        part.load().await;
        if matches!(part.way().get_untracked(), Way::Failed(_)) {
            for host in hosts {
                mount_to(host, move || failure(part)).forget();
            }
        }
    });
}
