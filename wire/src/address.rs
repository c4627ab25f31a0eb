//! Where a socket is.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest path of a socket that is taken, in bytes (unix(7): 108 with its final zero).
const MAX_PATH_BYTES: usize = 107;

/// The address of a socket, of whichever family.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// IP address and port.
    Ip(SocketAddr),
    /// The path of a Unix socket; empty for a client, which has none.
    Unix(String),
}

/// What travels between programs.
#[derive(Serialize, Deserialize)]
enum Compact {
    Ip(SocketAddr),
    Unix(String),
}

/// A text that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressError;

impl fmt::Display for AddressError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an address is written 127.0.0.1:9090, [::1]:9090 or unix:PATH")
    }
}

impl std::error::Error for AddressError {}

impl Address {
    /// As a program at the reader's terminal takes it: a path stands for itself.
    pub fn to_dial(&self) -> String {
        match self {
            Self::Ip(address) => address.to_string(),
            Self::Unix(path) => path.clone(),
        }
    }

    /// IP address and port, for those families that have them.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(formatter),
            Self::Unix(path) => write!(formatter, "unix:{path}"),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix("unix:") {
            Some(path) if path.len() <= MAX_PATH_BYTES => Ok(Self::Unix(path.to_owned())),
            Some(_) => Err(AddressError),
            None => text.parse().map(Self::Ip).map_err(|_| AddressError),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        match self {
            Self::Ip(address) => Compact::Ip(*address),
            Self::Unix(path) => Compact::Unix(path.clone()),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            return text.parse().map_err(serde::de::Error::custom);
        }
        Ok(match Compact::deserialize(deserializer)? {
            Compact::Ip(address) => Self::Ip(address),
            Compact::Unix(path) => Self::Unix(path),
        })
    }
}
