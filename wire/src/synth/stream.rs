//! One TCP connection, told in segments.

use std::net::{IpAddr, SocketAddr};

use super::headers::{self, Segment, flag};
use super::talks::Talk;
use crate::event::{Action, ConnectionId, End, Event, Failure, Operation};

/// What fits into one packet of Ethernet: 1500 bytes less the headers (RFC 9293, 3.7.1).
const MSS_V4: usize = 1_460;
const MSS_V6: usize = 1_440;

/// The first sequence numbers: far apart, and easy to subtract.
const FIRST: [u32; 2] = [1_000_000_000, 2_000_000_000];

/// How the window is scaled, and the window: 8 MB, more than any lab leaves unread.
const SCALE: u8 = 7;
const WINDOW: u16 = u16::MAX;

/// A connection; of each pair, the client's is first.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    ends: [SocketAddr; 2],
    /// The sequence number of the next byte of each end.
    next: [u32; 2],
    written: [u64; 2],
    read: [u64; 2],
    has_begun: bool,
    is_reset: bool,
    /// Has sent FIN.
    has_ended: [bool; 2],
    /// Takes no more.
    is_closed: [bool; 2],
    packets: Vec<Vec<u8>>,
}

impl Stream {
    pub(super) fn new(id: ConnectionId, ends: [SocketAddr; 2]) -> Self {
        Self {
            ends,
            next: FIRST.map(|first| first.wrapping_add((id.0 as u32).wrapping_mul(100_000))),
            written: [0; 2],
            read: [0; 2],
            has_begun: false,
            is_reset: false,
            has_ended: [false; 2],
            is_closed: [false; 2],
            packets: Vec::new(),
        }
    }

    /// The packets of an event at one of the two ends.
    pub(super) fn next(&mut self, event: &Event, talk: &Talk) -> Vec<Vec<u8>> {
        let (own, peer_end) = match event.end {
            End::Client => (0, End::Server),
            _ => (1, End::Client),
        };
        let peer = 1 - own;
        let is_peer_watched = talk.is_watched(peer_end);
        match &event.action {
            Action::Connect { .. } | Action::Accept { .. } => self.open(),
            Action::Write(data) => {
                self.written[own] += data.bytes.len() as u64;
                self.data(own, &data.bytes);
            }
            Action::Read(data) => {
                self.read[own] += data.bytes.len() as u64;
                if !is_peer_watched {
                    self.data(peer, &data.bytes);
                }
            }
            Action::EndOfStream if !is_peer_watched => self.finish(peer),
            Action::ShutDown => self.finish(own),
            Action::Close => {
                // Closing on bytes that nobody has read resets (RFC 9293, 3.6; RFC 2525, 2.17).
                if is_peer_watched && self.written[peer] > self.read[own] {
                    self.reset(own);
                } else {
                    self.finish(own);
                }
                self.is_closed[own] = true;
            }
            Action::Reset => {
                self.reset(own);
                self.is_closed[own] = true;
            }
            Action::Error {
                operation: Operation::Connect,
                kind,
                ..
            } => self.fail(*kind),
            Action::Cancel {
                operation: Operation::Connect,
            } => self.fail(Failure::TimedOut),
            Action::Error {
                operation: Operation::Read | Operation::Write,
                kind: Failure::Reset | Failure::BrokenPipe,
                ..
            } => self.reset(peer),
            _ => {}
        }
        std::mem::take(&mut self.packets)
    }

    /// The three packets of the handshake (RFC 9293, 3.5).
    fn open(&mut self) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        self.synchronize(0, flag::SYN);
        self.synchronize(1, flag::SYN | flag::ACK);
        self.send(0, flag::ACK, &[]);
    }

    fn synchronize(&mut self, from: usize, flags: u8) {
        let mss = (self.mss() as u16).to_be_bytes();
        let options = [2, 4, mss[0], mss[1], 1, 3, 3, SCALE];
        self.push(from, flags, WINDOW, &options, &[]);
        self.next[from] = self.next[from].wrapping_add(1);
    }

    /// A connection that never stood.
    fn fail(&mut self, kind: Failure) {
        if std::mem::replace(&mut self.has_begun, true) {
            return;
        }
        self.synchronize(0, flag::SYN);
        if kind == Failure::Refused {
            self.next[1] = 0;
            self.push(1, flag::RST | flag::ACK, 0, &[], &[]);
            self.is_reset = true;
        }
    }

    fn data(&mut self, from: usize, bytes: &[u8]) {
        let to = 1 - from;
        let mss = self.mss();
        let pieces = bytes.chunks(mss).len();
        for (piece, number) in bytes.chunks(mss).zip(1..) {
            let push = if number == pieces { flag::PSH } else { 0 };
            self.send(from, flag::ACK | push, piece);
        }
        if self.is_closed[to] {
            self.reset(to);
        } else if !self.is_reset && !bytes.is_empty() {
            self.send(to, flag::ACK, &[]);
        }
    }

    /// FIN and its acknowledgement, once.
    fn finish(&mut self, from: usize) {
        if self.is_reset || std::mem::replace(&mut self.has_ended[from], true) {
            return;
        }
        self.send(from, flag::FIN | flag::ACK, &[]);
        self.next[from] = self.next[from].wrapping_add(1);
        self.send(1 - from, flag::ACK, &[]);
    }

    fn reset(&mut self, from: usize) {
        if !std::mem::replace(&mut self.is_reset, true) {
            self.push(from, flag::RST | flag::ACK, 0, &[], &[]);
        }
    }

    fn send(&mut self, from: usize, flags: u8, data: &[u8]) {
        self.push(from, flags, WINDOW, &[], data);
        self.next[from] = self.next[from].wrapping_add(data.len() as u32);
    }

    fn push(&mut self, from: usize, flags: u8, window: u16, options: &[u8], data: &[u8]) {
        let to = 1 - from;
        let acknowledgement = match flags & flag::ACK {
            0 => 0,
            _ => self.next[to],
        };
        let segment = Segment {
            sequence: self.next[from],
            acknowledgement,
            flags,
            window,
            options,
            data,
        };
        let packet = headers::tcp(self.ends[from], self.ends[to], &segment);
        self.packets.extend(packet);
    }

    fn mss(&self) -> usize {
        match self.ends[0].ip() {
            IpAddr::V4(_) => MSS_V4,
            IpAddr::V6(_) => MSS_V6,
        }
    }
}
