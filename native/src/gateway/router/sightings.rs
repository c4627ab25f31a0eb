//! Packets on their way to who may see them.

use std::net::SocketAddr;
use std::sync::Arc;

use wire::{Action, ConnectionId, End, Event};

use super::flows::{Alive, Flow, Sighting, Whose};
use super::{Inner, LessonRouter, State};
use crate::gateway::queue::Queue;

impl LessonRouter {
    /// Shows this session, or shows it no more, the packets of the connections that it sees.
    pub(in crate::gateway) fn look_at_packets(&self, session: u64, queue: Option<&Arc<Queue>>) {
        let mut state = self.0.state();
        match queue {
            Some(queue) => _ = state.lookers.insert(session, Arc::clone(queue)),
            None => _ = state.lookers.remove(&session),
        }
        if state.lookers.is_empty() {
            state.flows.forget_waiting();
        }
    }

    /// A packet was seen that this client has sent or is sent; whether it begins a connection.
    pub(in crate::gateway) fn see(&self, client: SocketAddr, begins: bool, sighting: Sighting) {
        let mut state = self.0.state();
        if state.lookers.is_empty() {
            return;
        }
        match state.flows.find(client, begins, sighting.at).cloned() {
            Some(flow) => self.0.show(&state, &flow, sighting),
            None if state.outside_lookers().next().is_none() => {}
            // It may be a program's that the server has not accepted yet.
            None => {
                let lost = state.flows.wait(client, sighting);
                for queue in state.outside_lookers() {
                    queue.push_lost_packets(self.0.lesson, lost);
                }
            }
        }
    }

    /// So many packets were lost, and nobody knows whose.
    pub(in crate::gateway) fn lose_packets(&self, count: u64) {
        for queue in self.0.state().lookers.values() {
            queue.push_lost_packets(self.0.lesson, count);
        }
    }
}

impl Inner {
    /// Shows a packet to who may see it and wants to.
    fn show(&self, state: &State, flow: &Flow, sighting: Sighting) {
        let message = self.message(Event {
            sequence: sighting.sequence,
            time_ns: sighting.time_ns,
            connection: Some(flow.id),
            end: End::Wire,
            action: Action::Packet(sighting.packet),
            worker: None,
            source: None,
        });
        match &flow.whose {
            Whose::Session(queue) => {
                let mut lookers = state.lookers.values();
                if lookers.any(|looker| Arc::ptr_eq(looker, queue)) {
                    queue.push_packet(self.lesson, message);
                }
            }
            Whose::Outside => {
                let message = Arc::new(message);
                for queue in state.outside_lookers() {
                    queue.push_packet(self.lesson, &message);
                }
            }
        }
    }

    /// A program that no session knows is at this address: its packets are of this conversation.
    pub(super) fn meet(&self, client: SocketAddr, id: ConnectionId) -> Option<Arc<Alive>> {
        let mut state = self.state();
        // Datagrams meet again and again, and what is not looked at should cost nothing.
        if !self.transport.is_stream() && state.lookers.is_empty() {
            return None;
        }
        let flow = Flow::new(id, Whose::Outside);
        let alive = flow.alive();
        for sighting in state.flows.waited_for(client) {
            self.show(&state, &flow, sighting);
        }
        state.flows.insert(client, flow);
        Some(alive)
    }
}

impl State {
    /// Who sees the packets of programs that no session has started.
    fn outside_lookers(&self) -> impl Iterator<Item = &Arc<Queue>> {
        let is_watching = |session: &u64| self.watchers.contains_key(session);
        (self.lookers.iter())
            .filter(move |(session, _)| is_watching(session))
            .map(|(_, queue)| queue)
    }
}
