//! What an operating system does by itself: a socket that listens, connections without a program,
//! and patience that ends.

use std::mem;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{self, State};

use super::{BACKLOG, BUFFER_BYTES, Buffers, DATA_PATIENCE, Host, PROBE_PATIENCE, SYN_PATIENCE};

impl Host {
    /// One socket of each listener listens, if there is room for more connections.
    pub(super) fn mind_listeners(&mut self) {
        for place in 0..self.listeners.len() {
            let listener = &mut self.listeners[place];
            let sockets = &self.sockets;
            let state = |handle: &SocketHandle| sockets.get::<tcp::Socket<'_>>(*handle).state();
            // Reset before it was accepted, or again as it was before its SYN.
            let mut is_listening = false;
            let gone: Vec<SocketHandle> = listener
                .waiting
                .iter()
                .copied()
                .filter(|handle| match state(handle) {
                    State::Closed => true,
                    State::Listen => std::mem::replace(&mut is_listening, true),
                    _ => false,
                })
                .collect();
            listener.waiting.retain(|handle| !gone.contains(handle));
            let is_full = listener.waiting.len() >= BACKLOG;
            let (port, receive) = (listener.port, listener.receive_buffer);
            for handle in gone {
                self.remove(handle);
            }
            if !is_listening && !is_full {
                let send = BUFFER_BYTES;
                let handle = self.add_tcp(Buffers { receive, send });
                // Fails for the port 0 alone.
                let _ = self.socket(handle).listen(port);
                let listener = &mut self.listeners[place];
                let is_spare = mem::replace(&mut listener.has_listened, true);
                listener.waiting.push(handle);
                if let Some(tcp) = self.tcp.last_mut() {
                    tcp.is_spare = is_spare;
                }
            }
        }
    }

    /// What no program has any more ends by itself; whether something is to be sent for that.
    pub(super) fn mind_orphans(&mut self) -> bool {
        let mut is_changed = false;
        let mut gone = Vec::new();
        for tcp in self.tcp.iter().filter(|tcp| tcp.is_orphan) {
            let socket = self.sockets.get_mut::<tcp::Socket<'_>>(tcp.handle);
            if socket.state() != State::Closed && socket.recv_queue() > 0 {
                socket.abort();
                is_changed = true;
            }
            // One that still has its addresses has RST to send.
            if socket.state() == State::Closed && socket.remote_endpoint().is_none() {
                gone.push(tcp.handle);
            }
        }
        for handle in gone {
            self.remove(handle);
        }
        is_changed
    }

    /// A peer that does not answer is given up, but silence alone is no reason.
    pub(super) fn mind_patience(&mut self) {
        for tcp in &self.tcp {
            let socket = self.sockets.get_mut::<tcp::Socket<'_>>(tcp.handle);
            let awaits_answer = socket.send_queue() > 0;
            let is_kept_alive = socket.keep_alive().is_some();
            socket.set_timeout(match socket.state() {
                State::SynSent | State::SynReceived => Some(SYN_PATIENCE),
                State::FinWait1 | State::Closing | State::LastAck => Some(DATA_PATIENCE),
                State::Established | State::CloseWait if awaits_answer => Some(DATA_PATIENCE),
                State::Established | State::CloseWait if is_kept_alive => Some(PROBE_PATIENCE),
                _ => None,
            });
        }
    }
}
