//! The reader's clients: each has a connection of its own, and ways of its own.

use wire::event::SocketOption;
use wire::session::{Adjustment, RelaySettings};
use wire::{ConnectionId, Play};

/// The most clients of one lab.
pub(crate) const MAX_CLIENTS: usize = 12;

/// How a client behaves beyond what it sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// What was asked for, each option once.
    pub(crate) options: Vec<(SocketOption, i64)>,
    /// The seed of the slicer, while it is on.
    pub(crate) slicer: Option<u64>,
    /// Whether it has stopped reading.
    pub(crate) is_paused: bool,
    /// How long it waits for an answer, in ms.
    pub(crate) deadline: Option<u32>,
    /// What the relay does to its datagrams.
    pub(crate) relay: RelaySettings,
}

impl Settings {
    /// What was asked for last of an option.
    pub(crate) fn asked(&self, option: SocketOption) -> Option<i64> {
        let found = self.options.iter().find(|(other, _)| *other == option);
        found.map(|(_, value)| *value)
    }

    fn take(&mut self, adjustment: Adjustment) {
        match adjustment {
            Adjustment::Option(option, value) => {
                self.options.retain(|(other, _)| *other != option);
                self.options.push((option, value));
            }
            Adjustment::Slicer(seed) => self.slicer = seed,
            Adjustment::Reading(reads) => self.is_paused = !reads,
            Adjustment::Deadline(deadline) => self.deadline = deadline,
            Adjustment::Relay(relay) => self.relay = relay,
        }
    }

    /// What a new connection has to be told. Options are not among it: they come before it.
    fn adjustments(&self) -> Vec<Adjustment> {
        let slicer = self.slicer.map(|seed| Adjustment::Slicer(Some(seed)));
        let paused = self.is_paused.then_some(Adjustment::Reading(false));
        let deadline = self.deadline.map(|ms| Adjustment::Deadline(Some(ms)));
        let relay = (self.relay != RelaySettings::default()).then_some(self.relay);
        let relay = relay.map(Adjustment::Relay);
        [slicer, paused, deadline, relay]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// One of the reader's clients.
#[derive(Clone, Debug, Default)]
pub(crate) struct Client {
    /// `None` is the reader's first one.
    pub(crate) name: Option<String>,
    pub(crate) settings: Settings,
    /// Its connection, whether or not that still stands.
    pub(super) connection: Option<ConnectionId>,
    pub(super) opening: Option<Opening>,
}

/// A connection that was asked for, and what to send when it stands.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    pub(super) request: u32,
    pub(super) then: Vec<Vec<u8>>,
    /// What it was asked for with; what is set later must be told.
    pub(super) options: Vec<(SocketOption, i64)>,
}

/// A connection that stands.
pub(super) struct Opened {
    /// Of its client.
    pub(super) name: Option<String>,
    /// What it is told first.
    pub(super) adjustments: Vec<Adjustment>,
    /// What waited for it.
    pub(super) then: Vec<Vec<u8>>,
}

/// All of the reader's clients; there is always one.
#[derive(Clone, Debug)]
pub(crate) struct Clients {
    all: Vec<Client>,
    chosen: usize,
}

impl Clients {
    /// The first client and those that the chapter names.
    pub(crate) fn new<'a>(plays: impl Iterator<Item = &'a Play>) -> Self {
        let mut clients = Self {
            all: vec![Client::default()],
            chosen: 0,
        };
        for play in plays {
            if let Some(name) = &play.client {
                clients.named(name);
            }
        }
        clients
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Client> {
        self.all.iter()
    }

    /// Which one the composer speaks for.
    pub(crate) fn chosen(&self) -> usize {
        self.chosen
    }

    /// The one that the composer speaks for.
    pub(crate) fn current(&self) -> &Client {
        // The index is always one of these.
        &self.all[self.chosen]
    }

    pub(super) fn current_mut(&mut self) -> &mut Client {
        &mut self.all[self.chosen]
    }

    pub(super) fn choose(&mut self, index: usize) {
        self.chosen = index.min(self.all.len() - 1);
    }

    /// Chooses the client of this name; there is one from now on.
    pub(crate) fn choose_named(&mut self, name: Option<&str>) {
        self.chosen = name.map_or(0, |name| self.named(name));
    }

    /// Adds a client named by the first letter that is free, and chooses it.
    pub(super) fn add(&mut self) {
        let is_free = |name: &String| self.all.iter().all(|one| one.name.as_ref() != Some(name));
        let mut names = ('b'..='z').map(String::from);
        if let Some(name) = names.find(is_free) {
            self.chosen = self.named(&name);
        }
    }

    fn named(&mut self, name: &str) -> usize {
        let is_it = |client: &Client| client.name.as_deref() == Some(name);
        match self.all.iter().position(is_it) {
            Some(index) => index,
            None if self.all.len() < MAX_CLIENTS => {
                self.all.push(Client {
                    name: Some(name.to_owned()),
                    ..Client::default()
                });
                self.all.len() - 1
            }
            None => 0,
        }
    }

    /// Notes an adjustment of the chosen client.
    pub(super) fn adjust(&mut self, adjustment: Adjustment) {
        self.current_mut().settings.take(adjustment);
    }

    /// The connection that was asked for by `request` has this id from now on.
    pub(super) fn opened(&mut self, request: u32, connection: ConnectionId) -> Option<Opened> {
        let client = self.asking(request)?;
        let opening = client.opening.take()?;
        client.connection = Some(connection);
        let mut adjustments = client.settings.adjustments();
        let options = client.settings.options.iter();
        let later = options.filter(|option| !opening.options.contains(option));
        adjustments.extend(later.map(|(option, value)| Adjustment::Option(*option, *value)));
        Some(Opened {
            name: client.name.clone(),
            adjustments,
            then: opening.then,
        })
    }

    /// The client of this name has this connection once more.
    pub(super) fn reopened(&mut self, name: Option<&str>, connection: ConnectionId) {
        let mut all = self.all.iter_mut();
        if let Some(client) = all.find(|client| client.name.as_deref() == name) {
            client.connection = Some(connection);
        }
    }

    /// The connection that was asked for by `request` is refused; `false` if none of these asked.
    pub(super) fn refused(&mut self, request: u32) -> bool {
        self.asking(request)
            .and_then(|client| client.opening.take())
            .is_some()
    }

    /// Whether one of these has this connection.
    pub(super) fn has(&self, connection: ConnectionId) -> bool {
        self.all
            .iter()
            .any(|one| one.connection == Some(connection))
    }

    /// Whether one of these waits for its connection.
    pub(super) fn are_opening(&self) -> bool {
        self.all.iter().any(|one| one.opening.is_some())
    }

    /// Every connection is gone; the ways of the clients stay.
    pub(super) fn disconnect(&mut self) {
        for client in &mut self.all {
            client.connection = None;
            client.opening = None;
        }
    }

    fn asking(&mut self, request: u32) -> Option<&mut Client> {
        let asks = |client: &&mut Client| {
            let opening = client.opening.as_ref();
            opening.is_some_and(|opening| opening.request == request)
        };
        self.all.iter_mut().find(asks)
    }
}

#[cfg(test)]
mod tests {
    use wire::event::SocketOption;
    use wire::session::{Adjustment, RelaySettings};
    use wire::{ConnectionId, Play};

