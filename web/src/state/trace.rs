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
#[expect(clippy::large_enum_variant, reason = "nearly every item is an event")]
pub(crate) enum Kind {
    Event(Event),
    /// So many events were lost here.
    Gap(u64),
    /// So many packets were not captured, or not told of.
    Missed(u64),
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

impl Row {
    fn of(order: u64) -> Self {
        Self {
            order,
            last: order,
            count: 1,
        }
    }
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
    /// Whether packets have rows.
    pub(crate) shows_packets: bool,
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
            shows_packets: false,
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
        let weight = event.held_bytes();
        let item = Item {
            order,
            kind: Kind::Event(event),
        };
        if self.items.back().is_none_or(|last| last.order < order) {
            self.append(item);
        } else {
            let Err(index) = self.items.binary_search_by_key(&order, |other| other.order) else {
                return false;
            };
            self.items.insert(index, item);
            self.insert_row(index);
        }
        self.bytes += weight;
        self.stay_within_bounds();
        true
    }

    /// Notes behind all that was observed that events were lost.
    pub(crate) fn push_gap(&mut self, count: u64) {
        self.push_note(Kind::Gap(count));
    }

    /// Notes there that packets were not told of.
    pub(crate) fn push_missed(&mut self, count: u64) {
        self.push_note(Kind::Missed(count));
    }

    /// Notes that the session ended, if anything was observed in it.
    pub(crate) fn push_break(&mut self) {
        if matches!(self.items.back(), Some(Item { kind, .. }) if *kind != Kind::Break) {
            self.push_note(Kind::Break);
        }
    }

    fn push_note(&mut self, kind: Kind) {
        // Two notes of one kind at one place are one.
        match (self.items.back_mut().map(|last| &mut last.kind), &kind) {
            (Some(Kind::Gap(so_far)), Kind::Gap(count))
            | (Some(Kind::Missed(so_far)), Kind::Missed(count)) => {
                *so_far += count;
                return;
            }
            _ => {}
        }
        // The places of events are even.
        let order = (self.items.back()).map_or(1, |last| (last.order + 1) | 1);
        self.append(Item { order, kind });
        self.stay_within_bounds();
    }

    /// Shows other rows.
    pub(crate) fn show(&mut self, filter: Option<ConnectionId>, shows_waits: bool) {
        self.filter = filter;
        self.shows_waits = shows_waits;
        self.rebuild();
    }

    /// Shows packets, or does not.
    pub(crate) fn show_packets(&mut self, shows_packets: bool) {
        if self.shows_packets != shows_packets {
            self.shows_packets = shows_packets;
            self.rebuild();
        }
    }

    /// A trace without anything in it, which shows what this one shows.
    pub(crate) fn emptied(&self) -> Self {
        Self {
            filter: self.filter,
            shows_waits: self.shows_waits,
            shows_packets: self.shows_packets,
            ..Self::default()
        }
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
        let item = &self.items[index];
        if self.is_hidden(item) {
            return last;
        }
        let order = item.order;
        if last.is_some_and(|last| is_same_wait(&self.items[last], item))
            && let Some(row) = self.rows.back_mut()
        {
            row.last = order;
            row.count += 1;
            return last;
        }
        self.rows.push_back(Row::of(order));
        Some(index)
    }

    /// Adds the item at `index`, which came late, between the rows that are there.
    fn insert_row(&mut self, index: usize) {
        let item = &self.items[index];
        if self.is_hidden(item) {
            return;
        }
        let order = item.order;
        let next = self.rows.partition_point(|row| row.order < order);
        let is_same = |row: &Row| (self.item(row.order)).is_some_and(|one| is_same_wait(one, item));
        let before = next.checked_sub(1).and_then(|index| self.rows.get(index));
        let continues = before.is_some_and(is_same);
        let begins = self.rows.get(next).is_some_and(is_same);
        let splits = before.filter(|row| row.last > order && !continues).copied();
        if continues {
            let row = &mut self.rows[next - 1];
            row.last = row.last.max(order);
            row.count += 1;
        } else if let Some(run) = splits {
            // It stands in the middle of a run of waits: what is behind it is a run of its own.
            let rest = self.part_of(run, index + 1, self.items.len());
            let head = self.part_of(run, 0, index);
            self.rows.remove(next - 1);
            let parts = [head, Some(Row::of(order)), rest];
            for row in parts.into_iter().flatten().rev() {
                self.rows.insert(next - 1, row);
            }
        } else if begins {
            let row = &mut self.rows[next];
            row.order = order;
            row.count += 1;
        } else {
            self.rows.insert(next, Row::of(order));
        }
    }

    /// What of a run is among the items from `start` to `end`.
    fn part_of(&self, run: Row, start: usize, end: usize) -> Option<Row> {
        let first = self.item(run.order)?;
        let start = start.max(self.index(run.order)?);
        let end = end.min(self.index(run.last)? + 1);
        let items = self.items.range(start..end);
        let mut orders = items
            .filter(|item| is_same_wait(first, item))
            .map(|item| item.order);
        let mut row = Row::of(orders.next()?);
        for order in orders {
            row.last = order;
            row.count += 1;
        }
        Some(row)
    }

    /// Whether no row tells of it.
    fn is_hidden(&self, item: &Item) -> bool {
        let event = match &item.kind {
            Kind::Event(event) => event,
            Kind::Missed(_) => return !self.shows_packets,
            Kind::Gap(_) | Kind::Break => return false,
        };
        let is_elsewhere = event.connection.is_some() && event.connection != self.filter;
        if self.filter.is_some() && is_elsewhere {
            return true;
        }
        match event.action {
            // The gateway reads for the reader all the time, and the relay does nothing but wait:
            // that they do tells nothing.
            Action::Wait { .. } => !self.shows_waits || event.end != End::Server,
            Action::Packet(_) => !self.shows_packets,
            // What became of a packet is told in its row; samples have a place of their own.
            Action::Fate { .. } | Action::Kernel(_) => true,
            _ => false,
        }
    }

    fn stay_within_bounds(&mut self) {
        while self.items.len() > self.max_items || self.bytes > MAX_BYTES {
            let Some(item) = self.items.pop_front() else {
                return;
            };
            if let Kind::Event(event) = &item.kind {
                self.dropped += 1;
                self.bytes -= event.held_bytes();
            }
            while self.rows.front().is_some_and(|row| row.order <= item.order) {
                self.rows.pop_front();
                self.dropped_rows += 1;
            }
        }
    }
}

/// Whether the same task waits for the same in both.
fn is_same_wait(one: &Item, other: &Item) -> bool {
    matches!((&one.kind, &other.kind), (Kind::Event(one), Kind::Event(other))
        if matches!(one.action, Action::Wait { .. })
            && one.action == other.action
            && one.end == other.end
            && one.connection == other.connection
            && one.worker == other.worker)
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
