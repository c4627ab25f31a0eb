//! Whose packets come from and go to an address.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use wire::{ConnectionId, Packet};

use super::super::queue::Queue;
use crate::gateway::limits::{
    MAX_FLOWS, MAX_WAITING_PACKET_BYTES, MAX_WAITING_PACKETS, TCP_AFTERLIFE_TIME,
    WAITING_PACKET_TIME,
};

/// A packet at its place among the events.
pub(in crate::gateway) struct Sighting {
    pub(in crate::gateway) sequence: u64,
    pub(in crate::gateway) time_ns: u64,
    pub(in crate::gateway) at: Instant,
    pub(in crate::gateway) packet: Packet,
}

/// The conversations of one lesson by the address of their client, and the packets of those that
/// nobody has told of yet: a program is known only when the server has accepted it.
#[derive(Default)]
pub(super) struct Flows {
    known: HashMap<SocketAddr, Flow>,
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// With so many the ended ones are looked for.
    sweep_at: usize,
}

#[derive(Clone)]
pub(super) struct Flow {
    pub(super) id: ConnectionId,
    pub(super) whose: Whose,
    /// Packets from before are not its.
    began_at: Option<Instant>,
    ended_at: Arc<OnceLock<Instant>>,
    /// How long its packets may come after both ends are gone.
    afterlife: Duration,
}

#[derive(Clone)]
pub(super) enum Whose {
    Session(Arc<Queue>),
    Outside,
}

/// While an end has this, the conversation goes on.
pub(super) struct Alive(Arc<OnceLock<Instant>>);

impl Drop for Alive {
    fn drop(&mut self) {
        // It ends once.
        let _ = self.0.set(Instant::now());
    }
}

struct Waiting {
    since: Instant,
    client: SocketAddr,
    sighting: Sighting,
}

impl Flow {
    pub(super) fn new(id: ConnectionId, whose: Whose) -> Self {
        Self {
            id,
            whose,
            began_at: None,
            ended_at: Arc::default(),
            afterlife: TCP_AFTERLIFE_TIME,
        }
    }

    /// For conversations whose client has not sent anything yet.
    pub(super) fn that_begins_now(self) -> Self {
        Self {
            began_at: Some(Instant::now()),
            ..self
        }
    }

    /// For conversations without an end that could be seen.
    pub(super) fn with_afterlife(self, afterlife: Duration) -> Self {
        Self { afterlife, ..self }
    }

    /// For who holds an end of it.
    pub(super) fn alive(&self) -> Arc<Alive> {
        Arc::new(Alive(Arc::clone(&self.ended_at)))
    }

    fn has_ended(&self) -> bool {
        self.ended_at.get().is_some()
    }

    fn is_forgotten(&self) -> bool {
        let ended_at = self.ended_at.get();
        ended_at.is_some_and(|ended_at| ended_at.elapsed() > self.afterlife)
    }
}

impl Flows {
    /// From now on the packets of this client are of this conversation. What came before is not.
    pub(super) fn insert(&mut self, client: SocketAddr, flow: Flow) {
        self.sweep();
        self.known.insert(client, flow);
    }

    /// Whose packet it is. One that `begins` a connection belongs to none that had ended `at` that
    /// time, though it comes from the same port.
    pub(super) fn find(&mut self, client: SocketAddr, begins: bool, at: Instant) -> Option<&Flow> {
        let is_over = |flow: &Flow| {
            let ended_at = flow.ended_at.get();
            flow.is_forgotten() || (begins && ended_at.is_some_and(|ended_at| *ended_at < at))
        };
        if self.known.get(&client).is_some_and(is_over) {
            self.known.remove(&client);
        }
        let flow = self.known.get(&client)?;
        let is_before = flow.began_at.is_some_and(|began_at| at < began_at);
        (!is_before).then_some(flow)
    }

    /// Keeps a packet until it is known whose it is. How many had to go for it.
    pub(super) fn wait(&mut self, client: SocketAddr, sighting: Sighting) -> u64 {
        let now = Instant::now();
        while let Some(first) = self.waiting.front()
            && now.duration_since(first.since) > WAITING_PACKET_TIME
        {
            self.drop_first();
        }
        self.waiting_bytes += sighting.packet.bytes.len();
        self.waiting.push_back(Waiting {
            since: now,
            client,
            sighting,
        });
        let mut lost = 0;
        while self.waiting.len() > MAX_WAITING_PACKETS
            || self.waiting_bytes > MAX_WAITING_PACKET_BYTES
        {
            self.drop_first();
            lost += 1;
        }
        lost
    }

    fn drop_first(&mut self) {
        if let Some(first) = self.waiting.pop_front() {
            self.waiting_bytes -= first.sighting.packet.bytes.len();
        }
    }

