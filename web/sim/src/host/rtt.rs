//! Round-trip times and the retransmission timeout (RFC 6298), as smoltcp 0.14 does it: in whole
//! milliseconds.

use super::segments::is_before;

const MIN_RTO_MS: u32 = 1_000;
const MAX_RTO_MS: u32 = 60_000;

/// The smallest part that the variation has in the timeout.
const MIN_MARGIN_MS: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rtt {
    is_measured: bool,
    smoothed_ms: u32,
    variation_ms: u32,
    pub(super) rto_ms: u32,
    /// When something was sent whose acknowledgment is timed, and behind which number.
    timed: Option<(u64, u32)>,
    highest: Option<u32>,
    timeouts: u8,
}

impl Default for Rtt {
    fn default() -> Self {
        Self {
            is_measured: false,
            smoothed_ms: 0,
            variation_ms: 0,
            rto_ms: MIN_RTO_MS,
            timed: None,
            highest: None,
            timeouts: 0,
        }
    }
}

impl Rtt {
    /// The smoothed time and its variation, in ms, once there was a measurement.
    pub(super) fn measured_ms(&self) -> Option<(u32, u32)> {
        self.is_measured
            .then_some((self.smoothed_ms, self.variation_ms))
    }

    /// Something was sent, up to this number.
    pub(super) fn send(&mut self, end: u32, now_us: u64) {
        if self.highest.is_none_or(|highest| is_before(highest, end)) {
            self.highest = Some(end);
            self.timed.get_or_insert((now_us, end));
        }
    }

    /// Something is sent again: what is acknowledged now tells no time (RFC 6298, 3).
    pub(super) fn send_again(&mut self) {
        self.timed = None;
    }

    /// Everything before this number is acknowledged.
    pub(super) fn hear(&mut self, ack: u32, now_us: u64) {
        if let Some((sent_us, end)) = self.timed
            && !is_before(ack, end)
        {
            let took_ms = now_us.saturating_sub(sent_us) / 1_000;
            self.measure(u32::try_from(took_ms).unwrap_or(u32::MAX));
            self.timed = None;
        }
    }

    fn measure(&mut self, took_ms: u32) {
        if self.is_measured {
            let off_ms = self.smoothed_ms.abs_diff(took_ms);
            self.variation_ms = (self.variation_ms * 3 + off_ms).div_ceil(4);
            self.smoothed_ms = (self.smoothed_ms * 7 + took_ms).div_ceil(8);
        } else {
            self.is_measured = true;
            self.smoothed_ms = took_ms;
            self.variation_ms = took_ms / 2;
        }
        let margin_ms = (self.variation_ms * 4).max(MIN_MARGIN_MS);
        self.rto_ms = (self.smoothed_ms + margin_ms).clamp(MIN_RTO_MS, MAX_RTO_MS);
        self.timeouts = 0;
    }

    /// The timeout is over: the next one is longer (RFC 6298, 5.5).
    pub(super) fn time_out(&mut self) {
        self.rto_ms = (self.rto_ms * 2).min(MAX_RTO_MS);
        self.timeouts += 1;
        if self.timeouts >= 3 {
            self.timeouts = 0;
            self.is_measured = false;
        }
    }
}
