//! What the stack says of its sockets.

use smoltcp::socket::tcp::{self, State};
use wire::{Action, Kernel, TcpState};

use super::segments::Segments;
use super::{CLIENT, Host, Told, connection_of};

/// The last sample of a socket.
#[derive(Debug, Default)]
pub(super) struct Sampled(Option<Kernel>);

impl Host {
    /// Tells the sockets of which there is something new to say.
    pub(super) fn sample(&mut self) {
        if !self.is_sampled {
            return;
        }
        for tcp in &mut self.tcp {
            let socket = self.sockets.get::<tcp::Socket<'_>>(tcp.handle);
            let now = Some(kernel(socket, &tcp.segments));
            // That another socket listens, for the next connection, is not news of the program's.
            let is_spare = socket.is_listening() && tcp.is_spare;
            let is_known = tcp.sampled.0.is_some() || socket.is_open();
            if now == tcp.sampled.0 || !is_known || is_spare {
                continue;
            }
            let client = match self.address {
                CLIENT => socket.local_endpoint(),
                _ => socket.remote_endpoint(),
            };
            // A socket that is closed has forgotten whose it was.
            if let Some(client) = client {
                tcp.connection = connection_of(client.port);
            }
            tcp.sampled.0.clone_from(&now);
            self.told.extend(now.map(|kernel| Told {
                connection: tcp.connection,
                action: Action::Kernel(kernel),
                by_task: None,
                source: None,
            }));
        }
    }
}

fn kernel(socket: &tcp::Socket<'_>, segments: &Segments) -> Kernel {
    let mut kernel = Kernel::of(state(socket.state()));
    if !socket.is_active() {
        return kernel;
    }
    let free = socket.recv_capacity() - socket.recv_queue();
    kernel.receive_window = u32::try_from(free).ok();
    kernel.rto_us = Some(segments.rtt.rto_ms * 1_000);
    if let Some((smoothed_ms, variation_ms)) = segments.rtt.measured_ms() {
        kernel.rtt_us = Some(smoothed_ms * 1_000);
        kernel.rttvar_us = Some(variation_ms * 1_000);
    }
    let flight = segments.flight();
    kernel.unacked = Some(segments.reno.segments_of(flight));
    kernel.retransmits = Some(segments.retransmits);
    kernel.backoff = Some(segments.backoff);
    if segments.mss.is_some() {
        kernel.mss = segments.mss;
        kernel.cwnd = Some(segments.reno.segments());
        kernel.ssthresh = segments.reno.threshold_segments();
        kernel.send_window = Some(segments.send_window);
        let written = u32::try_from(socket.send_queue()).unwrap_or(u32::MAX);
        kernel.not_sent = Some(written.saturating_sub(flight));
        kernel.bytes_acked = Some(segments.bytes_acked);
        kernel.bytes_received = Some(segments.bytes_received);
    }
    kernel
}

fn state(state: State) -> TcpState {
    match state {
        State::Closed => TcpState::Closed,
        State::Listen => TcpState::Listen,
        State::SynSent => TcpState::SynSent,
        State::SynReceived => TcpState::SynReceived,
        State::Established => TcpState::Established,
        State::FinWait1 => TcpState::FinWait1,
        State::FinWait2 => TcpState::FinWait2,
        State::CloseWait => TcpState::CloseWait,
        State::Closing => TcpState::Closing,
        State::LastAck => TcpState::LastAck,
        State::TimeWait => TcpState::TimeWait,
    }
}

#[cfg(test)]
mod tests;
