//! Chance that can be thrown again.

/// Dice that show the same for the same seed and place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dice {
    seed: u64,
    place: u64,
}

/// How many dice each packet has, used or not.
const DICE: u64 = 8;

impl Dice {
    /// Those of the packet with this number in this direction. Each packet has its own, whatever
    /// the link does: turning up the loss leaves the fate of those that are not lost as it was.
    pub(crate) fn of(seed: u64, way: usize, number: u64) -> Self {
        let packet = number.wrapping_mul(2).wrapping_add(way as u64);
        Self {
            seed,
            place: packet.wrapping_mul(DICE),
        }
    }

    /// The next one: SplitMix64 (Steele, Lea and Flood, 2014).
    pub(crate) fn throw(&mut self) -> u64 {
        self.place = self.place.wrapping_add(1);
        let step = self.place.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed.wrapping_add(step);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Whether the next one hits, so many times of a hundred.
    pub(crate) fn hits(&mut self, percent: u8) -> bool {
        self.throw() % 100 < u64::from(percent)
    }

    /// The next one as a number from 0 to `most`.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        self.throw() % most.saturating_add(1)
    }
}
