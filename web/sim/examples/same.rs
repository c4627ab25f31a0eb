//! Whether a run that everything happens in is the same as always, to the bit. It ends well only
//! then: natively, and as WebAssembly, where `main` returns what a program leaves behind.

use std::process::ExitCode;
use std::time::Duration;

use wire::packet::Deed;
use wire::session::{Adjustment, Time, ToPage};
use wire::{Act, Play, SocketOption, ToGateway};
use wirebook_sim::Simulator;

/// What [`digest`] is: another number means that runs recorded with the book are others too.
pub const DIGEST: u64 = 0x6e8d_bfda_07b5_1213;

const NETWORK: &str = "seed=7 delay=40 jitter=20 bandwidth=2000 mtu=600 loss=8 duplicate=5 \
                       reorder=10 corrupt=4 queue=12";

fn main() -> ExitCode {
    match digest() {
        Ok(DIGEST) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Everything that a page is told, as one number; where a program's lines are does not count.
///
/// # Errors
///
/// A phrase of this file is wrong.
pub fn digest() -> Result<u64, Box<dyn std::error::Error>> {
    let mut simulator = Simulator::new(NETWORK.parse()?);
    let mut hash = Hash::default();
    for (request, lesson) in (1..).zip(["sim_echo", "sim_source", "sim_slow", "sim_ok"]) {
        let lesson = lesson.to_owned();
        hash.take(simulator.say(ToGateway::Look {
            lesson: lesson.clone(),
            packets: true,
            kernel: true,
        }));
        hash.take(simulator.say(ToGateway::Open {
            request,
            lesson,
            options: vec![(SocketOption::NoDelay, i64::from(request % 2))],
        }));
    }
    let ids = hash.opened.clone();
    let play = |phrase: &str| -> Result<Act, _> { phrase.parse::<Play>().map(|play| play.act) };
    for trap in ["drop SYN-ACK 2 times", "duplicate data 3 times"] {
        if let Act::Trap(trap) = play(trap)? {
            hash.take(simulator.say(ToGateway::Trap(trap)));
        }
    }
    for (number, connection) in ids.into_iter().enumerate() {
        let bytes = match number {
            1 => b"30000".to_vec(),
            _ => vec![b'x'; 9_000],
        };
        hash.take(simulator.say(ToGateway::Send { connection, bytes }));
        hash.take(simulator.say(ToGateway::Adjust {
            connection,
            adjustment: Adjustment::Reading(number != 0),
        }));
        for _ in 0..50 {
            hash.take(simulator.run(Duration::from_millis(16)));
        }
        hash.take(simulator.say(ToGateway::Adjust {
            connection,
            adjustment: Adjustment::Reading(true),
        }));
        if let Some(packet) = hash.under_way {
            let deed = Deed::Delay { by_ms: 77 };
            hash.take(simulator.say(ToGateway::Meddle { packet, deed }));
        }
        hash.take(simulator.say(ToGateway::Time(Time::Step)));
        hash.take(simulator.say(ToGateway::Time(Time::Run)));
        hash.take(simulator.say(ToGateway::Close { connection }));
    }
    while let Some(next_ns) = simulator.next_ns() {
        hash.take(simulator.run_until(next_ns));
    }
    Ok(hash.state)
}

/// FNV-1a (draft-eastlake-fnv) of the messages.
struct Hash {
    state: u64,
    opened: Vec<wire::ConnectionId>,
    under_way: Option<u32>,
}

impl Default for Hash {
    fn default() -> Self {
        Self {
            state: 0xcbf2_9ce4_8422_2325,
            opened: Vec::new(),
            under_way: None,
        }
    }
}

impl Hash {
    fn take(&mut self, messages: Vec<ToPage>) {
        for mut message in messages {
            match &mut message {
                ToPage::Opened { connection, .. } => self.opened.push(*connection),
                ToPage::Now(now) => {
                    self.under_way = now.flights.first().map(|flight| flight.packet);
                }
                ToPage::Event { event, .. } => event.source = None,
                _ => {}
            }
            let mut frame = Vec::new();
            message.encode(&mut frame);
            for byte in frame {
                self.state = (self.state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
}
