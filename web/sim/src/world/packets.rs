//! Packets on the link: how they leave, what is done to them, and how they arrive.

use std::cmp::Reverse;

use wire::flows::Sight;
use wire::packet::{Cause, Deed, Fate, Link as Begins, Summary};
use wire::{Action, ConnectionId, End, Packet};

use super::{ENDS, World};
use crate::host::connection_of;
use crate::link::{MS, Taken, Way};

/// How many packets are under way at most; another one is dropped.
const MAX_UNDER_WAY: usize = 16_384;

/// A packet on the link.
pub(super) struct UnderWay {
    pub(super) from: usize,
    connection: Option<ConnectionId>,
    bytes: Vec<u8>,
    pub(super) sent_ns: u64,
    pub(super) arrives_ns: u64,
    /// What will happen to it half-way.
    doom: Option<Doom>,
}

#[derive(Clone, Copy)]
enum Doom {
    Lost(Cause),
    Flipped(usize),
}

/// What will happen, when, and in which order at one time.
pub(super) type Due = Reverse<(u64, u64, u32, Next)>;

/// What will happen to a packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Next {
    Half,
    Arrives,
}

impl World {
    pub(super) fn happen(&mut self, at_ns: u64, number: u32, next: Next) {
        // Who was dropped or delayed in the meantime has another due time, or none.
        match (next, self.under_way.get_mut(&number)) {
            (Next::Half, Some(packet)) => match packet.doom.take() {
                Some(Doom::Lost(cause)) => {
                    let connection = packet.connection;
                    self.under_way.remove(&number);
                    self.tell_fate(connection, number, Fate::Drop(cause));
                }
                Some(Doom::Flipped(bit)) => {
                    if let Some(byte) = packet.bytes.get_mut(bit / 8) {
                        *byte ^= 0x80 >> (bit % 8);
                    }
                    let connection = packet.connection;
                    self.tell_fate(connection, number, Fate::Corrupt);
                }
                None => {}
            },
            (Next::Arrives, Some(packet)) if packet.arrives_ns == at_ns => {
                let way = 1 - packet.from;
                if let Some(packet) = self.under_way.remove(&number) {
                    self.tell_fate(packet.connection, number, Fate::Arrive);
                    self.hosts[way].borrow_mut().receive(packet.bytes);
                    self.attend(way);
                }
            }
            _ => {}
        }
    }

    /// A packet leaves a host.
    pub(super) fn send(&mut self, from: usize, bytes: Vec<u8>) {
        self.packets += 1;
        let number = self.packets;
        let length = bytes.len();
        let packet = Packet {
            number,
            from: ENDS[from],
            link: Begins::Ip,
            length: u32::try_from(length).unwrap_or(u32::MAX),
            bytes,
        };
        let is_followed = !self.traps.is_empty() || self.shows_packets;
        let sight = match is_followed {
            true => self.flows.packet(&packet),
            false => None,
        };
        let deeds = self.trapped(sight.as_ref());
        let connection = connection(from, &packet.bytes);
        let bytes = packet.bytes.clone();
        if self.shows_packets {
            self.record(End::Wire, connection, Action::Packet(packet), None);
        }
        let way = match self.under_way.len() < MAX_UNDER_WAY {
            true => self.links[from].take(&self.network, length, self.now_ns),
            false => Way::Refused(Cause::Queue),
        };
        let taken = match way {
            Way::Refused(cause) => {
                self.tell_fate(connection, number, Fate::Drop(cause));
                if cause == Cause::Size {
                    // As if an ICMP message had come at once (RFC 1191, 4).
                    self.hosts[from].borrow_mut().set_mtu(self.network.mtu);
                }
                return;
            }
            Way::Taken(taken) => taken,
        };
        let doom = match (taken.is_lost, taken.flipped_bit) {
            (true, _) => Some(Doom::Lost(Cause::Chance)),
            (false, flipped) => flipped.map(Doom::Flipped),
        };
        let packet = UnderWay {
            from,
            connection,
            bytes,
            sent_ns: self.now_ns,
            arrives_ns: taken.arrives_ns,
            doom,
        };
        self.put(number, packet, taken);
        for deed in deeds {
            self.do_to(number, deed);
        }
    }

    pub(super) fn put(&mut self, number: u32, packet: UnderWay, taken: Taken) {
        let connection = packet.connection;
        if packet.doom.is_some() {
            let half_ns = self.now_ns + (taken.arrives_ns - self.now_ns) / 2;
            self.due(half_ns, number, Next::Half);
        }
        self.under_way.insert(number, packet);
        self.due(taken.arrives_ns, number, Next::Arrives);
        if taken.held_ns > 0 {
            let by_ns = taken.held_ns;
            self.tell_fate(connection, number, Fate::Delay { by_ns });
        }
        if taken.is_doubled {
            self.double(number);
        }
    }

    /// Which traps are for this packet; each of them has fewer left.
    pub(super) fn trapped(&mut self, sight: Option<&Sight>) -> Vec<Deed> {
        let Some(sight) = sight else {
            return Vec::new();
        };
        let mut deeds = Vec::new();
        for trap in &mut self.traps {
            let is_it = trap.kind.is_none_or(|kind| kind.is(sight))
                && trap.from.is_none_or(|from| from == sight.from);
            if is_it && trap.times > 0 {
                trap.times -= 1;
                deeds.push(trap.deed);
            }
        }
        self.traps.retain(|trap| trap.times > 0);
        deeds
    }

    pub(super) fn do_to(&mut self, number: u32, deed: Deed) {
        match deed {
            Deed::Drop => {
                if let Some(packet) = self.under_way.remove(&number) {
                    self.tell_fate(packet.connection, number, Fate::Drop(Cause::Reader));
                }
            }
            Deed::Delay { by_ms } => {
                let by_ns = u64::from(by_ms) * MS;
                if let Some(packet) = self.under_way.get_mut(&number) {
                    packet.arrives_ns += by_ns;
                    let (arrives_ns, connection) = (packet.arrives_ns, packet.connection);
                    self.due(arrives_ns, number, Next::Arrives);
                    self.tell_fate(connection, number, Fate::Delay { by_ns });
                }
            }
            Deed::Duplicate => self.double(number),
        }
    }

    /// A second one of a packet under way comes right behind it.
    pub(super) fn double(&mut self, number: u32) {
        let Some(packet) = self.under_way.get(&number) else {
            return;
        };
        let second = UnderWay {
            bytes: packet.bytes.clone(),
            arrives_ns: packet.arrives_ns + MS,
            doom: None,
            ..*packet
        };
        self.packets += 1;
        let copy = self.packets;
        let connection = second.connection;
        self.due(second.arrives_ns, copy, Next::Arrives);
        self.under_way.insert(copy, second);
        self.tell_fate(connection, number, Fate::Duplicate { copy });
    }

    pub(super) fn due(&mut self, at_ns: u64, number: u32, next: Next) {
        self.serial += 1;
        self.queue.push(Reverse((at_ns, self.serial, number, next)));
    }

    pub(super) fn tell_fate(&mut self, connection: Option<ConnectionId>, packet: u32, fate: Fate) {
        if !self.shows_packets {
            return;
        }
        let action = Action::Fate { packet, fate };
        self.record(End::Wire, connection, action, None);
    }
}

/// The conversation that a packet belongs to, by the client's port.
fn connection(from: usize, bytes: &[u8]) -> Option<ConnectionId> {
    let summary = Summary::of(Begins::Ip, bytes)?;
    let client = match from {
        0 => summary.source,
        _ => summary.destination,
    };
    connection_of(client.port())
}