    /// The packets that waited for this client to become known.
    pub(super) fn waited_for(&mut self, client: SocketAddr) -> Vec<Sighting> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let mut its = Vec::new();
        for waiting in std::mem::take(&mut self.waiting) {
            if waiting.client == client {
                self.waiting_bytes -= waiting.sighting.packet.bytes.len();
                its.push(waiting.sighting);
            } else {
                self.waiting.push_back(waiting);
            }
        }
        its
    }

    /// Forgets all that wait: nobody looks any more.
    pub(super) fn forget_waiting(&mut self) {
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    /// Bounds the table: conversations that go on are bounded by other limits.
    fn sweep(&mut self) {
        if self.known.len() < self.sweep_at {
            return;
        }
        self.known.retain(|_, flow| !flow.is_forgotten());
        if self.known.len() >= MAX_FLOWS {
            self.known.retain(|_, flow| !flow.has_ended());
        }
        self.sweep_at = (self.known.len() * 2).clamp(64, MAX_FLOWS);
    }
}

#[cfg(test)]
mod tests {
    use wire::End;
    use wire::packet::Link;

    use super::*;

    fn client(number: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 10_000 + u16::try_from(number).unwrap()))
    }

    fn sighting(number: u32) -> Sighting {
        Sighting {
            sequence: number.into(),
            time_ns: number.into(),
            at: Instant::now(),
            packet: Packet {
                number,
                from: End::Client,
                link: Link::Ethernet,
                length: 60,
                bytes: vec![0; 60],
            },
        }
    }

    fn outside(id: u64) -> Flow {
        Flow::new(ConnectionId(id), Whose::Outside)
    }

    fn found(flows: &mut Flows, client: SocketAddr, begins: bool) -> Option<u64> {
        flows
            .find(client, begins, Instant::now())
            .map(|flow| flow.id.0)
    }

    #[test]
    fn a_port_that_is_used_again_belongs_to_its_new_user() {
        let mut flows = Flows::default();
        let flow = outside(1);
        let alive = flow.alive();
        flows.insert(client(0), flow);
        // A SYN that is sent again is of the connection that it began.
        assert_eq!(found(&mut flows, client(0), true), Some(1));
        let before_the_end = Instant::now();
        drop(alive);
        // Packets are told a little later.
        assert!(flows.find(client(0), true, before_the_end).is_some());
        assert_eq!(found(&mut flows, client(0), false), Some(1), "the goodbye");
        assert_eq!(found(&mut flows, client(0), true), None);
        assert_eq!(found(&mut flows, client(0), false), None);

        let before = Instant::now();
        flows.insert(client(0), outside(2).that_begins_now());
        assert!(flows.find(client(0), false, before).is_none());
        assert_eq!(found(&mut flows, client(0), false), Some(2));
    }

    #[test]
    fn the_afterlife_ends() {
        let mut flows = Flows::default();
        let flow = outside(1).with_afterlife(Duration::ZERO);
        let alive = flow.alive();
        flows.insert(client(0), flow);
        assert_eq!(found(&mut flows, client(0), false), Some(1));
        drop(alive);
        while !flows.known.is_empty() {
            // A clock may stand still for a moment.
            found(&mut flows, client(0), false);
        }
    }

    #[test]
    fn packets_wait_for_their_client_alone_and_not_without_bounds() {
        let mut flows = Flows::default();
        assert_eq!(flows.wait(client(0), sighting(0)), 0);
        assert_eq!(flows.wait(client(1), sighting(1)), 0);
        assert_eq!(flows.wait(client(0), sighting(2)), 0);
        let numbers =
            |its: Vec<Sighting>| -> Vec<_> { its.into_iter().map(|it| it.packet.number).collect() };
        assert_eq!(numbers(flows.waited_for(client(0))), [0, 2]);
        assert_eq!(numbers(flows.waited_for(client(0))), [0; 0]);

        let most = u32::try_from(MAX_WAITING_PACKETS).unwrap();
        let lost: u64 = (0..most).map(|n| flows.wait(client(2), sighting(n))).sum();
        assert_eq!(lost, 1);
        assert_eq!(numbers(flows.waited_for(client(1))), [0; 0]);
        assert_eq!(flows.waited_for(client(2)).len(), MAX_WAITING_PACKETS);
        assert_eq!(flows.waiting_bytes, 0);
    }

    #[test]
    fn the_table_is_bounded_by_who_lives() {
        let mut flows = Flows::default();
        let flow = outside(7);
        let _alive = flow.alive();
        flows.insert(client(0), flow);
        for number in 1..3 * MAX_FLOWS {
            let flow = outside(0);
            drop(flow.alive());
            flows.insert(client(number), flow);
        }
        assert!(flows.known.len() <= MAX_FLOWS);
        assert_eq!(found(&mut flows, client(0), true), Some(7));
    }
}
