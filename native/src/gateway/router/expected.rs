//! Where the connections of sessions come from, until the server accepts them.

use std::collections::HashMap;
use std::time::Instant;

use wire::Address;

use super::Owner;
use crate::gateway::limits::UNDECIDED_CONNECTION_TIME;

#[derive(Default)]
pub(super) struct Expectations(HashMap<Address, Expectation>);

struct Expectation {
    owner: Owner,
    /// Set when it is not known whether the server will ever see it.
    until: Option<Instant>,
}

impl Expectations {
    pub(super) fn insert(&mut self, local: Address, owner: Owner) {
        let now = Instant::now();
        self.0
            .retain(|_, expectation| expectation.until.is_none_or(|until| now < until));
        self.0.insert(local, Expectation { owner, until: None });
    }

    /// Its client went away while it was connecting. The kernel may have made the connection
    /// before that, and then the server accepts it: it is still the session's, and no other's.
    pub(super) fn is_undecided(&mut self, local: &Address) {
        if let Some(expectation) = self.0.get_mut(local) {
            expectation.until = Some(Instant::now() + UNDECIDED_CONNECTION_TIME);
        }
    }

    /// The session behind what the server has accepted; `None` if it is another program's.
    pub(super) fn take(&mut self, peer: &Address) -> Option<Owner> {
        let Expectation { owner, until } = self.0.remove(peer)?;
        let is_over = until.is_some_and(|until| Instant::now() >= until);
        (!is_over).then_some(owner)
    }
}
