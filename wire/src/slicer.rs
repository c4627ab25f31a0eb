//! Where a slicer cuts what is sent.

/// How short pieces may be at most while little waits, in bytes.
const SHORT_BYTES: u64 = 8;

/// Cuts a stream of bytes into pieces. The same seed cuts the same stream alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slicer {
    state: u64,
}

impl Slicer {
    /// Where the sequence of lengths begins.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The length of the next piece when `waiting` bytes wait: 1 to 8, or up to a quarter of them,
    /// so that much is cut into few pieces; 0 if nothing waits.
    pub fn next_length(&mut self, waiting: usize) -> usize {
        if waiting == 0 {
            return 0;
        }
        let longest = SHORT_BYTES.max(waiting as u64 / 4);
        let length = 1 + self.next_number() % longest;
        usize::try_from(length).map_or(waiting, |length| length.min(waiting))
    }

    /// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
    fn next_number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
