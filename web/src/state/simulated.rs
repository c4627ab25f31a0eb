//! A lab's simulated network: what is under way, by name, and where both ends are in the life of
//! their connection.

use std::collections::VecDeque;

use wire::flows::{Flows, Kind, Sight};
use wire::packet::Fate;
use wire::session::{Flight, Now, Time};
use wire::{Action, End, Event, NetworkSettings, TcpState, ToGateway};

/// The most packets whose names are remembered; more are not drawn at once.
const MAX_NAMES: usize = 512;

/// The most packets that are drawn at once.
const MAX_CHIPS: usize = 48;

/// The most connections that were asked for and are remembered.
const MAX_ASKED: usize = 64;

/// Into how many tracks the packets of one direction are spread.
const TRACKS: u32 = 2;

/// Packets of one track are apart by at least this part of the way.
const APART: u64 = 6;

/// How fast time can pass, in thousandths of the reader's, with the words for it.
pub(crate) const SPEEDS: [(u32, &str); 7] = [
    (10, "1/100"),
    (20, "1/50"),
    (50, "1/20"),
    (100, "1/10"),
    (250, "1/4"),
    (1_000, "1"),
    (10_000, "10"),
];

/// A packet by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    number: u32,
    from: End,
    sent_ns: u64,
    /// E.g. `data`.
    pub(crate) kind: &'static str,
    /// E.g. `1–1461`; may be empty.
    pub(crate) detail: String,
    track: u32,
}

/// A packet that will not arrive, and where it was then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lost {
    flight: Flight,
    at_ns: u64,
}

/// A packet as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chip {
    pub(crate) number: u32,
    pub(crate) from: End,
    /// How far it is on its way, in thousandths.
    pub(crate) way: u32,
    /// Until it arrives, in ns.
    pub(crate) left_ns: u64,
    pub(crate) track: u32,
    pub(crate) is_lost: bool,
}

/// The simulated network of a lab.
#[derive(Clone, Debug, Default)]
pub(crate) struct Simulated {
    /// The present; `None` before the simulator runs.
    pub(crate) now: Option<Now>,
    flows: Flows,
    names: VecDeque<Name>,
    lost: VecDeque<Lost>,
    /// Of the connection that was heard of last: the client's and the server's.
    pub(crate) states: [Option<TcpState>; 2],
    /// Which client asked for which connection.
    asked: VecDeque<(u32, Option<String>)>,
    /// What happened before comes once more.
    pub(super) is_rewinding: bool,
}

impl Simulated {
    /// What is said when the simulator is there.
    pub(super) fn greet(lab: &wire::Lab) -> Vec<ToGateway> {
        let lesson = lab.server.clone();
        let permille = speed_for(lab.network.unwrap_or_default());
        let speed = ToGateway::Time(Time::Speed { permille });
        vec![ToGateway::Watch { lesson }, speed]
    }

    /// What is said to begin anew.
    pub(super) fn restart() -> Vec<ToGateway> {
        vec![ToGateway::Time(Time::Restart), ToGateway::Time(Time::Run)]
    }

    /// Everything that was observed comes once more, up to the new present.
    pub(super) fn rewind(&mut self) {
        let asked = std::mem::take(&mut self.asked);
        *self = Self {
            now: self.now.take(),
            asked,
            is_rewinding: true,
            ..Self::default()
        };
        if let Some(now) = &mut self.now {
            now.flights.clear();
        }
    }

    /// Notes who asks for a connection.
    pub(super) fn ask(&mut self, request: u32, client: Option<String>) {
        if self.asked.len() == MAX_ASKED {
            self.asked.pop_front();
        }
        self.asked.push_back((request, client));
    }

    /// Who asked for this connection.
    pub(super) fn asked(&self, request: u32) -> Option<Option<String>> {
        let found = self.asked.iter().find(|(other, _)| *other == request);
        found.map(|(_, client)| client.clone())
    }

    pub(super) fn observe(&mut self, event: &Event) {
        if let Action::Kernel(kernel) = &event.action {
            match event.end {
                End::Client => self.states[0] = Some(kernel.state),
                End::Server => self.states[1] = Some(kernel.state),
                End::Relay | End::Wire => {}
            }
        }
        let sight = self.flows.observe(event);
        match (&event.action, sight) {
            (Action::Packet(packet), Some(sight)) => {
                self.name(packet.number, &sight, event.time_ns);
            }
            (Action::Fate { packet, fate }, sight) => match (fate, sight) {
                (Fate::Duplicate { copy }, Some(sight)) => {
                    self.name(*copy, &sight, event.time_ns);
                }
                (Fate::Drop(_), sight) => self.lose(*packet, sight.as_ref(), event.time_ns),
                _ => {}
            },
            _ => {}
        }
    }

