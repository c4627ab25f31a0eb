//! A page of the simulator's, in a few verbs.

#![allow(dead_code, reason = "each test file uses some of them")]
#![allow(clippy::unwrap_used, reason = "in tests a wrong value is a failure")]

use std::time::Duration;

use wire::session::ToPage;
use wire::{
    Act, Action, ConnectionId, End, Event, NetworkSettings, Play, Progress, Seen, TcpState,
    ToGateway,
};
use wirebook_sim::Simulator;

/// A page that looks at everything.
pub(crate) struct Page {
    pub(crate) simulator: Simulator,
    pub(crate) lesson: String,
    pub(crate) messages: Vec<ToPage>,
}

impl Page {
    pub(crate) fn of(lesson: &str, network: &str) -> Self {
        let network: NetworkSettings = network.parse().unwrap();
        let mut page = Self {
            simulator: Simulator::new(network),
            lesson: lesson.to_owned(),
            messages: Vec::new(),
        };
        page.say(ToGateway::Look {
            lesson: lesson.to_owned(),
            packets: true,
            kernel: true,
        });
        page.say(ToGateway::Watch {
            lesson: lesson.to_owned(),
        });
        page
    }

    pub(crate) fn say(&mut self, message: ToGateway) {
        let messages = self.simulator.say(message);
        self.messages.extend(messages);
    }

    pub(crate) fn open(&mut self) -> ConnectionId {
        self.say(ToGateway::Open {
            request: 1,
            lesson: self.lesson.clone(),
            options: Vec::new(),
        });
        let opened = self
            .messages
            .iter()
            .rev()
            .find_map(|message| match message {
                ToPage::Opened { connection, .. } => Some(*connection),
                _ => None,
            });
        opened.unwrap()
    }

    pub(crate) fn send(&mut self, connection: ConnectionId, bytes: &[u8]) {
        let bytes = bytes.to_vec();
        self.say(ToGateway::Send { connection, bytes });
    }

    pub(crate) fn close(&mut self, connection: ConnectionId) {
        self.say(ToGateway::Close { connection });
    }

    /// Lets so much time pass.
    pub(crate) fn pass(&mut self, duration: Duration) {
        let until_ns = self.simulator.now_ns() + u64::try_from(duration.as_nanos()).unwrap();
        while self.simulator.now_ns() < until_ns {
            let messages = self.simulator.run_until(until_ns);
            self.messages.extend(messages);
        }
    }

    /// Until nothing will happen any more.
    pub(crate) fn rest(&mut self) {
        while let Some(next_ns) = self.simulator.next_ns() {
            let messages = self.simulator.run_until(next_ns);
            self.messages.extend(messages);
        }
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        wirebook_sim::events(self.messages.clone()).collect()
    }

    /// How many packets were told.
    pub(crate) fn packets(&self) -> usize {
        let events = self.events().into_iter();
        events
            .filter(|event| matches!(event.action, Action::Packet(_)))
            .count()
    }

    /// How many packets of this kind left.
    pub(crate) fn kinds(&self, kind: &str) -> usize {
        let seen: Seen = format!("wire {kind}").parse().unwrap();
        let mut progress = Progress::new(vec![seen; 10_000], 0);
        for event in self.events() {
            progress.observe(&event);
        }
        progress.done()
    }

    /// Sets a trap, as a lab's step does.
    pub(crate) fn trap(&mut self, phrase: &str) {
        match phrase.parse::<Play>().unwrap().act {
            Act::Trap(trap) => self.say(ToGateway::Trap(trap)),
            other => panic!("{other} is no trap"),
        }
    }

    /// The states that this end went through.
    pub(crate) fn states(&self, end: End) -> Vec<TcpState> {
        let events = self.events().into_iter().filter(|event| event.end == end);
        events
            .filter_map(|event| match event.action {
                Action::Kernel(kernel) => Some(kernel.state),
                _ => None,
            })
            .collect()
    }

    /// Everything, in lines.
    pub(crate) fn transcript(&self) -> String {
        let mut lines = String::new();
        for event in self.events() {
            let what = match &event.action {
                Action::Packet(packet) => {
                    let summary = wire::packet::Summary::of(packet.link, &packet.bytes);
                    format!(
                        "packet {} from {} {:?}",
                        packet.number,
                        packet.from,
                        summary.map(|s| (s.carries, s.payload_length))
                    )
                }
                other => format!("{other:?}"),
            };
            lines += &format!(
                "{:>12} {:>10} {:?} {} {what} {:?}\n",
                event.sequence,
                event.time_ns / 1000,
                event.connection.map(|c| c.0),
                event.end,
                event
                    .source
                    .as_ref()
                    .map(|s| format!("{}:{}", s.file, s.line))
            );
        }
        lines
    }
}

/// Numbers that look random (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}
