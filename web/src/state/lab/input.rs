//! What a lab takes note of, and what its reader can do.

use wire::dns;
use wire::session::{Adjustment, Server};
use wire::{Act, ConnectionId, NetworkSettings, ToGateway, ToPage, Trap};

use super::super::replay::Reel;

/// Something that a lab takes note of.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The gateway is there and runs this lab's server.
    Online(Server),
    /// The gateway is gone.
    Offline,
    /// What the gateway says about this lab.
    Message(ToPage),
    /// The reader presses a button.
    Command(Command),
    /// The time on the gateway's clock.
    Now(u64),
    /// The reader wants to start over: nothing observed, nothing done.
    StartOver,
    /// Only rows of this conversation; with or without waits.
    Show(Option<ConnectionId>, bool),
    /// With or without rows for packets.
    Packets(bool),
    /// With or without what the system says of the sockets.
    Kernel(bool),
    /// An exchange that was kept is shown, or is done with.
    Reel(Reel),
    /// The reader has chosen what to expect of a question, and wants to see.
    Ask { question: usize, chosen: usize },
    /// The composer speaks for the client at this place from now on.
    Choose(usize),
    /// It speaks for the client of this name; `None` is the reader's first one.
    ChooseNamed(Option<String>),
    /// The reader wants one more client.
    AddClient,
    /// Another tab has brought the steps this far.
    Resume(usize),
    /// The reader moves the simulated time, or does something to a packet under way.
    Simulate(ToGateway),
}

/// The composer's buttons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Connect,
    Send(Vec<u8>),
    HalfClose,
    Close,
    Reset,
    Adjust(Adjustment),
    /// Of a simulated network.
    Network(NetworkSettings),
    Trap(Trap),
}

impl Command {
    /// What a chapter says, as the composer does it; `None` if no query can be made of it.
    pub(crate) fn of(act: &Act) -> Option<Self> {
        Some(match act {
            Act::Connect => Self::Connect,
            Act::Send(bytes) => Self::Send(bytes.clone()),
            Act::HalfClose => Self::HalfClose,
            Act::Close => Self::Close,
            Act::Reset => Self::Reset,
            Act::Ask { name, kind } => Self::Send(dns::query(1, name, kind).ok()?),
            Act::Option(option, value) => Self::Adjust(Adjustment::Option(*option, *value)),
            Act::Slicer(seed) => Self::Adjust(Adjustment::Slicer(*seed)),
            Act::Pause => Self::Adjust(Adjustment::Reading(false)),
            Act::Resume => Self::Adjust(Adjustment::Reading(true)),
            Act::Deadline(deadline) => Self::Adjust(Adjustment::Deadline(*deadline)),
            Act::Relay(relay) => Self::Adjust(Adjustment::Relay(*relay)),
            Act::Network(settings) => Self::Network(*settings),
            Act::Trap(trap) => Self::Trap(*trap),
        })
    }
}