    fn name(&mut self, number: u32, sight: &Sight, sent_ns: u64) {
        let gap_ns = u64::from(self.delay_ms()) * 1_000_000 / APART;
        let mut before = self.names.iter().rev();
        let near = before.find(|name| name.from == sight.from);
        let near = near.filter(|name| name.sent_ns + gap_ns > sent_ns);
        let track = near.map_or(0, |name| (name.track + 1) % TRACKS);
        if self.names.len() == MAX_NAMES {
            self.names.pop_front();
        }
        let (kind, detail) = words(sight);
        self.names.push_back(Name {
            number,
            from: sight.from,
            sent_ns,
            kind,
            detail,
            track,
        });
    }

    fn delay_ms(&self) -> u16 {
        let now = self.now.as_ref();
        now.map_or(0, |now| now.network.delay_ms).max(10)
    }

    fn lose(&mut self, number: u32, sight: Option<&Sight>, at_ns: u64) {
        let flights = self.now.iter().flat_map(|now| &now.flights);
        let known = flights.copied().find(|flight| flight.packet == number);
        let flight = known.or_else(|| {
            // Lost before the page was told that it left.
            sight.map(|sight| Flight {
                packet: number,
                from: sight.from,
                sent_ns: at_ns,
                arrives_ns: at_ns,
            })
        });
        if self.lost.len() == MAX_CHIPS {
            self.lost.pop_front();
        }
        self.lost
            .extend(flight.map(|flight| Lost { flight, at_ns }));
    }

    /// Takes note of the present.
    pub(super) fn come_to(&mut self, now: Now) {
        let linger_ns = u64::from(self.delay_ms()) * 1_000_000;
        let is_fresh = |lost: &Lost| lost.at_ns + linger_ns > now.time_ns;
        self.lost.retain(is_fresh);
        self.is_rewinding = false;
        self.now = Some(now);
    }

    /// The packets to draw, in the order in which they left.
    pub(crate) fn chips(&self) -> Vec<Chip> {
        let Some(now) = &self.now else {
            return Vec::new();
        };
        let chip = |flight: &Flight, at_ns: u64, is_lost: bool| {
            let whole = flight.arrives_ns.saturating_sub(flight.sent_ns);
            let gone = at_ns.saturating_sub(flight.sent_ns);
            let way = (gone.min(whole) * 1_000).checked_div(whole);
            Chip {
                number: flight.packet,
                from: flight.from,
                way: way.unwrap_or(500) as u32,
                left_ns: flight.arrives_ns.saturating_sub(at_ns),
                track: self.named(flight.packet).map_or(0, |name| name.track),
                is_lost,
            }
        };
        let lost = self.lost.iter();
        let flights = now.flights.iter().filter(|flight| {
            let mut lost = self.lost.iter();
            lost.all(|lost| lost.flight.packet != flight.packet)
        });
        let mut chips: Vec<Chip> = flights
            .map(|flight| chip(flight, now.time_ns, false))
            .collect();
        for lost in lost {
            let at = chips.partition_point(|chip| chip.number < lost.flight.packet);
            chips.insert(at, chip(&lost.flight, lost.at_ns, true));
        }
        chips.truncate(MAX_CHIPS);
        chips
    }

    /// What a packet is called.
    pub(crate) fn named(&self, number: u32) -> Option<&Name> {
        self.names.iter().rev().find(|name| name.number == number)
    }
}

/// The speed at which a packet is a second or more under way.
fn speed_for(network: NetworkSettings) -> u32 {
    let crossing_ms = u32::from(network.delay_ms.max(1));
    let mut speeds = SPEEDS.iter().rev().map(|(permille, _)| *permille);
    let is_slow = |permille: &u32| *permille <= 1_000 && crossing_ms * 1_000 / permille >= 1_000;
    speeds.find(is_slow).unwrap_or(SPEEDS[0].0)
}

/// What kind of packet it is, and its numbers.
fn words(sight: &Sight) -> (&'static str, String) {
    const KINDS: [Kind; 8] = [
        Kind::Rst,
        Kind::SynAck,
        Kind::Syn,
        Kind::Fin,
        Kind::Data,
        Kind::Udp,
        Kind::Icmp,
        Kind::Ack,
    ];
    let kind = KINDS.into_iter().find(|kind| kind.is(sight));
    let marks = &sight.marks;
    let length = sight.summary.payload_length;
    let detail = match kind {
        Some(Kind::Data) => {
            let last = marks.seq.wrapping_add(length).wrapping_sub(1);
            [&marks.seq.to_string(), "–", &last.to_string()].concat()
        }
        Some(Kind::Ack) => marks.ack.map_or(String::new(), |ack| ack.to_string()),
        Some(Kind::Udp) => [&length.to_string(), " bytes"].concat(),
        _ => String::new(),
    };
    (Kind::word(kind), detail)
}

#[cfg(test)]
#[path = "simulated_tests.rs"]
mod tests;
