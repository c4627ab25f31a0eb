//! A network in this process, between the clients of a lesson and its server: it loses datagrams,
//! doubles them and holds them back, as real ones do.
//!
//! What it does to a datagram follows from a seed, so that a lab can be played again.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::UdpSocket;
use wire::session::RelaySettings;

/// The longest delay, in ms: shorter than a closed client's address is remembered.
pub const MAX_DELAY_MS: u32 = 3_000;

/// How long a datagram is held back so that a later one overtakes it, in ms.
pub const OVERTAKE_MS: u32 = 1_500;

/// Clients whose settings are remembered.
const MAX_CLIENTS: usize = 4_096;

/// Where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
}

/// What becomes of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// How often it is passed on: 0 is lost, 2 is doubled.
    pub copies: usize,
    /// How long it is under way.
    pub hold: Duration,
}

impl Fate {
    /// It is lost.
    pub const LOST: Self = Self {
        copies: 0,
        hold: Duration::ZERO,
    };
}

// ANCHOR: fate
/// The fate of the datagram with this number, counted for each way by itself.
pub fn fate(settings: &RelaySettings, way: Way, number: u64) -> Fate {
    // Three dice for each datagram, whatever they show: turning up the loss leaves the fate
    // of those that are not lost as it was.
    let first = number.wrapping_mul(6).wrapping_add(way as u64 * 3);
    let die = |which| roll(settings.seed, first.wrapping_add(which));
    let is_lost = die(0) < settings.loss_percent.into();
    let is_doubled = die(1) < settings.duplicate_percent.into();
    let is_overtaken = die(2) < settings.reorder_percent.into();

    let delay_ms = u32::from(settings.delay_ms).min(MAX_DELAY_MS);
    let behind_ms = if is_overtaken { OVERTAKE_MS } else { 0 }; // until a later one has passed
    Fate {
        copies: match (is_lost, is_doubled) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        },
        hold: Duration::from_millis((delay_ms + behind_ms).into()),
    }
}

/// A number from 0 to 99 that looks random, and is the same for the same seed and place:
/// SplitMix64 (Steele, Lea and Flood, 2014).
fn roll(seed: u64, place: u64) -> u64 {
    let step = place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut mixed = seed.wrapping_add(step);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % 100
}
// ANCHOR_END: fate

/// What the network does to whose datagrams; by default nothing. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Settings(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// For clients of whom nothing was said.
    others: RelaySettings,
    // Held for a few instructions and never across an await.
    clients: Mutex<Clients>,
}

#[derive(Debug, Default)]
struct Clients {
    by_address: HashMap<SocketAddr, (Generation, RelaySettings)>,
    latest: u64,
}

/// Tells one setting of a client's from the next; 0 is nobody's.
type Generation = u64;

impl Settings {
    /// All clients have these.
    pub fn new(others: RelaySettings) -> Self {
        Self(Arc::new(Shared {
            others,
            clients: Mutex::default(),
        }))
    }

    /// From its next datagram on, counted from 0 again, the client at this address has these.
    /// When too many have settings of their own, it has those of all others.
    pub fn set(&self, client: SocketAddr, settings: RelaySettings) {
        let mut clients = self.clients();
        if clients.by_address.len() < MAX_CLIENTS || clients.by_address.contains_key(&client) {
            clients.latest += 1;
            let generation = clients.latest;
            clients.by_address.insert(client, (generation, settings));
        }
    }

    /// The client is gone: whoever gets its address has the settings of all others.
    pub fn forget(&self, client: SocketAddr) {
        self.clients().by_address.remove(&client);
    }

    fn of(&self, client: SocketAddr) -> (Generation, RelaySettings) {
        let known = self.clients().by_address.get(&client).copied();
        known.unwrap_or((0, self.0.others))
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        // No code panics while it holds the lock.
        self.0
            .clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What carries one client's datagrams: it decides what becomes of each.
#[derive(Debug)]
pub struct Link {
    settings: Settings,
    client: SocketAddr,
    generation: Generation,
    /// How many went to the server, and how many to the client.
    counts: [u64; 2],
}

impl Link {
    /// Of this client, with nothing carried.
    pub fn new(settings: Settings, client: SocketAddr) -> Self {
        Self {
            generation: settings.of(client).0,
            settings,
            client,
            counts: [0; 2],
        }
    }

    /// The fate of the next datagram this way.
    pub fn fate(&mut self, way: Way, _datagram: &[u8]) -> Fate {
        let (generation, settings) = self.settings.of(self.client);
        if generation != self.generation {
            self.generation = generation;
            self.counts = [0; 2];
        }
        let count = &mut self.counts[way as usize];
        let number = *count;
        *count += 1;
        fate(&settings, way, number)
    }

    /// There is no room for this datagram, so it is lost, whatever its fate would have been.
    pub fn lose(&mut self, _datagram: &[u8]) -> Fate {
        Fate::LOST
    }
}

/// What lies between the clients and one server. Clones are the same network.
#[derive(Clone, Debug)]
pub struct Network {
    server: SocketAddr,
    settings: Settings,
}

impl Network {
    /// In front of the server at this address.
    pub fn new(server: SocketAddr, settings: Settings) -> Self {
        Self { server, settings }
    }

    /// A socket that is connected to the server, and the link for this client.
    pub async fn connect(&self, client: SocketAddr) -> io::Result<(UdpSocket, Link)> {
        // Lessons never leave this machine.
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        socket.connect(self.server).await?;
        Ok((socket, Link::new(self.settings.clone(), client)))
    }
}

#[cfg(test)]
mod tests;
