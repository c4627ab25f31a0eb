//! The packets of the lessons, as the system shows them on the loopback interface.
//!
//! Seeing packets needs a privilege, and whoever has it could see everybody's. So [`Capture::open`]
//! comes first of all in `main`: it opens a socket that receives nothing, and gives up the
//! privilege for good, before there is a thread or a byte from outside. Later, when it is known
//! where the lessons listen, the socket gets a filter that lets through their packets alone, and
//! the filter is locked; only then it receives.
//!
//! - [`Source`]: what a system must be able to do; `linux` is the one that there is;
//! - `filter`: which packets the kernel lets through;
//! - `privilege`: what is given up;
//! - `reader`: the thread that reads while somebody looks.

#[cfg(any(target_os = "linux", test))]
mod filter;
#[cfg(target_os = "linux")]
mod link_address;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod privilege;
mod reader;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

pub use self::reader::{Batch, Looker, Packet, Reader};

/// A transport protocol with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RFC 9293
    Tcp,
    /// RFC 768
    Udp,
}

/// A place whose packets may be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Of its packets.
    pub protocol: Protocol,
    /// Sends or is sent them.
    pub address: SocketAddr,
}

/// A packet, or as much of it as there is room for, beginning with its Ethernet header.
#[derive(Clone, Copy, Debug)]
pub struct Captured<'a> {
    /// When the kernel passed it on, by the system's clock.
    pub time: SystemTime,
    /// What was kept of it.
    pub bytes: &'a [u8],
    /// How long it was.
    pub length: usize,
}

/// What a system must be able to do.
pub trait Source: Send + Sync {
    /// Lets through what concerns these endpoints, and nothing else, for good. Nothing comes
    /// before [`Source::resume`].
    ///
    /// # Errors
    ///
    /// If the system does not take the filter, or had one.
    fn admit(&self, endpoints: &[Endpoint]) -> io::Result<()>;

    /// Lets packets come from now on.
    ///
    /// # Errors
    ///
    /// If nothing was admitted, or there is no loopback interface.
    fn resume(&self) -> io::Result<()>;

    /// Lets no more packets come; those that wait are forgotten.
    ///
    /// # Errors
    ///
    /// If the system does not take that.
    fn pause(&self) -> io::Result<()>;

    /// Waits until there is something to read, or until [`Source::wake`] is called.
    ///
    /// # Errors
    ///
    /// If the system cannot wait.
    fn wait(&self) -> io::Result<()>;

    /// Ends a [`Source::wait`], now or to come.
    fn wake(&self);

    /// Shows the packets that wait, in the order in which they came; `true` if there may be more.
    ///
    /// # Errors
    ///
    /// If the interface is gone.
    fn read(&self, each: &mut dyn FnMut(Captured<'_>)) -> io::Result<bool>;

    /// How many packets were lost, for want of room, since this was last asked.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    fn lost(&self) -> io::Result<u64>;
}

/// Why there are no packets to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// A sentence for the reader.
    pub why: String,
    /// What would allow it, for the reader's terminal.
    pub command: Option<String>,
}

/// The means to see packets, or why there are none.
#[derive(Clone)]
pub struct Capture(Result<Arc<dyn Source>, Missing>);

impl Capture {
    /// Opens the means to see packets if the system allows it, and gives up the privilege to do so
    /// again. Comes before the first thread: a privilege belongs to a thread, and others keep it.
    pub fn open() -> Self {
        #[cfg(target_os = "linux")]
        {
            let opened = linux::Loopback::open();
            Self(match (privilege::give_up(), opened) {
                (Ok(()), opened) => opened.map(|source| Arc::new(source) as _),
                // Then no socket is kept that only the privilege has made possible.
                (Err(why), _) => Err(Missing { why, command: None }),
            })
        }
        #[cfg(not(target_os = "linux"))]
        Self(Err(Missing {
            why: "Wirebook can capture packets on Linux only, so far.".to_owned(),
            command: None,
        }))
    }

    /// The same without giving anything up, for a program that is more than a gateway.
    pub fn open_and_keep_privilege() -> Self {
        #[cfg(target_os = "linux")]
        return Self(linux::Loopback::open().map(|source| Arc::new(source) as _));
        #[cfg(not(target_os = "linux"))]
        Self::open()
    }

    /// No packets, for this reason.
    pub fn missing(why: impl Into<String>) -> Self {
        Self(Err(Missing {
            why: why.into(),
            command: None,
        }))
    }

    /// Takes packets from `source`.
    pub fn from_source(source: Arc<dyn Source>) -> Self {
        Self(Ok(source))
    }

    /// Where packets come from.
    ///
    /// # Errors
    ///
    /// Why there are none.
    pub fn source(&self) -> Result<&Arc<dyn Source>, &Missing> {
        self.0.as_ref()
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(_) => formatter.write_str("Capture"),
            Err(missing) => missing.fmt(formatter),
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
