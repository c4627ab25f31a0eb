//! What is known of a connection from the segments that it sends and gets.
//!
//! smoltcp keeps its round-trip times and its congestion window to itself. Both follow from the
//! segments and the clock by the rules of RFC 6298 and RFC 5681, so they are computed here alongside;
//! a test compares them with what smoltcp has.

use smoltcp::wire::{Ipv4Packet, TcpOption, TcpPacket, TcpSeqNumber};
use wire::packet::{Flags, Segment};

use super::reno::Reno;
use super::rtt::Rtt;

/// The segments of one socket.
#[derive(Clone, Debug, Default)]
pub(super) struct Segments {
    /// Behind the highest number sent: SND.NXT of RFC 9293, 3.3.1.
    next: Option<u32>,
    /// Something but a SYN was sent.
    has_answered: bool,
    /// SND.UNA of RFC 9293, 3.3.1.
    unacked: u32,
    /// Behind the last number sent: less than `next` while what was lost is sent again.
    sent: u32,
    last_ack: Option<u32>,
    duplicates: u8,
    /// The third duplicate acknowledgment has come.
    fast: bool,
    /// RCV.NXT of RFC 9293, 3.3.1, once the peer's first number is known.
    expected: Option<u32>,
    pub(super) send_window: u32,
    pub(super) mss: Option<u32>,
    pub(super) reno: Reno,
    pub(super) rtt: Rtt,
    pub(super) retransmits: u32,
    /// How often in a row it waited in vain.
    pub(super) backoff: u32,
    pub(super) bytes_acked: u64,
    pub(super) bytes_received: u64,
}

/// What a segment that came has changed at its socket.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    /// How many bytes it acknowledged.
    pub(super) acked: usize,
    /// How many bytes there are more to read.
    pub(super) received: usize,
    /// Whether the peer's FIN was taken.
    pub(super) is_end: bool,
    /// What a SYN said of the largest segment.
    pub(super) offer: Option<u32>,
}

impl Segments {
    /// A segment is to be sent, which takes so many numbers; whether it is.
    ///
    /// One that has heard nothing from its peer gives up without a word (RFC 9293, 3.10.5).
    ///
    /// An acknowledgment has SND.NXT as its sequence number (RFC 9293, 3.10.7.4). When smoltcp 0.14
    /// sends data again, it counts from there anew, and the acknowledgments that it sends meanwhile
    /// are too old for a peer that has all of that data. Two such ends would not hear each other
    /// any more.
    pub(super) fn send(
        &mut self,
        segment: &Segment,
        length: u32,
        now_us: u64,
        packet: &mut [u8],
    ) -> bool {
        let flags = segment.flags;
        if flags.has(Flags::RST) {
            return !flags.has(Flags::ACK) || self.has_answered;
        }
        self.has_answered |= flags.has(Flags::ACK);
        if self.next.is_none() {
            (self.unacked, self.sent) = (segment.seq, segment.seq);
        }
        let end = segment.seq.wrapping_add(length);
        let next = self.next.unwrap_or(segment.seq);
        let is_old = !is_before(next, end);
        self.next = Some(if is_old { next } else { end });
        // What asks whether the window is open again, or whether the peer is there, counts as nothing.
        let is_plain = !flags.has(Flags::SYN) && !flags.has(Flags::FIN);
        let is_probe = is_plain && length == 1 && self.send_window == 0
            || is_before(segment.seq, self.unacked);
        if length > 0 && !is_probe {
            self.count(segment.seq, end, is_old, now_us);
        }
        if length == 0 && is_plain && segment.seq != next && is_old {
            renumber(packet, next);
        }
        true
    }

    fn count(&mut self, seq: u32, end: u32, is_old: bool, now_us: u64) {
        self.retransmits += u32::from(is_old);
        if seq == self.unacked && self.sent != self.unacked {
            match std::mem::take(&mut self.fast) {
                true => self.reno.lose(self.flight()),
                false => {
                    self.reno.time_out(self.flight());
                    self.rtt.time_out();
                    self.sent = self.unacked;
                    self.backoff += 1;
                }
            }
            self.rtt.send_again();
        }
        if is_before(self.sent, end) {
            self.sent = end;
        }
        self.rtt.send(end, now_us);
    }

