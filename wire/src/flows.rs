//! What a packet means among those before it: relative numbers, what is sent again, what is a
//! duplicate. Only what the packets themselves show; nothing is asked of the ends.

mod kind;

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::event::{Action, End, Event};
use crate::packet::{Carries, Fate, Flags, Packet, Segment, Summary};
pub use kind::Kind;

/// How many connections are told apart; the one begun first is forgotten.
const MAX_FLOWS: usize = 64;

/// How many packets are remembered whose fate is still to come; the oldest is forgotten.
const MAX_UNDER_WAY: usize = 8_192;

/// A packet, and what it means among those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Who sent it.
    pub from: End,
    /// What its headers say.
    pub summary: Summary,
    /// What it means.
    pub marks: Marks,
}

impl Sight {
    /// Whether it takes no sequence number: neither data nor SYN nor FIN.
    fn is_bare(&self) -> bool {
        self.summary.sequence_length() == 0
    }
}

/// What a packet means among those before it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Sequence number, counted from the initial one, or from the first that was seen.
    pub seq: u32,
    /// Acknowledgment number, counted likewise.
    pub ack: Option<u32>,
    /// The window that the sender offers, in bytes, scaled where both SYNs were seen (RFC 7323, 2).
    pub window: u32,
    /// How many bytes of this direction are sent and not acknowledged, this packet's among them.
    pub in_flight: u32,
    /// All of its sequence numbers had been sent before.
    pub retransmission: bool,
    /// It acknowledges nothing new while data is under way: the how-many-eth in a row, 0 for none
    /// (RFC 5681, 2).
    pub duplicate_ack: u16,
    /// Its sender takes nothing more (RFC 9293, 3.8.6.1).
    pub zero_window: bool,
    /// It only tells of a larger window.
    pub window_update: bool,
    /// It only asks whether the peer is still there, or takes something again (RFC 9293, 3.8.6.1
    /// and 3.8.4).
    pub probe: bool,
    /// It came while one before it was missing. Told of its arrival in a simulated network; of a
    /// captured packet, when something before it was not captured.
    pub out_of_order: bool,
}

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
struct Half {
    /// The number that is shown as 0.
    base: Option<u32>,
    /// Behind the highest number sent.
    next: u32,
    /// What this side has acknowledged last.
    acked: Option<u32>,
    window: u32,
    shift: Option<u8>,
    duplicates: u16,
    /// Behind the highest number that came to the other end with nothing missing before it.
    arrived: Option<u32>,
    /// What came to the other end beyond that, as (first, behind last), in order.
    beyond: Vec<(u32, u32)>,
}

/// The packets of one pair of addresses.
#[derive(Clone, Debug)]
struct Flow {
    first: SocketAddr,
    second: SocketAddr,
    is_tcp: bool,
    halves: [Half; 2],
}

/// A packet whose fate may come.
#[derive(Clone, Debug)]
struct UnderWay {
    number: u32,
    sight: Sight,
    /// What its sender had offered before it.
    former_window: u32,
}

/// Follows packets, of any number of connections, in the order of their time.
#[derive(Clone, Debug, Default)]
pub struct Flows {
    flows: VecDeque<Flow>,
    /// Packets whose fate may come.
    under_way: VecDeque<UnderWay>,
}

impl Flows {
    /// What this event tells of a packet; `None` if it tells of none, or of none that is known.
    pub fn observe(&mut self, event: &Event) -> Option<Sight> {
        match &event.action {
            Action::Packet(packet) => self.packet(packet),
            Action::Fate { packet, fate } => self.fate(*packet, *fate),
            _ => None,
        }
    }

