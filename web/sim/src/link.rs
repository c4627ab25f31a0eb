//! The link between the two hosts: how long a packet takes, and what becomes of it.

use std::collections::VecDeque;

use wire::NetworkSettings;
use wire::packet::Cause;

use crate::dice::Dice;

/// Nanoseconds in a millisecond.
pub(crate) const MS: u64 = 1_000_000;

/// How long a packet is held back so that a later one overtakes it.
const OVERTAKE_NS: u64 = 30 * MS;

/// What the link does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// It does not take it.
    Refused(Cause),
    /// It takes it.
    Taken(Taken),
}

/// What becomes of a packet on the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// When it comes to the other end.
    pub(crate) arrives_ns: u64,
    /// By how much later than those around it, if it is held back.
    pub(crate) held_ns: u64,
    /// Whether it is lost on the way.
    pub(crate) is_lost: bool,
    /// Whether it comes twice.
    pub(crate) is_doubled: bool,
    /// Which of its bits changes, counted from its first.
    pub(crate) flipped_bit: Option<usize>,
}

/// One direction.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// Which of the two it is: dice differ.
    way: usize,
    /// How many packets it was given.
    count: u64,
    /// When each packet that waits, or is being sent, will have left, in order.
    departures_ns: VecDeque<u64>,
    /// When the last one that was not held back arrives: on one line nobody overtakes.
    last_ns: u64,
}

impl Link {
    pub(crate) fn new(way: usize) -> Self {
        Self {
            way,
            ..Self::default()
        }
    }

    /// Gives the link a packet of so many bytes.
    pub(crate) fn take(&mut self, settings: &NetworkSettings, length: usize, now_ns: u64) -> Way {
        let mut dice = Dice::of(settings.seed, self.way, self.count);
        self.count += 1;
        while self.departures_ns.front().is_some_and(|at| *at <= now_ns) {
            self.departures_ns.pop_front();
        }
        if length > usize::from(settings.mtu) {
            return Way::Refused(Cause::Size);
        }
        // One is being sent, the others wait.
        if self.departures_ns.len() > usize::from(settings.queue_packets) {
            return Way::Refused(Cause::Queue);
        }
        let free_ns = self.departures_ns.back().copied().unwrap_or(now_ns);
        let departs_ns = match settings.bandwidth_kbit {
            0 => now_ns,
            // 1 kbit/s is 1 bit each ms.
            kbit => free_ns + (length as u64 * 8 * MS).div_ceil(kbit.into()),
        };
        if settings.bandwidth_kbit > 0 {
            self.departures_ns.push_back(departs_ns);
        }
        let is_lost = dice.hits(settings.loss_percent);
        let is_doubled = dice.hits(settings.duplicate_percent);
        let is_held = dice.hits(settings.reorder_percent);
        let is_corrupt = dice.hits(settings.corrupt_percent);
        let jitter_ns = dice.up_to(u64::from(settings.jitter_ms) * MS);
        let bits = (length * 8).saturating_sub(1) as u64;
        let bit = usize::try_from(dice.up_to(bits)).unwrap_or(0);
        let usual_ns = departs_ns + u64::from(settings.delay_ms) * MS + jitter_ns;
        let in_order_ns = usual_ns.max(self.last_ns);
        let held_ns = if is_held { OVERTAKE_NS } else { 0 };
        if !is_held {
            self.last_ns = in_order_ns;
        }
        Way::Taken(Taken {
            arrives_ns: in_order_ns + held_ns,
            held_ns,
            is_lost,
            is_doubled,
            flipped_bit: is_corrupt.then_some(bit),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As by default, with a short queue.
    fn plain() -> NetworkSettings {
        NetworkSettings {
            queue_packets: 4,
            ..NetworkSettings::default()
        }
    }

    fn arrival(way: Way) -> u64 {
        match way {
            Way::Taken(taken) => taken.arrives_ns,
            Way::Refused(cause) => panic!("refused: {cause:?}"),
        }
    }

    #[test]
    fn a_plain_link_takes_its_time_and_nothing_else() {
        let mut link = Link::new(0);
        for now_ns in [0, 7, 7, 100] {
            let way = link.take(&plain(), 1500, now_ns);
            let expected = Taken {
                arrives_ns: now_ns + 50 * MS,
                held_ns: 0,
                is_lost: false,
                is_doubled: false,
                flipped_bit: None,
            };
            assert_eq!(way, Way::Taken(expected));
        }
    }

    #[test]
    fn bandwidth_lets_one_packet_through_after_the_other_and_the_queue_is_finite() {
        let settings = NetworkSettings {
            bandwidth_kbit: 8,
            ..plain()
        };
        let mut link = Link::new(0);
        // 8 kbit/s is a byte each ms.
        for number in 1..=5 {
            let at = arrival(link.take(&settings, 100, 0));
            assert_eq!(at, (number * 100 + 50) * MS);
        }
        assert_eq!(link.take(&settings, 100, 0), Way::Refused(Cause::Queue));
        // The first has left.
        let at = arrival(link.take(&settings, 100, 100 * MS));
        assert_eq!(at, 650 * MS);
    }

    #[test]
    fn what_is_larger_than_the_mtu_is_not_taken() {
        let mut link = Link::new(0);
        assert_eq!(link.take(&plain(), 1501, 0), Way::Refused(Cause::Size));
    }

    #[test]
    fn jitter_keeps_the_order_and_reordering_does_not() {
        let jitter = NetworkSettings {
            jitter_ms: 40,
            ..plain()
        };
        let mut link = Link::new(0);
        let at: Vec<u64> = (0..100)
            .map(|number| arrival(link.take(&jitter, 40, number * MS)))
            .collect();
        assert!(at.is_sorted());
        assert!(at.iter().any(|at| *at > 90 * MS));
        let reorder = NetworkSettings {
            reorder_percent: 20,
            ..plain()
        };
        let mut link = Link::new(0);
        let at: Vec<u64> = (0..100)
            .map(|number| arrival(link.take(&reorder, 40, number * MS)))
            .collect();
        assert!(!at.is_sorted());
    }

    #[test]
    fn more_loss_leaves_the_others_as_they_were() {
        let mut fates = [10, 40].map(|loss_percent| {
            let settings = NetworkSettings {
                loss_percent,
                duplicate_percent: 20,
                corrupt_percent: 20,
                ..plain()
            };
            let mut link = Link::new(1);
            (0..1000).map(move |_| link.take(&settings, 1000, 0))
        });
        let [less, more] = &mut fates;
        let mut lost = [0; 2];
        for (less, more) in less.zip(more) {
            let (Way::Taken(less), Way::Taken(more)) = (less, more) else {
                panic!("refused");
            };
            lost[0] += u32::from(less.is_lost);
            lost[1] += u32::from(more.is_lost);
            let is_lost = more.is_lost;
            assert_eq!(Taken { is_lost, ..less }, more);
        }
        assert!((60..140).contains(&lost[0]), "{lost:?}");
        assert!((350..450).contains(&lost[1]), "{lost:?}");
    }
}
