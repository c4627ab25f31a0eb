//! Reno's congestion control (RFC 5681), as smoltcp 0.14 does it: in bytes, with windows that begin
//! before the size of a segment is known.

/// The size of a segment before the peer has said one, in bytes.
const FIRST_MSS: u32 = 1024;

/// The smallest size of a segment that is believed.
const MIN_MSS: u32 = 48;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reno {
    /// In bytes.
    pub(super) window: u32,
    /// In bytes, once there is one.
    pub(super) threshold: Option<u32>,
    mss: u32,
    /// The largest window that the peer has offered.
    offered: u32,
    is_recovering: bool,
    has_timed_out: bool,
}

impl Default for Reno {
    fn default() -> Self {
        Self {
            window: 2 * FIRST_MSS,
            threshold: None,
            mss: FIRST_MSS,
            offered: 64 * FIRST_MSS,
            is_recovering: false,
            has_timed_out: false,
        }
    }
}

impl Reno {
    /// The peer has said how large a segment may be.
    pub(super) fn set_mss(&mut self, mss: Option<u32>) {
        if let Some(mss) = mss.filter(|mss| *mss > 0) {
            self.mss = mss.max(MIN_MSS);
        }
    }

    /// The window, in segments. One may always be sent, though it may have to be a short one: a
    /// window that shrank before the peer has said its size is smaller than a whole one.
    pub(super) fn segments(&self) -> u32 {
        (self.window / self.mss).max(1)
    }

    /// The threshold, in segments.
    pub(super) fn threshold_segments(&self) -> Option<u32> {
        self.threshold.map(|threshold| threshold / self.mss)
    }

    /// So many bytes, in segments.
    pub(super) fn segments_of(&self, bytes: u32) -> u32 {
        bytes.div_ceil(self.mss)
    }

    pub(super) fn offer(&mut self, window: u32) {
        self.offered = self.offered.max(window);
    }

    /// So many bytes were acknowledged.
    pub(super) fn hear(&mut self, acked: usize) {
        let acked = u32::try_from(acked).unwrap_or(u32::MAX);
        if acked == 0 {
            return;
        }
        self.has_timed_out = false;
        if self.is_recovering {
            self.is_recovering = false;
            self.window = self.threshold.unwrap_or(self.window);
            return;
        }
        let more = match self.threshold {
            Some(threshold) if self.window >= threshold => {
                (self.mss * self.mss / self.window).max(1)
            }
            _ => acked.min(self.mss),
        };
        self.grow(more);
    }

    /// A duplicate acknowledgment has come.
    pub(super) fn hear_again(&mut self) {
        if self.is_recovering {
            self.grow(self.mss);
        }
    }

    /// What seems lost is sent again at once; so much is under way.
    pub(super) fn lose(&mut self, flight: u32) {
        if !self.is_recovering {
            let threshold = (flight / 2).max(2 * self.mss);
            self.threshold = Some(threshold);
            self.window = threshold.min(self.offered).saturating_add(3 * self.mss);
            self.is_recovering = true;
        }
    }

    /// Nothing was heard for too long; so much is under way.
    pub(super) fn time_out(&mut self, flight: u32) {
        if !self.has_timed_out {
            self.threshold = Some((flight / 2).max(2 * self.mss));
            self.has_timed_out = true;
        }
        self.window = self.mss;
        self.is_recovering = false;
    }

    fn grow(&mut self, by: u32) {
        let window = self.window.saturating_add(by);
        self.window = window.min(self.offered).max(self.mss);
    }
}
