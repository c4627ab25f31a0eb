//! Following what the stack sends and gets, and mending it.

use std::mem;
use std::net::SocketAddr;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{self, State};
use smoltcp::time::Instant;
use wire::packet::{Flags, Link, Summary};

use super::segments::{self, Segments, Taken};
use super::{Host, Tcp, address};

impl Host {
    /// The socket that is, or was, between these addresses.
    pub(super) fn tcp_between(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<&mut Tcp> {
        let between = Some((local, remote));
        self.tcp.iter_mut().rev().find(|tcp| tcp.between == between)
    }

    /// Lets the stack take the next packet that came.
    pub(super) fn take_next(&mut self, now: Instant) {
        let packet = self.device.received.front().map_or(&[][..], Vec::as_slice);
        let summary = Summary::of(Link::Ip, packet);
        let offer = segments::max_segment_size(packet);
        let is_bare = summary
            .as_ref()
            .is_some_and(|summary| summary.sequence_length() == 0);
        let bare = is_bare.then(|| packet.to_vec());
        let place = summary.as_ref().and_then(|summary| {
            let (local, remote) = (summary.destination, summary.source);
            let between = Some((local, remote));
            let place = self.tcp.iter().rposition(|tcp| tcp.between == between);
            // A SYN comes to one that listens.
            place.or_else(|| {
                let handle = self.listens_at(local.port())?;
                self.tcp.iter().position(|tcp| tcp.handle == handle)
            })
        });
        let before = place.map(|place| self.queues(place));
        self.interface
            .poll_ingress_single(now, &mut self.device, &mut self.sockets);
        if let (Some(summary), Some(place), Some(before)) = (summary, place, before)
            && let Some(segment) = summary.tcp()
        {
            let after = self.queues(place);
            let taken = Taken {
                acked: before.0.saturating_sub(after.0),
                received: after.1.saturating_sub(before.1),
                is_end: !before.2 && after.2,
                offer,
            };
            let (length, payload) = (summary.sequence_length(), summary.payload_length);
            let segments = &mut self.tcp[place].segments;
            let now_us = self.now_ns / 1_000;
            segments.take(segment, length, payload, taken, now_us);
            if bare.is_some() && !segment.flags.has(Flags::RST) {
                self.tcp[place].heard = bare;
            }
        }
        self.mind_addresses();
        self.follow_sent();
    }

    /// What a socket has to send, and to read, and whether the peer's FIN has come.
    pub(super) fn queues(&self, place: usize) -> (usize, usize, bool) {
        let socket = self.sockets.get::<tcp::Socket<'_>>(self.tcp[place].handle);
        let has_ended = matches!(
            socket.state(),
            State::CloseWait | State::LastAck | State::Closing | State::TimeWait
        );
        (socket.send_queue(), socket.recv_queue(), has_ended)
    }

    /// The socket that waits for a SYN at a port.
    pub(super) fn listens_at(&self, port: u16) -> Option<SocketHandle> {
        let listener = self.listeners.iter().find(|one| one.port == port)?;
        let mut waiting = listener.waiting.iter().copied();
        waiting.find(|handle| self.sockets.get::<tcp::Socket<'_>>(*handle).is_listening())
    }

    /// Takes note of what the stack has sent, and mends it.
    pub(super) fn follow_sent(&mut self) {
        let now_us = self.now_ns / 1_000;
        for mut packet in mem::take(&mut self.device.sent) {
            let summary = Summary::of(Link::Ip, &packet);
            let is_sent = match &summary {
                Some(summary) if let Some(segment) = summary.tcp() => {
                    let tcp = self.tcp_between(summary.source, summary.destination);
                    let length = summary.sequence_length();
                    tcp.is_none_or(|tcp| tcp.segments.send(segment, length, now_us, &mut packet))
                }
                _ => true,
            };
            if is_sent {
                self.sent.push(packet);
            }
        }
    }

    /// Takes note of who talks to whom.
    pub(super) fn mind_addresses(&mut self) {
        for tcp in &mut self.tcp {
            let socket = self.sockets.get::<tcp::Socket<'_>>(tcp.handle);
            let (local, remote) = (socket.local_endpoint(), socket.remote_endpoint());
            if let Some(between) = local.zip(remote) {
                tcp.between = Some((address(between.0), address(between.1)));
            } else if socket.is_listening() && tcp.between.is_some() {
                // It was reset before it was accepted, and is another's next.
                tcp.between = None;
                tcp.segments = Segments::default();
            }
        }
    }

    /// When sockets are to be nudged that have something under way and do not wait for its
    /// acknowledgment.
    ///
    /// A segment that smoltcp 0.14 sends again after duplicate acknowledgments may reach beyond the
    /// peer's window. When the peer then closes its window, the retransmission timer makes way for
    /// that of window probes, and when it opens the window again nothing sends the rest.
    pub(super) fn finds_stalled(&mut self, stack: Option<u64>) -> Option<u64> {
        /// No retransmission timer runs for longer (RFC 6298, 2.5).
        const LONGEST_NS: u64 = 61_000_000_000;
        const NUDGE_NS: u64 = 1_000_000_000;
        const MAX_NUDGES: u8 = 20;
        if stack.is_some_and(|at_ns| at_ns <= self.now_ns + LONGEST_NS) {
            return None;
        }
        let mut is_any = false;
        for tcp in &mut self.tcp {
            let is_active = self.sockets.get::<tcp::Socket<'_>>(tcp.handle).is_active();
            let waits = tcp.segments.flight() > 0 && tcp.segments.send_window > 0;
            if is_active && waits && tcp.nudges < MAX_NUDGES && tcp.heard.is_some() {
                tcp.is_stalled = true;
                is_any = true;
            }
        }
        is_any.then_some(self.now_ns + NUDGE_NS)
    }

    /// Lets stalled sockets hear the last acknowledgment three times again, as they would from a
    /// peer to which something came out of order: then they send again.
    pub(super) fn nudge(&mut self) {
        for tcp in self.tcp.iter_mut().filter(|tcp| tcp.is_stalled) {
            tcp.is_stalled = false;
            tcp.nudges += 1;
            for _ in 0..3 {
                self.device.received.extend(tcp.heard.clone());
            }
        }
    }
}
