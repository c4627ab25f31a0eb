//! What the gateway says: what was observed, and what becomes of the reader's connections.

use wire::session::Asked;
use wire::transfer::Transfers;
use wire::{ConnectionId, Event, ToGateway, ToPage};

use super::super::conversation::{PER_SESSION, SEQUENCES_PER_SESSION};
use super::super::hops::Hops;
use super::super::kernel::Views;
use super::super::packets::Packets;
use super::super::workers::Workers;
use super::{Lab, progress};

/// The most connections that are remembered as cleared away.
const MAX_FORGOTTEN: usize = 64;

impl Lab {
    pub(super) fn offline(&mut self) {
        if self.server.take().is_some() {
            self.trace.push_break();
        }
        self.conversations.close_all();
        self.running.clear();
        self.clients.disconnect();
        self.stats = None;
        self.give_up();
        // Another gateway has another clock: a silence it cannot vouch for does not count.
        self.progress = progress(&self.spec, self.progress.done());
    }

    pub(super) fn message(&mut self, message: ToPage) -> Vec<ToGateway> {
        match message {
            ToPage::Event { event, .. } => self.observe(event),
            ToPage::Gap { count } => {
                self.trace.push_gap(count);
                self.transfers.lose_track();
            }
            ToPage::Opened {
                request,
                connection,
            } => return self.opened(request, connection),
            ToPage::Refused(refused) => match refused.what {
                Asked::Open(request) => {
                    if self.clients.refused(request) {
                        self.notice = Some(refused.why);
                        self.give_up();
                    }
                }
                Asked::Connection(connection) => {
                    if self.clients.has(self.here(connection)) {
                        self.notice = Some(refused.why);
                    }
                }
                Asked::Watch | Asked::Anything => self.notice = Some(refused.why),
            },
            ToPage::Stats { stats, .. } => self.stats = Some(stats),
            ToPage::Lost { packets, .. } => self.trace.push_missed(packets),
            ToPage::Now(now) => {
                let time_ns = now.time_ns;
                if let Some(simulated) = &mut self.simulated {
                    simulated.come_to(now);
                }
                if self.needs_clock() {
                    self.progress.elapse(time_ns);
                    self.try_silence(time_ns);
                }
            }
            ToPage::Rewound => self.rewind(),
            ToPage::Welcome(_) | ToPage::Pong { .. } => {}
        }
        Vec::new()
    }

    pub(in crate::state) fn observe(&mut self, mut event: Event) {
        event.sequence += self.sessions * SEQUENCES_PER_SESSION;
        event.connection = event.connection.map(|connection| self.here(connection));
        let is_forgotten = |id| self.forgotten.contains(&id);
        if event.connection.is_some_and(is_forgotten) {
            return;
        }
        // A sample is nobody's call: it tells neither whose the connection is nor that it is in use.
        if !self.kernel.observe(&event) {
            self.latest = event.connection.or(self.latest);
            self.conversations.observe(&event);
            self.running.observe(&event);
            self.transfers.observe(&event);
            self.hops.observe(&event);
            self.packets.observe(&event);
            self.workers.observe(&event);
        }
        // What happens once more has ticked its steps.
        if let Some(simulated) = &mut self.simulated {
            simulated.observe(&event);
        }
        if !(self.simulated.as_ref()).is_some_and(|simulated| simulated.is_rewinding) {
            self.progress.observe(&event);
            self.try_event(&event);
        }
        let before = self.trace.dropped;
        self.trace.push(event);
        // Forgetting looks at every conversation: it need not be done for each event.
        if self.trace.dropped / 1_024 != before / 1_024
            && let Some(first) = self.trace.first()
        {
            self.transfers.forget_before(first / 2);
            self.packets.forget_before(first / 2);
        }
    }

    pub(super) fn opened(&mut self, request: u32, connection: ConnectionId) -> Vec<ToGateway> {
        let here = self.here(connection);
        let asked = (self.simulated.as_ref()).and_then(|simulated| simulated.asked(request));
        let Some(opened) = self.clients.opened(request, here) else {
            // It is opened once more, in a time that was gone back to.
            if let Some(client) = asked {
                self.latest = Some(here);
                self.clients.reopened(client.as_deref(), here);
                self.conversations.opened(here, client);
                return Vec::new();
            }
            // Asked for before the reader started over, or by another lab of the page.
            let is_ours = request >> 16 == self.next_request >> 16;
            return match is_ours {
                true => {
                    self.forget(here);
                    vec![ToGateway::Close { connection }]
                }
                false => Vec::new(),
            };
        };
        self.latest = Some(here);
        self.conversations.opened(here, opened.name);
        let adjust = |adjustment| ToGateway::Adjust {
            connection,
            adjustment,
        };
        let send = |bytes| ToGateway::Send { connection, bytes };
        let adjustments = opened.adjustments.into_iter().map(adjust);
        let mut say: Vec<_> = adjustments
            .chain(opened.then.into_iter().map(send))
            .collect();
        say.extend(self.go_on());
        say
    }

    /// Nothing was observed.
    pub(super) fn clear(&mut self) {
        self.trace = self.trace.emptied();
        self.trace.filter = None;
        self.packets = Packets::default();
        self.kernel = Views::default();
        self.transfers = Transfers::default();
        self.hops = Hops::default();
        self.workers = Workers::default();
        self.conversations.start_over();
        self.latest = None;
    }

    /// The simulated time goes back: what was observed comes once more, as far as it has happened
    /// in the new present.
    pub(super) fn rewind(&mut self) {
        self.give_up();
        self.conversations.close_all();
        self.clients.disconnect();
        self.running.clear();
        self.clear();
        if let Some(simulated) = &mut self.simulated {
            simulated.rewind();
        }
    }

    pub(super) fn forget(&mut self, connection: ConnectionId) {
        if self.forgotten.len() == MAX_FORGOTTEN {
            self.forgotten.pop_front();
        }
        self.forgotten.push_back(connection);
    }

    /// A connection of the session under way, apart from those of sessions before.
    pub(super) fn here(&self, connection: ConnectionId) -> ConnectionId {
        ConnectionId(connection.0 + self.sessions * PER_SESSION)
    }
}
