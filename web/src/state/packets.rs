//! What packets mean among those before them, and what became of them.

use std::collections::VecDeque;

use wire::flows::{Flows, Sight};
use wire::packet::Fate;
use wire::{Action, Event};

use super::trace::{Kind, Trace};

/// What is known of a packet beyond its bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    /// Of its event.
    sequence: u64,
    /// Its own number, and those of its copies.
    numbers: Vec<u32>,
    /// What it means; `None` if it is no packet of IP.
    pub(crate) sight: Option<Sight>,
    /// What became of it and when, in order. Only of a simulated one is that known.
    pub(crate) fates: Vec<(u64, Fate)>,
}

/// Every packet that was observed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packets {
    flows: Flows,
    /// In the order of their events.
    told: VecDeque<Told>,
    /// The sequence of the last event that was followed.
    last: u64,
    /// One came after a later one: what the later ones mean is to be found out anew.
    is_late: bool,
}

impl Packets {
    /// Takes note of an event; only those about packets matter.
    pub(crate) fn observe(&mut self, event: &Event) {
        if !matches!(event.action, Action::Packet(_) | Action::Fate { .. }) {
            return;
        }
        self.is_late |= event.sequence <= self.last && !self.told.is_empty();
        if !self.is_late {
            self.follow(event);
        }
    }

    fn follow(&mut self, event: &Event) {
        self.last = event.sequence;
        let sight = self.flows.observe(event);
        match &event.action {
            Action::Packet(packet) => self.told.push_back(Told {
                sequence: event.sequence,
                numbers: vec![packet.number],
                sight,
                fates: Vec::new(),
            }),
            Action::Fate { packet, fate } => {
                // Of two with one number the later is meant: a simulator may begin anew.
                let mut told = self.told.iter_mut().rev();
                let Some(told) = told.find(|told| told.numbers.contains(packet)) else {
                    return;
                };
                if let Fate::Duplicate { copy } = fate {
                    told.numbers.push(*copy);
                }
                told.fates.push((event.time_ns, *fate));
                // That something before it is missing may show only where it arrives.
                if let (Some(own), Some(sight)) = (&mut told.sight, sight) {
                    own.marks.out_of_order |= sight.marks.out_of_order;
                }
            }
            _ => {}
        }
    }

    /// Follows all packets anew, in their order, if one of them came late.
    pub(crate) fn settle(&mut self, trace: &Trace) {
        if !self.is_late {
            return;
        }
        *self = Self::default();
        for item in trace.items() {
            if let Kind::Event(event) = &item.kind {
                self.observe(event);
            }
        }
    }

    /// What is known of the packet of this event.
    pub(crate) fn told(&self, sequence: u64) -> Option<&Told> {
        let found = self
            .told
            .binary_search_by_key(&sequence, |told| told.sequence);
        self.told.get(found.ok()?)
    }

    /// Whether a packet was observed.
    pub(crate) fn is_any(&self) -> bool {
        !self.told.is_empty()
    }

    /// Forgets packets before this sequence number.
    pub(crate) fn forget_before(&mut self, sequence: u64) {
        while self
            .told
            .front()
            .is_some_and(|told| told.sequence < sequence)
        {
            self.told.pop_front();
        }
    }
}

#[cfg(test)]
#[path = "packets_tests.rs"]
pub(super) mod tests;
