//! What is known of a connection from the segments that it sends.

use smoltcp::wire::{Ipv4Packet, TcpPacket, TcpSeqNumber};
use wire::packet::{Flags, Segment};

/// The segments that one socket has sent.
#[derive(Debug, Default)]
pub(super) struct Segments {
    /// Behind the highest number sent: SND.NXT of RFC 9293, 3.3.1.
    next: Option<u32>,
    /// Something but a SYN was sent.
    has_answered: bool,
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
    pub(super) fn send(&mut self, segment: &Segment, length: u32, packet: &mut [u8]) -> bool {
        let flags = segment.flags;
        if flags.has(Flags::RST) && flags.has(Flags::ACK) && !self.has_answered {
            return false;
        }
        self.has_answered |= flags.has(Flags::ACK);
        let end = segment.seq.wrapping_add(length);
        let next = match self.next {
            Some(next) if !flags.has(Flags::SYN) => next,
            _ => end,
        };
        let is_old = end.wrapping_sub(next) as i32 <= 0;
        self.next = Some(if is_old { next } else { end });
        let is_plain = !flags.has(Flags::SYN) && !flags.has(Flags::RST);
        if length == 0 && is_plain && segment.seq != next && is_old {
            renumber(packet, next);
        }
        true
    }
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
