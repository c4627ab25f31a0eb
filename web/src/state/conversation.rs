//! Who talks with the server, and whether they still can.

use wire::event::{Failure, SocketOption};
use wire::{Action, Address, ConnectionId, End, Event, Operation};

/// The most conversations a lab lists; older ones that have ended are forgotten first.
const MAX_CONVERSATIONS: usize = 32;

/// Ids start anew with each gateway. Each session adds this much, so that what is shown of the last
/// one stays apart.
pub(crate) const PER_SESSION: u64 = 1 << 40;

/// The same for sequence numbers, which follow the gateway's clock in ns: 52 days.
pub(crate) const SEQUENCES_PER_SESSION: u64 = 1 << 52;

/// A connection's number as the gateway knows it.
pub(crate) fn number(connection: ConnectionId) -> ConnectionId {
    ConnectionId(connection.0 % PER_SESSION)
}

/// One connection, or the datagrams of one peer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conversation {
    pub(crate) id: ConnectionId,
    /// Whether this page opened it.
    pub(crate) is_own: bool,
    /// Which of the reader's clients it belongs to; `None` is the first.
    pub(crate) name: Option<String>,
    /// What the kernel said last of the options of the client's socket.
    pub(crate) options: Vec<(SocketOption, i64)>,
    /// The client's address.
    pub(crate) client: Option<Address>,
    /// Whether the client's socket is open, as far as was observed.
    pub(crate) is_open: bool,
    /// Whether the client may still write.
    pub(crate) can_write: bool,
    /// Whether the client has read the end of the stream.
    pub(crate) server_ended: bool,
}

impl Conversation {
    pub(crate) fn new(id: ConnectionId, is_own: bool) -> Self {
        Self {
            id,
            is_own,
            name: None,
            options: Vec::new(),
            client: None,
            is_open: true,
            can_write: true,
            server_ended: false,
        }
    }

    fn observe(&mut self, event: &Event) {
        match (event.end, &event.action) {
            (End::Client, Action::Connect { local, .. }) => self.client = Some(local.clone()),
            (End::Server, Action::Accept { peer } | Action::Receive { peer, .. }) => {
                self.client = Some(peer.clone());
            }
            (End::Client, Action::Option { option, value, .. }) => {
                self.options.retain(|(other, _)| other != option);
                self.options.push((*option, *value));
            }
            (End::Client, Action::ShutDown) => self.can_write = false,
            (End::Client, Action::EndOfStream) => self.server_ended = true,
            (End::Client, Action::Close | Action::Reset) => self.is_open = false,
            (
                End::Client,
                Action::Error {
                    operation, kind, ..
                },
            ) if is_fatal(*operation, *kind) => self.is_open = false,
            // Another program's side is not observed; the server's close is all there is to see.
            (End::Server, Action::Close | Action::Reset) if !self.is_own => self.is_open = false,
            _ => {}
        }
    }
}

/// A datagram that failed has closed nothing: there is no connection (RFC 1122, 4.1.3.3).
fn is_fatal(operation: Operation, kind: Failure) -> bool {
    !matches!(operation, Operation::Send | Operation::Receive)
        && matches!(
            kind,
            Failure::Refused | Failure::Reset | Failure::BrokenPipe | Failure::Aborted
        )
}

/// Every conversation of a lab, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conversations(Vec<Conversation>);

impl Conversations {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Conversation> {
        self.0.iter()
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Conversation> {
        self.0.iter().find(|one| one.id == id)
    }

    /// Takes note of an event.
    pub(crate) fn observe(&mut self, event: &Event) {
        if let Some(id) = event.connection {
            // Only this page's clients are observed at their own end.
            self.entry(id, event.end == End::Client).observe(event);
        }
    }

    /// This page opened `id` for its client of this name.
    pub(crate) fn opened(&mut self, id: ConnectionId, name: Option<String>) {
        self.entry(id, true).name = name;
    }

    /// Keeps only other programs' connections that are still open.
    pub(crate) fn start_over(&mut self) {
        self.0.retain(|one| one.is_open && !one.is_own);
    }

    /// The gateway is gone, and every connection with it.
    pub(crate) fn close_all(&mut self) {
        for one in &mut self.0 {
            one.is_open = false;
        }
    }

    fn entry(&mut self, id: ConnectionId, is_own: bool) -> &mut Conversation {
        let index = match self.0.iter().position(|one| one.id == id) {
            Some(index) => index,
            None => {
                if self.0.len() == MAX_CONVERSATIONS {
                    let ended = self.0.iter().position(|one| !one.is_open);
                    self.0.remove(ended.unwrap_or(0));
                }
                self.0.push(Conversation::new(id, is_own));
                self.0.len() - 1
            }
        };
        let conversation = &mut self.0[index];
        conversation.is_own |= is_own;
        conversation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_ends_a_connection_and_not_a_datagram_socket() {
        for (operation, is_open) in [(Operation::Connect, false), (Operation::Receive, true)] {
            let mut conversation = Conversation::new(ConnectionId(1), true);
            conversation.observe(&Event {
                sequence: 1,
                time_ns: 0,
                connection: Some(ConnectionId(1)),
                end: End::Client,
                action: Action::Error {
                    operation,
                    kind: Failure::Refused,
                    message: String::new(),
                },
                worker: None,
                source: None,
            });
            assert_eq!(conversation.is_open, is_open);
        }
    }
}
