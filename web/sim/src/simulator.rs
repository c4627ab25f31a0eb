//! The simulator as a page knows it: a gateway that speaks the session's messages.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use wire::session::{
    Abilities, Asked, Now, Packets, Refused, Time, ToGateway, ToPage, VERSION, Welcome,
};
use wire::{ConnectionId, Event, NetworkSettings};

use crate::apps::{APPS, App};
use crate::client::Command;
use crate::world::World;

/// How often something may happen in one slice, so that whoever drives the simulator can do other
/// things in between.
const MAX_STEPS: u64 = 2_000;

/// How many commands are kept for going back; the network must begin anew after that.
const MAX_COMMANDS: usize = 100_000;

/// The slowest and the fastest that time passes, in thousandths of the reader's.
const SPEEDS: std::ops::RangeInclusive<u32> = 1..=1_000_000;

/// Something that was done, and after how many steps.
struct Done {
    steps: u64,
    at_ns: u64,
    command: ToGateway,
}

/// A simulated network, its servers, and the clients of one page.
pub struct Simulator {
    first_network: NetworkSettings,
    world: World,
    done: Vec<Done>,
    is_running: bool,
    permille: u32,
    /// Real time that was not enough for a nanosecond of the simulated, in thousandths of one.
    rest: u64,
    /// What the page was told last.
    told: Option<Now>,
    out: VecDeque<ToPage>,
}

impl Default for Simulator {
    fn default() -> Self {
        Self::new(NetworkSettings::default())
    }
}

impl Simulator {
    /// Nothing has happened yet, and time passes.
    pub fn new(network: NetworkSettings) -> Self {
        Self {
            first_network: network,
            world: World::new(network),
            done: Vec::new(),
            is_running: true,
            permille: 1_000,
            rest: 0,
            told: None,
            out: VecDeque::new(),
        }
    }

    /// What the time is, in ns since the beginning.
    pub fn now_ns(&self) -> u64 {
        self.world.now_ns
    }

    /// When something happens next if nobody does anything; `None` if nothing will.
    pub fn next_ns(&self) -> Option<u64> {
        self.world.next_ns()
    }

    /// Whether packets are on their way.
    pub fn has_flights(&self) -> bool {
        !self.world.flights().is_empty()
    }

    /// Does what the page says; what comes of it at once.
    pub fn say(&mut self, message: ToGateway) -> Vec<ToPage> {
        match message {
            ToGateway::Hello { .. } => self.welcome(),
            ToGateway::Ping { nonce } => self.out.push_back(ToPage::Pong { nonce }),
            ToGateway::Time(time) => self.time(time),
            command => {
                if self.done.len() == MAX_COMMANDS {
                    self.refuse(Asked::Anything, "Too much was done: begin anew.");
                } else {
                    self.done.push(Done {
                        steps: self.world.steps,
                        at_ns: self.world.now_ns,
                        command: command.clone(),
                    });
                    self.obey(command);
                }
            }
        }
        self.tell()
    }

    /// Lets so much of the reader's time pass; less of the simulated passes if much happens in it.
    pub fn run(&mut self, real: Duration) -> Vec<ToPage> {
        if self.is_running {
            let real_ns = u64::try_from(real.as_nanos()).unwrap_or(u64::MAX);
            let thousandths = real_ns
                .saturating_mul(self.permille.into())
                .saturating_add(self.rest);
            self.rest = thousandths % 1_000;
            let until_ns = self.world.now_ns.saturating_add(thousandths / 1_000);
            self.advance(until_ns);
        }
        self.tell()
    }

    /// Lets time pass up to this moment, or until as much has happened as one slice allows;
    /// [`Simulator::now_ns`] tells. Whether it was paused makes no difference.
    pub fn run_until(&mut self, until_ns: u64) -> Vec<ToPage> {
        self.advance(until_ns);
        self.tell()
    }

    /// Lets the next thing happen that is observed.
    pub fn step(&mut self) -> Vec<ToPage> {
        self.next_event();
        self.tell()
    }

    fn advance(&mut self, until_ns: u64) {
        let last = self.world.steps + MAX_STEPS;
        while self
            .world
            .next_ns()
            .is_some_and(|next_ns| next_ns <= until_ns)
        {
            if self.world.steps >= last || self.world.step().is_none() {
                return;
            }
        }
        self.world.now_ns = self.world.now_ns.max(until_ns);
    }

    fn next_event(&mut self) {
        let last = self.world.steps + MAX_STEPS;
        while self.world.events.is_empty() && self.world.steps < last {
            if self.world.step().is_none() {
                return;
            }
        }
    }

    fn time(&mut self, time: Time) {
        match time {
            Time::Run => self.is_running = true,
            Time::Pause => self.is_running = false,
            Time::Step => {
                self.is_running = false;
                self.next_event();
            }
            Time::Speed { permille } => {
                self.permille = permille.clamp(*SPEEDS.start(), *SPEEDS.end());
            }
            Time::Jump { time_ns } if time_ns >= self.world.now_ns => {
                self.is_running = false;
                self.advance(time_ns);
            }
            Time::Jump { time_ns } => self.rewind(Some(time_ns)),
            Time::Restart => self.rewind(None),
        }
    }

