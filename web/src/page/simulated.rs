//! The labs whose servers run in a simulated network: each has a gateway of its own, in a worker.

use std::rc::Rc;

use leptos::prelude::*;
use web_sys::HtmlElement;
use wire::session::{VERSION, is_simulated};
use wire::{ToGateway, ToPage};

use super::Page;
use crate::browser::{self, Simulator, Told};
use crate::state::{Input, Lab, Reel};

impl Page {
    /// The simulator of the lab at `place`, if that is a simulated one.
    pub(super) fn simulator(
        self: &Rc<Self>,
        place: usize,
        host: &HtmlElement,
        lab: RwSignal<Lab>,
    ) -> Option<Simulator> {
        let network = lab.with_untracked(|lab| {
            let network = lab.spec.network.unwrap_or_default();
            is_simulated(&lab.spec.server).then_some(network)
        })?;
        let mut hello = Vec::new();
        let (version, token) = (VERSION, String::new());
        ToGateway::Hello { version, token }.encode(&mut hello);
        let page = Rc::downgrade(self);
        let hear = move |told: Told| {
            if let Some(page) = page.upgrade() {
                page.simulator_told(place, told);
            }
        };
        // A few numbers can always be encoded.
        let network = postcard::to_allocvec(&network).ok()?;
        let simulator = Simulator::new(host, &network, &hello, hear);
        if simulator.is_none() {
            self.lacks_simulator(lab, String::new());
        }
        simulator
    }

    fn simulator_told(self: &Rc<Self>, place: usize, told: Told) {
        let messages = told.and_then(|frame| {
            ToPage::decode(&frame).map_err(|_| "It says what this page does not know.".to_owned())
        });
        match (messages, self.labs.get(place)) {
            (Ok(messages), _) => self.receive(Some(place), messages),
            (Err(why), Some(lab)) => self.lacks_simulator(*lab, why),
            (Err(_), None) => {}
        }
    }

    /// Without its simulator a lab has what was recorded.
    fn lacks_simulator(&self, lab: RwSignal<Lab>, why: String) {
        let why = ["The simulator does not run here. ", &why].concat();
        self.act(lab, Input::Offline);
        self.act(lab, Input::Reel(Reel::Unreachable));
        self.act(lab, Input::Reel(Reel::Fail(why)));
    }

    /// Hands what its simulator said to the lab at `place`.
    pub(super) fn simulate(&self, place: usize, lab: RwSignal<Lab>, messages: Vec<ToPage>) {
        if messages.is_empty() {
            return;
        }
        let mut said = Vec::new();
        let is_still = matches!(&messages[..], [ToPage::Now(_)])
            && !lab.with_untracked(|lab| lab.needs_clock());
        let take = |lab: &mut Lab| {
            for message in messages {
                let server = match &message {
                    ToPage::Welcome(welcome) => {
                        let mut servers = welcome.servers.iter();
                        servers.find(|server| server.lesson == lab.spec.server)
                    }
                    _ => None,
                };
                let input = match server {
                    Some(server) => Input::Online(server.clone()),
                    None => Input::Message(message),
                };
                said.extend(lab.update(input));
            }
        };
        // While time passes and nothing else happens, only the picture of the link moves.
        match is_still {
            true => lab.update_untracked(take),
            false => lab.update(take),
        }
        self.beat.update(|beat| *beat = beat.wrapping_add(1));
        self.say(lab, &said);
        // A page that nobody sees lets time stand still.
        if !browser::is_hidden()
            && let Some(simulator) = self.simulator_at(place)
        {
            simulator.next();
        }
    }

    pub(super) fn simulator_at(&self, place: usize) -> Option<&Simulator> {
        self.simulators.get()?.get(place)?.as_ref()
    }
}
