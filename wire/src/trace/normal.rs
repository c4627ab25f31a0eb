//! What differs from one run to the next, made the same: ids, ports, paths and the clock.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::{Part, ports};
use crate::address::Address;
use crate::event::{Action, ConnectionId, Worker};
use crate::packet::{Fate, Summary};

/// The port of the first client, among those that systems give to clients (RFC 6335, 6).
const FIRST_CLIENT_PORT: u16 = 50_001;

impl Part {
    /// Numbers connections, workers and clients' ports in the order in which they first appear,
    /// counts sequence and packets from 1 and time from the first event, and puts the server's `home`
    /// in place of the address that it had, in packets too.
    pub fn normalise(&mut self, server: &Address, home: &Address) {
        let mut names = Names::new(self, server, home);
        let begin_ns = self.events.iter().map(|event| event.time_ns).min();
        for client in &mut self.clients {
            client.connection = names.connection(client.connection);
        }
        for (sequence, event) in (1..).zip(&mut self.events) {
            event.sequence = sequence;
            event.time_ns -= begin_ns.unwrap_or(0);
            event.connection = event.connection.map(|id| names.connection(id));
            event.worker = event.worker.map(|worker| names.worker(worker));
            names.in_action(&mut event.action);
        }
    }
}

/// What things are called in the trace.
struct Names {
    connections: HashMap<ConnectionId, ConnectionId>,
    workers: HashMap<Worker, Worker>,
    addresses: HashMap<Address, Address>,
    packets: HashMap<u32, u32>,
}

impl Names {
    fn new(part: &Part, server: &Address, home: &Address) -> Self {
        // Ids are given in the order in which connections are opened.
        let named = part.clients.iter().map(|client| client.connection);
        let mut ids: Vec<_> = part
            .events
            .iter()
            .filter_map(|event| event.connection)
            .collect();
        ids.extend(named);
        ids.sort();
        ids.dedup();
        let connections = ids.into_iter().zip((1..).map(ConnectionId)).collect();
        let mut names = Self {
            connections,
            workers: HashMap::new(),
            addresses: HashMap::new(),
            packets: HashMap::new(),
        };
        names.addresses.insert(server.clone(), home.clone());
        // The order of the connections is fixed; that of what they do at once is not.
        let mut events: Vec<_> = part.events.iter().collect();
        events.sort_by_key(|event| (event.connection, event.sequence));
        for event in events {
            match &event.action {
                Action::Connect { local, peer } => {
                    names.address(local);
                    names.address(peer);
                }
                Action::Accept { peer }
                | Action::Receive { peer, .. }
                | Action::Send { peer, .. } => {
                    names.address(peer);
                }
                // A connection that never stood is known from its packets alone.
                Action::Packet(packet) => {
                    let summary = Summary::of(packet.link, &packet.bytes);
                    for address in summary
                        .into_iter()
                        .flat_map(|of| [of.source, of.destination])
                    {
                        if address.port() != 0 {
                            names.address(&address.into());
                        }
                    }
                }
                _ => {}
            }
        }
        names
    }

    fn packet(&mut self, number: u32) -> u32 {
        let next = u32::try_from(self.packets.len()).map_or(u32::MAX, |known| known + 1);
        *self.packets.entry(number).or_insert(next)
    }

    fn in_packet(&self, address: SocketAddr) -> SocketAddr {
        let normal = self.addresses.get(&Address::Ip(address));
        normal.and_then(Address::ip).unwrap_or(address)
    }

    fn connection(&self, id: ConnectionId) -> ConnectionId {
        self.connections.get(&id).copied().unwrap_or(id)
    }

    fn worker(&mut self, worker: Worker) -> Worker {
        let is_task = |worker: &Worker| matches!(worker, Worker::Task(_));
        let alike = |other: &&Worker| is_task(other) == is_task(&worker);
        let number = self.workers.keys().filter(alike).count() as u64 + 1;
        let normal = match worker {
            Worker::Task(_) => Worker::Task(number),
            Worker::Thread(_) => Worker::Thread(number),
        };
        *self.workers.entry(worker).or_insert(normal)
    }

    fn address(&mut self, address: &Address) -> Address {
        let taken = self.addresses.len();
        let entry = self.addresses.entry(address.clone());
        let normal = entry.or_insert_with(|| match address {
            Address::Ip(ip) => {
                let number = u16::try_from(taken - 1).unwrap_or(0);
                let port = FIRST_CLIENT_PORT.saturating_add(number);
                SocketAddr::new(ip.ip(), port).into()
            }
            Address::Unix(path) if path.is_empty() => address.clone(),
            Address::Unix(_) => Address::Unix(format!("client-{taken}.sock")),
        });
        normal.clone()
    }

    fn in_action(&mut self, action: &mut Action) {
        match action {
            Action::Connect { local, peer } => {
                *local = self.address(local);
                *peer = self.address(peer);
            }
            Action::Accept { peer } => *peer = self.address(peer),
            Action::Receive { peer, data } | Action::Send { peer, data } => {
                *peer = self.address(peer);
                self.in_bytes(&mut data.bytes);
            }
            Action::Read(data)
            | Action::Write(data)
            | Action::Lose(data)
            | Action::Duplicate(data)
            | Action::Hold { data, .. } => self.in_bytes(&mut data.bytes),
            Action::Packet(packet) => {
                packet.number = self.packet(packet.number);
                ports::replace(packet, &|address| self.in_packet(address));
            }
            Action::Fate { packet, fate } => {
                *packet = self.packet(*packet);
                if let Fate::Duplicate { copy } = fate {
                    *copy = self.packet(*copy);
                }
            }
            _ => {}
        }
    }

    /// A server may tell a client the address that it sees.
    fn in_bytes(&self, bytes: &mut Vec<u8>) {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return;
        };
        for (address, normal) in &self.addresses {
            if address.ip().is_none() {
                continue;
            }
            let (address, normal) = (address.to_string(), normal.to_string());
            if text.contains(&address) {
                *bytes = text.replace(&address, &normal).into_bytes();
                return;
            }
        }
    }
}