    /// A segment has come, and the socket did this with it.
    pub(super) fn take(
        &mut self,
        segment: &Segment,
        length: u32,
        payload: u32,
        taken: Taken,
        now_us: u64,
    ) {
        let flags = segment.flags;
        let is_syn = flags.has(Flags::SYN);
        if flags.has(Flags::RST) || (is_syn && self.expected.is_some()) {
            return;
        }
        let is_taken = is_syn || self.is_acceptable(segment.seq, length);
        if is_syn {
            self.expected = Some(segment.seq.wrapping_add(1));
            self.mss = taken.offer;
            self.reno.set_mss(self.mss);
        }
        let received = u32::try_from(taken.received).unwrap_or(0);
        self.bytes_received += u64::from(received);
        let taken_numbers = received + u32::from(taken.is_end);
        self.expected = self.expected.map(|next| next.wrapping_add(taken_numbers));
        if !is_taken {
            return;
        }
        if flags.has(Flags::ACK) {
            if is_before(segment.ack, self.unacked) {
                return;
            }
        } else if !is_syn {
            return;
        }
        let window = u32::from(segment.window);
        let is_update = window != self.send_window;
        self.send_window = window;
        self.reno.offer(window);
        if !flags.has(Flags::ACK) {
            return;
        }
        self.bytes_acked += taken.acked as u64;
        let is_same = self.last_ack == Some(segment.ack);
        if payload == 0 && is_same && is_before(segment.ack, self.sent) && !is_update {
            self.duplicates = self.duplicates.saturating_add(1);
            self.fast |= self.duplicates == 3;
            self.reno.hear_again();
        } else {
            self.duplicates = 0;
            self.last_ack = Some(segment.ack);
            self.rtt.hear(segment.ack, now_us);
            self.reno.hear(taken.acked);
        }
        if segment.ack != self.unacked {
            self.backoff = 0;
        }
        self.unacked = segment.ack;
        if is_before(self.sent, self.unacked) {
            self.sent = self.unacked;
        }
        if self.sent == self.unacked {
            self.fast = false;
        }
    }

    /// Whether any of its numbers is one that is awaited (RFC 9293, 3.10.7.4).
    fn is_acceptable(&self, seq: u32, length: u32) -> bool {
        let Some(expected) = self.expected else {
            return false;
        };
        let end = seq.wrapping_add(length);
        !is_before(seq, expected) || length > 0 && is_before(expected, end)
    }

    /// How many numbers were sent and not acknowledged.
    pub(super) fn flight(&self) -> u32 {
        self.sent.wrapping_sub(self.unacked)
    }
}

/// Whether sequence number `one` is before `other`, modulo 2^32 (RFC 9293, 3.4).
pub(super) fn is_before(one: u32, other: u32) -> bool {
    (one.wrapping_sub(other) as i32) < 0
}

/// Gives a segment another sequence number.
fn renumber(packet: &mut [u8], seq: u32) {
    let Ok(mut packet) = Ipv4Packet::new_checked(packet) else {
        return;
    };
    let (source, destination) = (packet.src_addr().into(), packet.dst_addr().into());
    if let Ok(mut segment) = TcpPacket::new_checked(packet.payload_mut()) {
        segment.set_seq_number(TcpSeqNumber(seq as i32));
        segment.fill_checksum(&source, &destination);
    }
}

/// What a SYN, or no other, says of the largest segment (RFC 9293, 3.7.1).
pub(super) fn max_segment_size(packet: &[u8]) -> Option<u32> {
    let packet = Ipv4Packet::new_checked(packet).ok()?;
    let segment = TcpPacket::new_checked(packet.payload()).ok()?;
    let mut options = segment.options();
    while !options.is_empty() {
        let (rest, option) = TcpOption::parse(options).ok()?;
        if let TcpOption::MaxSegmentSize(bytes) = option {
            return Some(bytes.into());
        }
        options = rest;
    }
    None
}