    /// The same of a packet that is about to leave.
    pub fn packet(&mut self, packet: &Packet) -> Option<Sight> {
        let summary = Summary::of(packet.link, &packet.bytes)?;
        let mut former_window = 0;
        let marks = match &summary.carries {
            Carries::Tcp(segment) => {
                let (flow, way) = self.flow(&summary);
                former_window = flow.halves[way].window;
                flow.segment(way, segment, &summary)
            }
            _ => Marks::default(),
        };
        let sight = Sight {
            from: packet.from,
            summary,
            marks,
        };
        self.remember(UnderWay {
            number: packet.number,
            sight: sight.clone(),
            former_window,
        });
        Some(sight)
    }

    fn fate(&mut self, number: u32, fate: Fate) -> Option<Sight> {
        let is_it = |packet: &UnderWay| packet.number == number;
        let place = self.under_way.iter().rposition(is_it)?;
        let packet = self.under_way[place].clone();
        let mut sight = packet.sight.clone();
        match fate {
            Fate::Duplicate { copy } => self.remember(UnderWay {
                number: copy,
                ..packet
            }),
            Fate::Drop(_) => {
                self.under_way.remove(place);
                // Nobody has heard of the larger window: what comes now may be a probe.
                if sight.marks.window_update {
                    let (flow, way) = self.flow(&sight.summary);
                    flow.halves[way].window = packet.former_window;
                }
            }
            Fate::Arrive => {
                self.under_way.remove(place);
                sight.marks.out_of_order = false;
                if sight.summary.tcp().is_some() {
                    let (flow, way) = self.flow(&sight.summary);
                    sight.marks.out_of_order = flow.halves[way].arrive(&sight.summary);
                }
            }
            Fate::Delay { .. } | Fate::Corrupt => {}
        }
        Some(sight)
    }

    fn remember(&mut self, packet: UnderWay) {
        if self.under_way.len() == MAX_UNDER_WAY {
            self.under_way.pop_front();
        }
        self.under_way.push_back(packet);
    }

    /// The flow that the packet belongs to, and which of its halves sent it.
    fn flow(&mut self, summary: &Summary) -> (&mut Flow, usize) {
        let (source, destination) = (summary.source, summary.destination);
        let is_new = summary
            .tcp()
            .is_some_and(|segment| segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK));
        let found = self.flows.iter().rposition(|flow| {
            flow.is_tcp
                && ((flow.first, flow.second) == (source, destination)
                    || (flow.second, flow.first) == (source, destination))
        });
        let place = match found {
            // The same pair may be used again: another SYN begins anew, one sent again does not.
            Some(place) if !(is_new && self.flows[place].is_over(summary)) => place,
            _ => {
                if self.flows.len() == MAX_FLOWS {
                    self.flows.pop_front();
                }
                self.flows.push_back(Flow {
                    first: source,
                    second: destination,
                    is_tcp: true,
                    halves: [Half::default(), Half::default()],
                });
                self.flows.len() - 1
            }
        };
        let flow = &mut self.flows[place];
        let way = usize::from(flow.first != source);
        (flow, way)
    }
}

impl Flow {
    /// Whether a SYN is of another connection than the one that is known.
    fn is_over(&self, summary: &Summary) -> bool {
        let way = usize::from(self.first != summary.source);
        let seq = summary.tcp().map(|segment| segment.seq);
        self.halves[way].base.is_some() && self.halves[way].base != seq
    }

