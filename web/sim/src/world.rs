//! Everything that is simulated: two hosts, the link between them, and what will happen when.
//!
//! What happens follows from the settings and from what is done at which step. Nothing here asks a
//! clock, the order of a hash map, or the size of a machine's words.

mod packets;

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::mem;
use std::rc::Rc;

use wire::event::SocketOption;
use wire::flows::Flows;
use wire::packet::Deed;
use wire::session::{Flight, LessonIndex};
use wire::{Action, ConnectionId, End, Event, NetworkSettings, Trap, Worker};

use self::packets::{Due, UnderWay};
use crate::apps::APPS;
use crate::client::{Client, Command};
use crate::host::{CLIENT, FIRST_PORT, Host, SERVER, Told, connection_of};
use crate::link::Link;
use crate::net::Shared;
use crate::tasks;

/// How many traps are set at most; the first is forgotten.
const MAX_TRAPS: usize = 64;

/// How many connections there can be before the simulation must begin anew: as many as a client
/// has ports.
const MAX_CONNECTIONS: u16 = u16::MAX - FIRST_PORT;

/// Two hosts and the link between them.
pub(crate) struct World {
    pub(crate) now_ns: u64,
    /// How often something happened.
    pub(crate) steps: u64,
    pub(crate) network: NetworkSettings,
    hosts: [Shared; 2],
    links: [Link; 2],
    /// When each host wants to work again.
    wakes_ns: [Option<u64>; 2],
    queue: BinaryHeap<Due>,
    serial: u64,
    under_way: BTreeMap<u32, UnderWay>,
    packets: u32,
    flows: Flows,
    traps: Vec<Trap>,
    clients: Vec<Client>,
    connections: u16,
    started: [bool; APPS.len()],
    /// Whether packets are told.
    pub(crate) shows_packets: bool,
    last_sequence: u64,
    /// What was observed, each with the place of its server in the list.
    pub(crate) events: Vec<(LessonIndex, Event)>,
    /// Which server each connection is to.
    places: Vec<usize>,
    /// Which server each task that accepts is of.
    acceptors: Vec<(u64, usize)>,
}

const ENDS: [End; 2] = [End::Client, End::Server];

impl World {
    /// Nothing has happened yet.
    pub(crate) fn new(network: NetworkSettings) -> Self {
        let host = |address, way: u64| {
            let seed = network.seed.wrapping_mul(2).wrapping_add(way);
            Rc::new(RefCell::new(Host::new(address, seed, network.mtu)))
        };
        Self {
            now_ns: 0,
            steps: 0,
            network,
            hosts: [host(CLIENT, 0), host(SERVER, 1)],
            links: [Link::new(0), Link::new(1)],
            wakes_ns: [None; 2],
            queue: BinaryHeap::new(),
            serial: 0,
            under_way: BTreeMap::new(),
            packets: 0,
            flows: Flows::default(),
            traps: Vec::new(),
            clients: Vec::new(),
            connections: 0,
            started: [false; APPS.len()],
            shows_packets: false,
            last_sequence: 0,
            events: Vec::new(),
            places: Vec::new(),
            acceptors: Vec::new(),
        }
    }

    /// Lets the server of this place in the list serve, if it does not yet.
    pub(crate) fn start(&mut self, place: usize) {
        if !mem::replace(&mut self.started[place], true) {
            let task = {
                let host = &self.hosts[1];
                APPS[place].start(host);
                host.borrow().tasks.next()
            };
            self.acceptors.push((task, place));
            self.attend(1);
        }
    }

    /// Tells, or tells no longer, what the stacks say of their sockets.
    pub(crate) fn set_sampled(&mut self, is_sampled: bool) {
        for host in &self.hosts {
            host.borrow_mut().is_sampled = is_sampled;
        }
        self.attend(0);
        self.attend(1);
    }

    /// Opens a client's socket to this server.
    ///
    /// # Errors
    ///
    /// A sentence for the reader.
    pub(crate) fn open(
        &mut self,
        place: usize,
        options: &[(SocketOption, i64)],
    ) -> Result<ConnectionId, String> {
        if self.connections == MAX_CONNECTIONS {
            return Err("All ports of the client were used: begin anew.".to_owned());
        }
        let port = FIRST_PORT + self.connections;
        let id = connection_of(port).ok_or("no such port")?;
        self.connections += 1;
        let host = &mut self.hosts[0].borrow_mut();
        host.set_now(self.now_ns);
        self.places.push(place);
        let (transport, peer) = (APPS[place].transport, APPS[place].address());
        let client = Client::open(host, id, transport, port, peer, options);
        self.clients.push(client);
        Ok(id)
    }

    /// Lets the clients act on what they were told.
    pub(crate) fn act(&mut self) {
        self.attend(0);
    }

    /// Tells a client something.
    ///
    /// # Errors
    ///
    /// A sentence for the reader.
    pub(crate) fn command(&mut self, id: ConnectionId, command: Command) -> Result<(), String> {
        let client = self.clients.iter_mut().find(|client| client.id() == id);
        let Some(client) = client else {
            return Err(format!(
                "Connection {id} is not open: it has ended. Connect anew."
            ));
        };
        let host = &mut self.hosts[0].borrow_mut();
        host.set_now(self.now_ns);
        client.obey(host, command)
    }

