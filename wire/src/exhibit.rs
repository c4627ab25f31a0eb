//! What a chapter shows besides its labs: a captured packet to explore, an address to classify.

use serde::{Deserialize, Serialize};

use crate::classify::Class;
use crate::dissect::Field;
use crate::lab::Run;

/// One exhibit, as the preprocessor hands it to the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exhibit {
    /// Unlike that of any lab or other exhibit of the book; progress is kept under it.
    pub name: String,
    /// Changes when what is to be found changes.
    pub hash: String,
    /// For the reader, e.g. `One segment of tcp_ok`.
    pub title: String,
    /// What there is to see.
    pub shows: Shows,
    /// What to find in it, in order.
    pub finds: Vec<Find>,
}

/// What an exhibit shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shows {
    /// A captured packet.
    Packet {
        /// As the network card has it.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
        /// What they mean.
        fields: Vec<Field>,
    },
    /// An address that the reader types.
    Address {
        /// What is classified at first, and in print.
        examples: Vec<String>,
    },
}

/// Something to find.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Find {
    /// For the reader.
    pub say: Vec<Run>,
    /// What ticks it.
    pub wanted: Wanted,
}

/// What a reader must select or type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wanted {
    /// The field at this [place](crate::dissect::place).
    Field(u32),
    /// An address of which all of these are true.
    Classes(Vec<Class>),
}