    fn segment(&mut self, way: usize, segment: &Segment, summary: &Summary) -> Marks {
        let length = summary.sequence_length();
        let flags = segment.flags;
        let (is_syn, is_ack) = (flags.has(Flags::SYN), flags.has(Flags::ACK));
        let is_plain = !is_syn && !flags.has(Flags::FIN) && !flags.has(Flags::RST);
        let [own, peer] = match &mut self.halves {
            [own, peer] if way == 0 => [own, peer],
            [peer, own] => [own, peer],
        };
        if is_syn {
            own.shift = segment.window_shift;
        }
        // The window of a SYN is never scaled, and no other is unless both offered it (RFC 7323, 2.2).
        let window = match (is_syn, own.shift, peer.shift) {
            (false, Some(shift), Some(_)) => u32::from(segment.window) << shift,
            _ => u32::from(segment.window),
        };
        let is_first = own.base.is_none();
        let base = *own.base.get_or_insert(match is_syn {
            true => segment.seq,
            // Without its SYN the first byte that is seen has number 1, as after a handshake.
            false => segment.seq.wrapping_sub(1),
        });
        if is_first {
            own.next = segment.seq;
        }
        let end = segment.seq.wrapping_add(length);
        let mut marks = Marks {
            seq: segment.seq.wrapping_sub(base),
            window,
            ..Marks::default()
        };
        let awaits_window = peer.acked.is_some() && peer.window == 0;
        marks.probe = is_plain
            && !is_first
            && match summary.payload_length {
                0 => segment.seq == own.next.wrapping_sub(1),
                1 => segment.seq == own.next.wrapping_sub(1) || awaits_window,
                _ => false,
            };
        marks.retransmission = !marks.probe
            && !is_first
            && length > 0
            && !is_before(own.next, end)
            && is_before(segment.seq, own.next);
        marks.out_of_order = !is_first && is_before(own.next, segment.seq) && length > 0;
        if is_before(own.next, end) && !flags.has(Flags::RST) {
            own.next = end;
        }
        if is_ack {
            // Its side may not have been heard yet: then it begins with what is acknowledged.
            if peer.base.is_none() {
                peer.base = Some(segment.ack.wrapping_sub(1));
                peer.next = segment.ack;
            }
            let peer_base = peer.base.unwrap_or(segment.ack);
            marks.ack = Some(segment.ack.wrapping_sub(peer_base));
            let is_same = own.acked == Some(segment.ack);
            let has_outstanding = is_before(segment.ack, peer.next);
            let is_bare = is_plain && length == 0 && !marks.probe;
            if is_same && is_bare && window == own.window && has_outstanding {
                own.duplicates = own.duplicates.saturating_add(1);
                marks.duplicate_ack = own.duplicates;
            } else if !is_same {
                own.duplicates = 0;
            }
            marks.window_update = is_same && is_bare && window > own.window;
            if own.acked.is_none_or(|acked| is_before(acked, segment.ack)) {
                own.acked = Some(segment.ack);
            }
            own.window = window;
        }
        marks.zero_window = window == 0 && is_plain;
        let acked = peer.acked.unwrap_or(base);
        marks.in_flight = match is_before(acked, own.next) {
            true => own.next.wrapping_sub(acked),
            false => 0,
        };
        marks
    }
}

impl Half {
    /// Takes note of what came to the other end; whether something before it is missing.
    fn arrive(&mut self, summary: &Summary) -> bool {
        let Some(segment) = summary.tcp() else {
            return false;
        };
        let length = summary.sequence_length();
        let end = segment.seq.wrapping_add(length);
        let is_syn = segment.flags.has(Flags::SYN);
        let arrived = *self.arrived.get_or_insert(match (is_syn, self.base) {
            (false, Some(base)) => base.wrapping_add(1),
            _ => segment.seq,
        });
        if length == 0 {
            return false;
        }
        if is_before(arrived, segment.seq) {
            if self.beyond.len() < MAX_FLOWS {
                let at = self
                    .beyond
                    .partition_point(|(first, _)| is_before(*first, segment.seq));
                self.beyond.insert(at, (segment.seq, end));
            }
            return true;
        }
        let mut arrived = match is_before(arrived, end) {
            true => end,
            false => arrived,
        };
        // What had come early may now follow without a gap.
        self.beyond.retain(|(first, behind)| {
            let follows = !is_before(arrived, *first);
            if follows && is_before(arrived, *behind) {
                arrived = *behind;
            }
            !follows
        });
        self.arrived = Some(arrived);
        false
    }
}

/// Whether sequence number `one` is before `other`, modulo 2^32 (RFC 9293, 3.4).
fn is_before(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) < 0
}
