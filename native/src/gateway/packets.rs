//! From a packet to the lesson that it belongs to, and the session that sees it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use tracing::{info, warn};
use wire::packet::{Carries, Flags, Link, Packet, Summary};
use wire::session::{Packets as Ability, Transport};
use wire::{Address, End};

use super::lessons::Lessons;
use super::router::{LessonRouter, Sighting};
use crate::capture::{self, Batch, Capture, Endpoint, Looker, Missing, Protocol, Reader};
use crate::tap::Clock;
use crate::tap::net::Clients;

/// The packets of all lessons, where they can be seen.
pub(super) struct Packets(Result<Reader, Missing>);

impl Packets {
    /// Lets the packets of these lessons be seen, and no others. None is read before somebody looks.
    pub(super) fn start(capture: &Capture, clock: &Clock, lessons: &Lessons) -> Self {
        Self(
            capture
                .source()
                .cloned()
                .map_err(Missing::clone)
                .and_then(|source| {
                    let dispatcher = Dispatcher::new(lessons);
                    let endpoints: Vec<_> = dispatcher.places.keys().copied().collect();
                    let take = move |batch| dispatcher.take(batch);
                    source
                        .admit(&endpoints)
                        .and_then(|()| Reader::start(source, clock.clone(), take))
                        .inspect_err(|error| warn!(%error, "packets cannot be captured"))
                        .map_err(|error| Missing {
                            why: format!("This system gives no access to packets: {error}."),
                            command: None,
                        })
                }),
        )
    }

    /// Whether they can be seen, for the page.
    pub(super) fn ability(&self) -> Ability {
        match &self.0 {
            Ok(_) => Ability::Captured,
            Err(Missing { why, command }) => Ability::Missing {
                why: why.clone(),
                command: command.clone(),
            },
        }
    }

    /// Packets are read from when this returns until the result is dropped; or why not.
    pub(super) async fn look(&self) -> Result<Looker, String> {
        match &self.0 {
            Ok(reader) => Ok(reader.look().await),
            Err(missing) => Err(missing.why.clone()),
        }
    }
}

/// Knows which place belongs to which lesson.
struct Dispatcher {
    places: HashMap<Endpoint, Place>,
    lessons: Vec<LessonRouter>,
    next_number: AtomicU32,
}

/// Where one lesson's packets go to and come from.
struct Place {
    lesson: LessonRouter,
    /// Who sends to this place.
    outer: End,
    /// Who is at this place.
    inner: End,
    /// Behind a relay: which client the relay's sockets are for.
    clients: Option<Clients>,
}

impl Dispatcher {
    fn new(lessons: &Lessons) -> Self {
        let mut places = HashMap::new();
        let mut routers = Vec::new();
        for lesson in lessons.all() {
            let Address::Ip(address) = lesson.server.address else {
                continue;
            };
            let protocol = match lesson.server.transport {
                Transport::Tcp => Protocol::Tcp,
                Transport::Udp => Protocol::Udp,
                Transport::Unix => continue,
            };
            routers.push(lesson.router.clone());
            let mut add = |address, outer, inner, clients| {
                let lesson = lesson.router.clone();
                let endpoint = Endpoint { protocol, address };
                let place = Place {
                    lesson,
                    outer,
                    inner,
                    clients,
                };
                places.insert(endpoint, place);
            };
            match &lesson.behind_relay {
                None => add(address, End::Client, End::Server, None),
                Some((behind, clients)) => {
                    add(address, End::Client, End::Relay, None);
                    add(*behind, End::Relay, End::Server, Some(clients.clone()));
                }
            }
        }
        info!(places = places.len(), "packets of the lessons can be seen");
        Self {
            places,
            lessons: routers,
            next_number: AtomicU32::new(1),
        }
    }

    fn take(&self, batch: Batch) {
        if batch.lost > 0 {
            // Whose they were nobody knows.
            for lesson in &self.lessons {
                lesson.lose_packets(batch.lost);
            }
        }
        for packet in batch.packets {
            self.pass_on(packet);
        }
    }

    fn pass_on(&self, packet: capture::Packet) {
        let Some(summary) = Summary::of(Link::Ethernet, &packet.bytes) else {
            return;
        };
        let Some(found) = self.find(&summary, &packet.bytes) else {
            return;
        };
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let sighting = Sighting {
            sequence: packet.sequence,
            time_ns: packet.time_ns,
            at: packet.at,
            packet: Packet {
                number,
                from: found.from,
                link: Link::Ethernet,
                length: u32::try_from(packet.length).unwrap_or(u32::MAX),
                bytes: packet.bytes,
            },
        };
        found.place.lesson.see(found.client, found.begins, sighting);
    }

    fn find(&self, summary: &Summary, bytes: &[u8]) -> Option<Found<'_>> {
        let protocol = match &summary.carries {
            Carries::Tcp(_) => Protocol::Tcp,
            Carries::Udp => Protocol::Udp,
            // An error says what happened to a packet that it quotes, to whoever sent that.
            Carries::Icmp => {
                let quoted = bytes.get(summary.payload.clone())?;
                let about = Summary::of(Link::Ip, quoted)?;
                if about.carries == Carries::Icmp {
                    return None;
                }
                let found = self.find(&about, quoted)?;
                let place = found.place;
                return Some(Found {
                    from: match found.from == place.outer {
                        true => place.inner,
                        false => place.outer,
                    },
                    begins: false,
                    ..found
                });
            }
            Carries::Other(_) => return None,
        };
        let at = |address| self.places.get(&Endpoint { protocol, address });
        let (place, client, from) = match (at(summary.destination), at(summary.source)) {
            (Some(place), _) => (place, summary.source, place.outer),
            (None, Some(place)) => (place, summary.destination, place.inner),
            (None, None) => return None,
        };
        let begins = from == place.outer
            && (summary.tcp()).is_some_and(|segment| {
                segment.flags.has(Flags::SYN) && !segment.flags.has(Flags::ACK)
            });
        Some(Found {
            place,
            client: place.client(client),
            from,
            begins,
        })
    }
}

impl Place {
    fn client(&self, address: SocketAddr) -> SocketAddr {
        match &self.clients {
            Some(clients) => clients.behind(address),
            None => address,
        }
    }
}

struct Found<'a> {
    place: &'a Place,
    client: SocketAddr,
    from: End,
    begins: bool,
}
