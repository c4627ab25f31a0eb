//! What the gateway and the page agree on.
//!
//! Nothing here opens a socket or touches the page, so both sides, the book's preprocessor and the
//! tests use the same types:
//!
//! - [`event`]: one observed fact, the unit of everything a lab shows;
//! - [`packet`]: what is on the network between two ends, and [`flows`]: what it means there;
//! - [`kernel`]: what the system says of a socket;
//! - [`network`]: a simulated network;
//! - [`session`]: the messages between the page and the gateway, and their encoding;
//! - [`lab`]: what a chapter says about its lab: steps, listings;
//! - [`seen`]: the small language of what must be observed for a step to tick;
//! - [`play`]: the small language of what to do, for the tests and the recorder;
//! - [`progress`]: the matcher that ticks steps off against events;
//! - [`trace`]: an exchange that can be kept: recorded, shared, opened again;
//! - [`pcapng`]: an exchange as a file for Wireshark, and [`synth`]: the packets it may have had;
//! - [`slicer`]: where a slicer cuts what is sent;
//! - [`transfer`]: which write became which read;
//! - [`classify`]: what kind of address something is;
//! - [`exhibit`]: what a chapter shows besides its labs;
//! - [`dns`]: asking a DNS server;
//! - [`dissect`]: bytes as a tree of named fields;
//! - [`words`]: a packet in words;
//! - [`text`]: bytes as text a person can read and type, and back.

#![forbid(unsafe_code)]

pub mod address;
pub mod classify;
pub mod dissect;
pub mod dns;
pub mod event;
pub mod exhibit;
pub mod flows;
pub mod kernel;
pub mod lab;
pub mod network;
pub mod packet;
mod payload;
pub mod pcapng;
mod phrase;
pub mod play;
pub mod progress;
pub mod seen;
pub mod session;
pub mod slicer;
pub mod synth;
pub mod text;
pub mod trace;
pub mod transfer;
pub mod words;

pub use address::Address;
pub use event::{Action, ConnectionId, Data, End, Event, Operation, SocketOption, Source, Worker};
pub use kernel::{Kernel, TcpState};
pub use lab::{Lab, Listing, Step};
pub use network::{NetworkSettings, Trap};
pub use packet::Packet;
pub use play::{Act, Play};
pub use progress::Progress;
pub use seen::Seen;
pub use session::{ToGateway, ToPage};
pub use trace::Trace;
