//! What the reader's buttons mean now, as messages to the gateway.

use wire::ToGateway;

use super::super::clients::{Clients, Opening};
use super::super::conversation::{Conversation, number};
use super::super::simulated::Simulated;
use super::{Command, Lab, plays, progress};

impl Lab {
    pub(in crate::state) fn command(&mut self, command: Command) -> Vec<ToGateway> {
        if let Command::Adjust(adjustment) = command {
            self.clients.adjust(adjustment);
        }
        if self.server.is_none() {
            return Vec::new();
        }
        let open = self.open();
        match (command, open) {
            (Command::Connect, open) => {
                let mut say = Vec::new();
                // A connection that the server has ended is let go first.
                if let Some(connection) = open {
                    say.push(ToGateway::Close { connection });
                }
                say.extend(self.ask(Vec::new()));
                say
            }
            (Command::Send(bytes), Some(connection)) => {
                vec![ToGateway::Send { connection, bytes }]
            }
            // A message should arrive without any other step.
            (Command::Send(bytes), None) => self.ask(vec![bytes]),
            (Command::HalfClose, Some(connection)) => vec![ToGateway::ShutDown { connection }],
            (Command::Network(settings), _) => vec![ToGateway::Network(settings)],
            (Command::Trap(trap), _) => vec![ToGateway::Trap(trap)],
            (Command::Close, Some(connection)) => vec![ToGateway::Close { connection }],
            (Command::Reset, Some(connection)) => vec![ToGateway::Reset { connection }],
            (Command::Adjust(adjustment), Some(connection)) => vec![ToGateway::Adjust {
                connection,
                adjustment,
            }],
            // Without a connection there is nothing to close; what is adjusted waits for one.
            (_, None) => Vec::new(),
        }
    }

    /// Asks for a connection, unless one was asked for already.
    pub(super) fn ask(&mut self, mut then: Vec<Vec<u8>>) -> Vec<ToGateway> {
        let client = self.clients.current_mut();
        if let Some(opening) = &mut client.opening {
            opening.then.append(&mut then);
            return Vec::new();
        }
        let request = self.next_request;
        self.next_request += 1;
        client.connection = None;
        if let Some(simulated) = &mut self.simulated {
            simulated.ask(request, client.name.clone());
        }
        let options = client.settings.options.clone();
        client.opening = Some(Opening {
            request,
            then,
            options: options.clone(),
        });
        vec![ToGateway::Open {
            request,
            lesson: self.spec.server.clone(),
            options,
        }]
    }

    pub(super) fn start_over(&mut self) -> Vec<ToGateway> {
        // The goodbyes of what stands belong to what is cleared away.
        let open: Vec<_> = (self.clients.iter())
            .filter_map(|client| Some(self.open_of(client)?.id))
            .collect();
        let mut say = self.let_go();
        if self.simulated.is_some() {
            // Its connections begin anew, too: nothing of them has to be forgotten.
            say = Simulated::restart();
            self.rewind();
        } else {
            for id in open {
                self.forget(id);
            }
        }
        self.clear();
        self.progress = progress(&self.spec, 0);
        self.notice = None;
        self.trial = None;
        self.answers.clear();
        say
    }

    /// Closes every connection of the reader's clients, which begin anew.
    pub(in crate::state) fn let_go(&mut self) -> Vec<ToGateway> {
        let open = (self.clients.iter()).filter_map(|client| self.open_of(client));
        let close = |own: &Conversation| ToGateway::Close {
            connection: number(own.id),
        };
        let say = open.map(close).collect();
        // What was asked for still comes, and is then nobody's.
        self.clients = Clients::new(plays(&self.spec));
        say
    }

    /// What the gateway is to show of this lab's lesson besides calls.
    pub(super) fn look(&self) -> ToGateway {
        ToGateway::Look {
            lesson: self.spec.server.clone(),
            packets: self.looks.packets,
            kernel: self.looks.kernel,
        }
    }
}
