//! What the stack says of its sockets.

use smoltcp::socket::tcp::{self, State};
use wire::{Action, Kernel, TcpState};

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
            let now = Some(kernel(socket));
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

fn kernel(socket: &tcp::Socket<'_>) -> Kernel {
    let mut kernel = Kernel::of(state(socket.state()));
    if socket.is_active() {
        let free = socket.recv_capacity() - socket.recv_queue();
        kernel.receive_window = u32::try_from(free).ok();
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
