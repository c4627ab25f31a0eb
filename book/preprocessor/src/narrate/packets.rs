//! Packets in sentences: what each says, what it means among those before it, what became of it.

use std::collections::HashMap;

use wire::event::{Action, Event};
use wire::flows::{Flows, Sight};
use wire::packet::{Cause, Fate, Packet};
use wire::trace::Part;
use wire::words::PacketWords;

/// What each packet means among those before it, by the sequence of its event.
pub(super) fn sights(part: &Part) -> HashMap<u64, Sight> {
    let mut flows = Flows::default();
    let mut sights = HashMap::new();
    for event in &part.events {
        if let Some(sight) = flows.observe(event)
            && matches!(event.action, Action::Packet(_))
        {
            sights.insert(event.sequence, sight);
        }
    }
    sights
}

/// A packet, and what became of it if that is known, in the lower case.
pub(super) fn on_the_wire(
    part: &Part,
    event: &Event,
    packet: &Packet,
    sights: &HashMap<u64, Sight>,
) -> String {
    let marks = sights.get(&event.sequence).map(|sight| &sight.marks);
    let words = PacketWords::of(packet, marks);
    let mut sentence = format!("wire, from the {}: {}", packet.from, words.kind);
    for (_, name, number) in &words.numbers {
        sentence.push_str(&format!(", {name} {number}"));
    }
    for meaning in &words.meanings {
        sentence.push_str(&format!(", <em>{meaning}</em>"));
    }
    let fates = part.events.iter().filter_map(|later| match later.action {
        Action::Fate { packet: of, fate } if of == packet.number => Some((later.time_ns, fate)),
        _ => None,
    });
    for (time_ns, fate) in fates {
        let ms = time_ns.saturating_sub(event.time_ns) / 1_000_000;
        let fate = match fate {
            Fate::Arrive => format!("arrived after {ms} ms"),
            Fate::Drop(Cause::Chance) => "lost".to_owned(),
            Fate::Drop(Cause::Queue) => "lost: the queue was full".to_owned(),
            Fate::Drop(Cause::Size) => "lost: too large for the link".to_owned(),
            Fate::Drop(Cause::Reader) => "dropped on purpose".to_owned(),
            Fate::Delay { by_ns } => format!("held back {} ms", by_ns / 1_000_000),
            Fate::Duplicate { .. } => "doubled on the way".to_owned(),
            Fate::Corrupt => "damaged on the way".to_owned(),
        };
        sentence.push_str(&format!("; {fate}"));
    }
    sentence.push('.');
    sentence
}
