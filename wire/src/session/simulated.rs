//! What is said of simulated networks alone: their time, and what is under way in them.

use serde::{Deserialize, Serialize};

use crate::event::End;
use crate::network::NetworkSettings;

/// What the names of simulated servers begin with.
pub const SIMULATED_PREFIX: &str = "sim_";

/// Whether the server of this name runs in a simulated network, and not in a gateway.
pub fn is_simulated(server: &str) -> bool {
    server.starts_with(SIMULATED_PREFIX)
}

/// How simulated time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Time {
    /// It passes.
    Run,
    /// It stands still.
    Pause,
    /// It goes on to the next thing that happens, and stands still there.
    Step,
    /// It passes so many thousandths as fast as the reader's; 1,000 is as fast.
    Speed {
        /// At least 1.
        permille: u32,
    },
    /// Back to this moment: what came later has not happened, and may come otherwise.
    Jump {
        /// On the simulated clock.
        time_ns: u64,
    },
    /// Back to the beginning, with nothing done.
    Restart,
}

/// A packet under way in a simulated network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// Its number.
    pub packet: u32,
    /// Who sent it.
    pub from: End,
    /// When it left.
    pub sent_ns: u64,
    /// When it arrives if nobody interferes.
    pub arrives_ns: u64,
}

/// The present of a simulated network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// On the simulated clock, as in [`crate::Event::time_ns`].
    pub time_ns: u64,
    /// Whether time passes.
    pub is_running: bool,
    /// As in [`Time::Speed`].
    pub permille: u32,
    /// What the link does.
    pub network: NetworkSettings,
    /// In the order in which they left.
    pub flights: Vec<Flight>,
}