    /// The link is another from now on; what is under way is not.
    pub(crate) fn set_network(&mut self, network: NetworkSettings) {
        self.network = network;
        for host in &self.hosts {
            let mut host = host.borrow_mut();
            host.set_now(self.now_ns);
            // That it takes less is noticed when the first packet is too large.
            if usize::from(network.mtu) > host.device.mtu {
                host.set_mtu(network.mtu);
            }
        }
        self.attend(0);
        self.attend(1);
    }

    /// Something is done to the first packets from now on that match.
    pub(crate) fn set_trap(&mut self, trap: Trap) {
        if self.traps.len() == MAX_TRAPS {
            self.traps.remove(0);
        }
        self.traps.push(trap);
    }

    /// Something is done to a packet under way; whether it is.
    pub(crate) fn meddle(&mut self, number: u32, deed: Deed) -> bool {
        let is_under_way = self.under_way.contains_key(&number);
        if is_under_way {
            self.do_to(number, deed);
        }
        is_under_way
    }

    /// What is on the link, in the order in which it left.
    pub(crate) fn flights(&self) -> Vec<Flight> {
        self.under_way
            .iter()
            .map(|(number, packet)| Flight {
                packet: *number,
                from: ENDS[packet.from],
                sent_ns: packet.sent_ns,
                arrives_ns: packet.arrives_ns,
            })
            .collect()
    }

    /// When something happens next, if nobody does anything.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        let queued = self.queue.peek().map(|Reverse((at_ns, ..))| *at_ns);
        self.wakes_ns.iter().copied().flatten().chain(queued).min()
    }

    /// Lets the next thing happen; `None` if there is nothing.
    pub(crate) fn step(&mut self) -> Option<()> {
        let next_ns = self.next_ns()?;
        let queued = self.queue.peek().map(|Reverse((at_ns, ..))| *at_ns);
        self.now_ns = self.now_ns.max(next_ns);
        self.steps += 1;
        if queued == Some(next_ns) {
            let Reverse((at_ns, _, number, next)) = self.queue.pop()?;
            self.happen(at_ns, number, next);
        } else {
            let way = usize::from(self.wakes_ns[0] != Some(next_ns));
            self.attend(way);
        }
        Some(())
    }

    /// Lets a host and its programs work until there is nothing left for them to do now.
    fn attend(&mut self, way: usize) {
        /// Two programs of one host could keep each other busy for ever.
        const MAX_ROUNDS: usize = 1_000;
        let host = Rc::clone(&self.hosts[way]);
        host.borrow_mut().set_now(self.now_ns);
        for round in 0..MAX_ROUNDS {
            let is_busy = host.borrow_mut().poll();
            self.gather(way, &host);
            if round > 0 && !is_busy {
                break;
            }
            match way {
                0 => {
                    let host = &mut host.borrow_mut();
                    for client in &mut self.clients {
                        client.attend(host);
                    }
                    self.clients.retain(|client| !client.is_gone());
                }
                _ => tasks::run(&host),
            }
            self.gather(way, &host);
        }
        self.wakes_ns[way] = host.borrow_mut().wakes_ns();
    }

    /// Takes what a host has told and sent.
    fn gather(&mut self, way: usize, host: &Shared) {
        let (told, sent) = {
            let host = &mut host.borrow_mut();
            (mem::take(&mut host.told), mem::take(&mut host.sent))
        };
        for told in told {
            self.tell(ENDS[way], told);
        }
        for bytes in sent {
            self.send(way, bytes);
        }
    }

    /// Looks at both hosts.
    #[cfg(test)]
    pub(crate) fn with_hosts(&self, look: impl Fn(&mut Host) -> usize) -> usize {
        self.hosts
            .iter()
            .map(|host| look(&mut host.borrow_mut()))
            .sum()
    }

    fn tell(&mut self, end: End, told: Told) {
        let worker = told.by_task.map(Worker::Task);
        self.record(end, told.connection, told.action, worker);
        if let Some((_, event)) = self.events.last_mut() {
            event.source = told.source;
        }
    }

    fn record(
        &mut self,
        end: End,
        connection: Option<ConnectionId>,
        action: Action,
        worker: Option<Worker>,
    ) {
        // As a gateway numbers them: packets are odd.
        let is_odd = u64::from(end == End::Wire);
        let next = self.now_ns.max(self.last_sequence + 1);
        self.last_sequence = next + u64::from(next % 2 != is_odd);
        let event = Event {
            sequence: self.last_sequence,
            time_ns: self.now_ns,
            connection,
            end,
            action,
            worker,
            source: None,
        };
        self.events.push((self.lesson_of(&event), event));
    }

    /// The server that an event is about: that of its connection, or the one that accepts.
    fn lesson_of(&self, event: &Event) -> LessonIndex {
        let connection = event.connection.map(|id| id.0.saturating_sub(1));
        let connection = connection.and_then(|id| usize::try_from(id).ok());
        let acceptor = self
            .acceptors
            .iter()
            .find(|(task, _)| event.worker == Some(Worker::Task(*task)))
            .or(self.acceptors.last());
        let place = connection.and_then(|id| self.places.get(id).copied());
        let place = place.or(acceptor.map(|(_, place)| *place)).unwrap_or(0);
        LessonIndex::try_from(place).unwrap_or(0)
    }
}