    use super::{Clients, MAX_CLIENTS, Opening};

    fn clients(plays: &[&str]) -> Clients {
        let plays: Vec<Play> = plays.iter().map(|play| play.parse().unwrap()).collect();
        Clients::new(plays.iter())
    }

    fn names(clients: &Clients) -> Vec<Option<&str>> {
        clients.iter().map(|one| one.name.as_deref()).collect()
    }

    #[test]
    fn the_chapter_names_clients_and_the_reader_adds_more_up_to_a_limit() {
        let mut clients = clients(&["connect", "c: connect", "c: send \"x\"", "b: connect"]);
        assert_eq!(names(&clients), [None, Some("c"), Some("b")]);
        assert_eq!(clients.chosen(), 0);
        clients.add();
        assert_eq!(clients.current().name.as_deref(), Some("d"));
        for _ in 0..50 {
            clients.add();
        }
        assert_eq!(clients.iter().count(), MAX_CLIENTS);
        clients.choose_named(Some("c"));
        assert_eq!(clients.chosen(), 1);
        clients.choose(99);
        assert_eq!(clients.chosen(), MAX_CLIENTS - 1);
    }

    #[test]
    fn a_new_connection_is_told_the_ways_of_its_client() {
        let mut clients = clients(&["b: connect"]);
        let relay = RelaySettings {
            loss_percent: 30,
            ..RelaySettings::default()
        };
        clients.choose(1);
        for adjustment in [
            Adjustment::Option(SocketOption::NoDelay, 0),
            Adjustment::Option(SocketOption::NoDelay, 1),
            Adjustment::Slicer(Some(7)),
            Adjustment::Slicer(None),
            Adjustment::Reading(false),
            Adjustment::Relay(relay),
        ] {
            clients.adjust(adjustment);
        }
        let settings = &clients.current().settings;
        assert_eq!(settings.options, [(SocketOption::NoDelay, 1)]);
        clients.current_mut().opening = Some(Opening {
            request: 5,
            then: vec![b"x".to_vec()],
            options: vec![(SocketOption::NoDelay, 1)],
        });
        clients.adjust(Adjustment::Option(SocketOption::Linger, 0));
        assert!(clients.opened(6, ConnectionId(1)).is_none());
        let opened = clients.opened(5, ConnectionId(1)).unwrap();
        assert_eq!(opened.name.as_deref(), Some("b"));
        let expected = [
            Adjustment::Reading(false),
            Adjustment::Relay(relay),
            Adjustment::Option(SocketOption::Linger, 0),
        ];
        assert_eq!(opened.adjustments, expected);
        assert_eq!(opened.then, [b"x".to_vec()]);
        assert!(clients.has(ConnectionId(1)));
        clients.disconnect();
        assert!(!clients.has(ConnectionId(1)));
        assert!(clients.current().settings.is_paused);
    }
}
