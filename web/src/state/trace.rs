//! What was observed, in order, within bounds, and the rows that show it.

use std::collections::VecDeque;

use wire::{Action, ConnectionId, End, Event};

/// The most that one lab keeps; what is older is dropped, and the reader is told how much.
const MAX_ITEMS: usize = 20_000;
/// The most payload that one lab keeps, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Something that has a place in the exchange.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// Its place; events have even numbers, twice their sequence, the rest stands between.
    pub(crate) order: u64,
    pub(crate) kind: Kind,
}

/// What it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Event(Event),
    /// So many events were lost here.
    Gap(u64),
    /// The session with the gateway ended here, and all connections with it.
    Break,
}

/// A row of the exchange: one item, or a run of the same wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Of the first item.
    pub(crate) order: u64,
    /// Of the last item.
    pub(crate) last: u64,
    /// How many items.
    pub(crate) count: u32,
}

/// Everything observed in one lab.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    items: VecDeque<Item>,
    rows: VecDeque<Row>,
    bytes: usize,
    /// How many events were dropped to stay within bounds.
    pub(crate) dropped: u64,
    /// How many rows were dropped with them since the last rebuild.
    pub(crate) dropped_rows: usize,
    max_items: usize,
    /// Only rows of this conversation.
    pub(crate) filter: Option<ConnectionId>,
    /// Whether rows tell that the server waits.
    pub(crate) shows_waits: bool,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            items: VecDeque::new(),
            rows: VecDeque::new(),
            bytes: 0,
            dropped: 0,
            dropped_rows: 0,
            max_items: MAX_ITEMS,
            filter: None,
            shows_waits: true,
        }
    }
}

impl Trace {
    /// The rows in order.
    pub(crate) fn rows(&self) -> &VecDeque<Row> {
        &self.rows
    }

    /// All that is kept, in order.
    pub(crate) fn items(&self) -> &VecDeque<Item> {
        &self.items
    }

    /// The item at this place.
    pub(crate) fn item(&self, order: u64) -> Option<&Item> {
        self.items.get(self.index(order)?)
    }

    fn index(&self, order: u64) -> Option<usize> {
        self.items
            .binary_search_by_key(&order, |item| item.order)
            .ok()
    }

    /// The event at this place.
    pub(crate) fn event(&self, order: u64) -> Option<&Event> {
        match &self.item(order)?.kind {
            Kind::Event(event) => Some(event),
            _ => None,
        }
    }

    /// The index of the row that shows the item at this place.
    pub(crate) fn row_of(&self, order: u64) -> Option<usize> {
        let index = self.rows.partition_point(|row| row.last < order);
        (self.rows.get(index)?.order <= order).then_some(index)
    }

    /// The place of the first item kept.
    pub(crate) fn first(&self) -> Option<u64> {
        self.items.front().map(|item| item.order)
    }

    /// Adds an event at its place; `false` if it is there already.
    pub(crate) fn push(&mut self, event: Event) -> bool {
        let order = event.sequence * 2;
        let bytes = event.data().map_or(0, |data| data.bytes.len());
        let item = Item {
            order,
            kind: Kind::Event(event),
        };
        if self.items.back().is_none_or(|last| last.order < order) {
            self.append(item);
        } else {
            let index = self.items.partition_point(|other| other.order < order);
            if self
                .items
                .get(index)
                .is_some_and(|other| other.order == order)
            {
                return false;
            }
            self.items.insert(index, item);
            self.rebuild();
        }
        self.bytes += bytes;
        self.stay_within_bounds();
        true
    }

    /// Notes behind all that was observed that events were lost.
    pub(crate) fn push_gap(&mut self, count: u64) {
        self.push_note(Kind::Gap(count));
    }

    /// Notes that the session ended, if anything was observed in it.
    pub(crate) fn push_break(&mut self) {
        if matches!(self.items.back(), Some(Item { kind, .. }) if *kind != Kind::Break) {
            self.push_note(Kind::Break);
        }
    }

    fn push_note(&mut self, kind: Kind) {
        let order = self.items.back().map_or(1, |last| last.order | 1);
        if let Some(Item {
            order: last,
            kind: Kind::Gap(lost),
        }) = self.items.back_mut()
            && *last == order
        {
            // Two notes at one place are one.
            if let Kind::Gap(count) = kind {
                *lost += count;
            }
            return;
        }
        self.append(Item { order, kind });
        self.stay_within_bounds();
    }

    /// Shows other rows.
    pub(crate) fn show(&mut self, filter: Option<ConnectionId>, shows_waits: bool) {
        self.filter = filter;
        self.shows_waits = shows_waits;
        self.rebuild();
    }

    fn append(&mut self, item: Item) {
        let last = self.rows.back().and_then(|row| self.index(row.order));
        self.items.push_back(item);
        self.add_row(self.items.len() - 1, last);
    }

    fn rebuild(&mut self) {
        self.rows.clear();
        self.dropped_rows = 0;
        let mut previous = None;
        for index in 0..self.items.len() {
            previous = self.add_row(index, previous);
        }
    }

    /// Adds the item at `index` to the rows; `last` is the first item of the last row.
    /// Answers with the first item of what is then the last row.
    fn add_row(&mut self, index: usize, last: Option<usize>) -> Option<usize> {
        let order = self.items[index].order;
        if let Kind::Event(event) = &self.items[index].kind {
            let is_elsewhere = event.connection.is_some() && event.connection != self.filter;
            if self.filter.is_some() && is_elsewhere {
                return last;
            }
            if matches!(event.action, Action::Wait { .. }) {
                // The gateway reads for the reader all the time, and the relay does nothing but
                // wait: that they do tells nothing.
                if !self.shows_waits || event.end != End::Server {
                    return last;
                }
                if last.is_some_and(|last| is_same_wait(&self.items[last], event))
                    && let Some(row) = self.rows.back_mut()
                {
                    row.last = order;
                    row.count += 1;
                    return last;
                }
            }
        }
        self.rows.push_back(Row {
            order,
            last: order,
            count: 1,
        });
        Some(index)
    }

    fn stay_within_bounds(&mut self) {
        while self.items.len() > self.max_items || self.bytes > MAX_BYTES {
            let Some(item) = self.items.pop_front() else {
                return;
            };
            if let Kind::Event(event) = &item.kind {
                self.dropped += 1;
                self.bytes -= event.data().map_or(0, |data| data.bytes.len());
            }
            while self.rows.front().is_some_and(|row| row.order <= item.order) {
                self.rows.pop_front();
                self.dropped_rows += 1;
            }
        }
    }
}

/// Whether the same task waits for the same in both.
fn is_same_wait(item: &Item, event: &Event) -> bool {
    matches!(&item.kind, Kind::Event(earlier)
        if earlier.action == event.action
            && earlier.end == event.end
            && earlier.connection == event.connection
            && earlier.worker == event.worker)
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