    /// Begins anew; up to this moment the same is done again.
    fn rewind(&mut self, to_ns: Option<u64>) {
        self.world = World::new(self.first_network);
        self.out.clear();
        self.out.push_back(ToPage::Rewound);
        self.is_running = false;
        let done = mem::take(&mut self.done);
        for mut one in done {
            // What the page looks at is no part of what happens.
            let is_kept = match to_ns {
                Some(to_ns) => one.at_ns <= to_ns,
                None => matches!(
                    one.command,
                    ToGateway::Watch { .. } | ToGateway::Look { .. }
                ),
            };
            if !is_kept {
                continue;
            }
            if to_ns.is_none() {
                (one.steps, one.at_ns) = (0, 0);
            }
            while self.world.steps < one.steps && self.world.step().is_some() {}
            self.world.now_ns = one.at_ns.max(self.world.now_ns);
            self.obey(one.command.clone());
            self.gather();
            self.done.push(one);
        }
        if let Some(to_ns) = to_ns {
            while self.world.next_ns().is_some_and(|next_ns| next_ns <= to_ns) {
                if self.world.step().is_none() {
                    break;
                }
            }
            self.world.now_ns = to_ns.max(self.world.now_ns);
        }
    }

    fn welcome(&mut self) {
        let servers = APPS.iter().map(App::server).collect();
        self.out.push_back(ToPage::Welcome(Welcome {
            version: VERSION,
            build: String::new(),
            time_ns: self.world.now_ns,
            servers,
            abilities: Abilities {
                author: false,
                packets: Packets::Captured,
                kernel: true,
            },
        }));
    }

    fn obey(&mut self, command: ToGateway) {
        match command {
            ToGateway::Watch { lesson } => match App::place(&lesson) {
                Some(place) => self.world.start(place),
                None => self.refuse(Asked::Watch, &unknown(&lesson)),
            },
            ToGateway::Look {
                lesson,
                packets,
                kernel,
            } => match App::place(&lesson) {
                Some(_) => {
                    self.world.shows_packets = packets;
                    self.world.set_sampled(kernel);
                }
                None => self.refuse(Asked::Watch, &unknown(&lesson)),
            },
            ToGateway::Open {
                request,
                lesson,
                options,
            } => {
                let Some(place) = App::place(&lesson) else {
                    return self.refuse(Asked::Open(request), &unknown(&lesson));
                };
                self.world.start(place);
                match self.world.open(place, &options) {
                    Ok(connection) => {
                        // It is told before what happens on it.
                        self.gather();
                        self.out.push_back(ToPage::Opened {
                            request,
                            connection,
                        });
                        self.world.act();
                    }
                    Err(why) => self.refuse(Asked::Open(request), &why),
                }
            }
            ToGateway::Send { connection, bytes } => {
                self.command(connection, Command::Send(bytes));
            }
            ToGateway::ShutDown { connection } => self.command(connection, Command::ShutDown),
            ToGateway::Close { connection } => self.command(connection, Command::Close),
            ToGateway::Reset { connection } => self.command(connection, Command::Reset),
            ToGateway::Adjust {
                connection,
                adjustment,
            } => self.command(connection, Command::Adjust(adjustment)),
            ToGateway::Network(network) => self.world.set_network(network),
            ToGateway::Meddle { packet, deed } => {
                if !self.world.meddle(packet, deed) {
                    self.refuse(Asked::Anything, "The packet is not under way any more.");
                }
            }
            ToGateway::Trap(trap) => self.world.set_trap(trap),
            ToGateway::Hello { .. } | ToGateway::Ping { .. } | ToGateway::Time(_) => {}
        }
    }

    fn command(&mut self, id: ConnectionId, command: Command) {
        match self.world.command(id, command) {
            Ok(()) => self.world.act(),
            Err(why) => self.refuse(Asked::Connection(id), &why),
        }
    }

    fn refuse(&mut self, what: Asked, why: &str) {
        self.out.push_back(ToPage::Refused(Refused {
            what,
            why: why.to_owned(),
        }));
    }

    /// Moves what was observed behind what was said.
    fn gather(&mut self) {
        let events = self.world.events.drain(..);
        let events = events.map(|(lesson, event)| ToPage::Event { lesson, event });
        self.out.extend(events);
    }

    /// What the page is to be told, and the present if it is another.
    fn tell(&mut self) -> Vec<ToPage> {
        self.gather();
        let now = Now {
            time_ns: self.world.now_ns,
            is_running: self.is_running,
            permille: self.permille,
            network: self.world.network,
            flights: self.world.flights(),
        };
        if self.told.as_ref() != Some(&now) {
            self.told = Some(now.clone());
            self.out.push_back(ToPage::Now(now));
        }
        mem::take(&mut self.out).into()
    }
}

fn unknown(lesson: &str) -> String {
    format!("The simulated network has no server {lesson}.")
}

/// The events of these messages, for those who look at nothing else.
pub fn events(messages: impl IntoIterator<Item = ToPage>) -> impl Iterator<Item = Event> {
    messages.into_iter().filter_map(|message| match message {
        ToPage::Event { event, .. } => Some(event),
        _ => None,
    })
}
