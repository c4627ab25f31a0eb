//! Which charts a connection has, and which moment the reader looks at.

use wire::kernel::{Kernel, TcpState};
use wire::packet::Fate;
use wire::{Action, ConnectionId, End, Event};

use super::chart::{Point, Span, band, steps};
use super::kernel::{QUANTITIES, Quantity, Sample, Samples, Unit};
use super::lab::Lab;
use super::trace::Kind;

/// The most packets that a chart is made of; the latest.
const MAX_PACKETS: usize = 8_192;

/// A call is stamped before it sends, and the kernel is asked when it has returned: so much later at
/// most, if nothing is in the way.
const SETTLING_NS: u64 = 1_000_000;

/// One chart of one end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chart {
    pub(crate) name: &'static str,
    unit: Unit,
    points: Vec<Point>,
    /// What else is drawn in it, in words.
    pub(crate) beside: &'static str,
    /// The top of its scale, in words.
    pub(crate) max: String,
    pub(crate) line: String,
    /// A second line, or the outline of a band.
    pub(crate) other: String,
    pub(crate) is_band: bool,
}

/// What is drawn beside a quantity.
enum Beside {
    Nothing,
    Line(Vec<Point>),
    /// The lower and the upper edge.
    Band(Vec<(u64, u64, u64)>),
}

/// What is drawn beside a quantity, by its place in [`QUANTITIES`].
#[derive(Clone, Copy)]
enum With {
    Nothing,
    Line(usize),
    /// So much above and below.
    Band(usize),
}

/// What charts there are: a quantity by its place in [`QUANTITIES`], what else, and its words.
const CHARTS: [(usize, With, &str); 7] = [
    (3, With::Line(4), "dashed: slow start threshold"),
    (6, With::Nothing, ""),
    (0, With::Band(1), "shaded: its variation"),
    (8, With::Nothing, ""),
    (7, With::Nothing, ""),
    (9, With::Nothing, ""),
    (10, With::Nothing, ""),
];

/// A moment of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    Latest,
    Time(u64),
}

impl Moment {
    /// When it was, as far as it is within these times.
    pub(crate) fn time_ns(self, span: Span) -> u64 {
        match self {
            Self::Latest => span.to_ns,
            Self::Time(time_ns) => time_ns.clamp(span.from_ns, span.to_ns),
        }
    }
}

impl Chart {
    /// `None` if it would be a straight line.
    fn new(
        (name, unit): (&'static str, Unit),
        points: Vec<Point>,
        beside: Beside,
        words: &'static str,
        span: Span,
    ) -> Option<Self> {
        let first = points.first()?.1;
        if points.iter().all(|(_, value)| *value == first) {
            return None;
        }
        let highest = |points: &[Point]| points.iter().map(|(_, value)| *value).max();
        let beyond = match &beside {
            Beside::Nothing => None,
            Beside::Line(line) => highest(line),
            Beside::Band(edges) => edges.iter().map(|(_, _, high)| *high).max(),
        };
        let max = highest(&points).max(beyond).unwrap_or(0).max(1);
        let other = match &beside {
            Beside::Nothing => String::new(),
            Beside::Line(line) => steps(line, span, max),
            Beside::Band(edges) => band(edges, span, max),
        };
        Some(Self {
            name,
            unit,
            beside: if other.is_empty() { "" } else { words },
            max: unit.words(max),
            line: steps(&points, span, max),
            other,
            is_band: matches!(beside, Beside::Band(_)),
            points,
        })
    }

    /// Its value at a time, in words.
    pub(crate) fn value_at(&self, time_ns: u64) -> String {
        let index = self.points.partition_point(|(at, _)| *at <= time_ns);
        let point = index
            .checked_sub(1)
            .and_then(|index| self.points.get(index));
        point.map_or("–".to_owned(), |(_, value)| self.unit.words(*value))
    }
}

impl Samples {
    /// What was known at a moment.
    pub(crate) fn at(&self, moment: Moment) -> Option<&Sample> {
        let all = self.all();
        let index = match moment {
            Moment::Latest => all.len(),
            Moment::Time(time_ns) => all.partition_point(|sample| sample.time_ns <= time_ns),
        };
        all.get(index.checked_sub(1)?)
    }

    /// The values of a quantity.
    fn points(&self, quantity: &Quantity) -> Vec<Point> {
        let value = |sample: &Sample| Some((sample.time_ns, (quantity.get)(&sample.kernel)?));
        self.all().iter().filter_map(value).collect()
    }

    fn chart(&self, span: Span, (main, with, words): (usize, With, &'static str)) -> Option<Chart> {
        let main = &QUANTITIES[main];
        let beside = match with {
            With::Nothing => Beside::Nothing,
            With::Line(other) => Beside::Line(self.points(&QUANTITIES[other])),
            With::Band(other) => {
                let edges = |sample: &Sample| {
                    let value = (main.get)(&sample.kernel)?;
                    let by = (QUANTITIES[other].get)(&sample.kernel)?;
                    Some((sample.time_ns, value.saturating_sub(by), value + by))
                };
                Beside::Band(self.all().iter().filter_map(edges).collect())
            }
        };
        let name = (main.name, main.unit);
        Chart::new(name, self.points(main), beside, words, span)
    }
}

/// What packets tell of one direction.
#[derive(Default)]
struct Sent {
    /// Behind the last byte of each segment that was sent.
    sent: Vec<Point>,
    acknowledged: Vec<Point>,
    in_flight: Vec<Point>,
}

impl Lab {
    /// The charts of one end of a connection.
    pub(crate) fn charts(&self, id: ConnectionId, end: End) -> Vec<Chart> {
        let Some(span) = self.span(id) else {
            return Vec::new();
        };
        let samples = self.kernel.of(id, end);
        let said = samples.into_iter().flat_map(|samples| {
            let chart = |chart| samples.chart(span, chart);
            CHARTS.into_iter().filter_map(chart)
        });
        let sent = self.sent(id, end);
        let in_flight = Chart::new(
            ("in flight, by the packets", Unit::Bytes),
            sent.in_flight,
            Beside::Nothing,
            "",
            span,
        );
        let numbers = Chart::new(
            ("sequence number sent", Unit::Bytes),
            sent.sent,
            Beside::Line(sent.acknowledged),
            "dashed: acknowledged",
            span,
        );
        said.chain(in_flight).chain(numbers).collect()
    }

    /// What the packets of a connection tell of what an end has sent.
    fn sent(&self, id: ConnectionId, end: End) -> Sent {
        // When, how far it was sent or acknowledged, and which of both.
        let mut steps: Vec<Step> = Vec::new();
        let mut first = None;
        for (time_ns, from, told) in self.segments(id) {
            let Some(sight) = told.sight.as_ref() else {
                continue;
            };
            let length = u64::from(sight.summary.sequence_length());
            if from == end && sight.summary.tcp().is_some() && length > 0 {
                let seq = u64::from(sight.marks.seq);
                first.get_or_insert(seq);
                add(&mut steps, (time_ns, seq + length, true));
            } else if let (true, Some(ack)) = (from != end, sight.marks.ack) {
                // It counts where it arrives. Of captured packets no fate is told: that is at once.
                let mut fates = told.fates.iter();
                let arrived = fates.clone().find(|(_, fate)| *fate == Fate::Arrive);
                let is_lost = fates.any(|(_, fate)| matches!(fate, Fate::Drop(_)));
                match arrived {
                    Some((at_ns, _)) => add(&mut steps, (*at_ns, ack.into(), false)),
                    None if is_lost => {}
                    None => add(&mut steps, (time_ns, ack.into(), false)),
                }
            }
        }
        let mut sent = Sent::default();
        let (mut next, mut acked) = (0, first.unwrap_or(0));
        for (time_ns, number, is_sent) in steps {
            if is_sent {
                next = next.max(number);
                sent.sent.push((time_ns, number));
            } else {
                acked = acked.max(number);
                sent.acknowledged.push((time_ns, acked));
            }
            sent.in_flight.push((time_ns, next.saturating_sub(acked)));
        }
        sent
    }

    /// The latest packets of a connection.
    fn segments(
        &self,
        id: ConnectionId,
    ) -> impl Iterator<Item = (u64, End, &super::packets::Told)> {
        let items = self.trace.items();
        let skipped = items.len().saturating_sub(MAX_PACKETS);
        items.iter().skip(skipped).filter_map(move |item| {
            let Kind::Event(event) = &item.kind else {
                return None;
            };
            match &event.action {
                Action::Packet(packet) if event.connection == Some(id) => {
                    let told = self.packets.told(event.sequence)?;
                    Some((event.time_ns, packet.from, told))
                }
                _ => None,
            }
        })
    }

    /// What was said of both ends.
    fn both(&self, id: ConnectionId) -> impl Iterator<Item = &Samples> {
        let ends = [End::Client, End::Server].into_iter();
        ends.filter_map(move |end| self.kernel.of(id, end))
    }

    /// From the first to the last sample that has numbers, and the packets: what comes after has
    /// only a state.
    pub(crate) fn span(&self, id: ConnectionId) -> Option<Span> {
        let samples = self.both(id).flat_map(Samples::all);
        let times = samples
            .filter(|sample| sample.kernel.cwnd.is_some())
            .map(|sample| sample.time_ns)
            .chain(self.segments(id).map(|(time_ns, _, _)| time_ns));
        let (mut from_ns, mut to_ns) = (u64::MAX, 0);
        for time_ns in times {
            from_ns = from_ns.min(time_ns);
            to_ns = to_ns.max(time_ns);
        }
        (from_ns <= to_ns).then_some(Span { from_ns, to_ns })
    }

    /// The moment that the selected event stands for: when what it brought with it was known.
    pub(crate) fn moment(&self, selected: Option<u64>) -> Moment {
        let rows = self.trace.rows();
        let row = selected.and_then(|order| self.trace.row_of(order));
        let (Some(row), Some(event)) = (row, selected.and_then(|order| self.trace.event(order)))
        else {
            return Moment::Latest;
        };
        if row + 1 == rows.len() {
            return Moment::Latest;
        }
        // Its own sample may come later than that, but before the next call of its end.
        let is_next =
            |later: &&Event| (later.end, later.connection) == (event.end, event.connection);
        let mut later = rows
            .range(row + 1..)
            .filter_map(|row| self.trace.event(row.order));
        let until = later
            .find(is_next)
            .map_or(u64::MAX, |next| next.sequence * 2);
        let samples = event.connection.into_iter().flat_map(|id| self.both(id));
        let own = samples
            .flat_map(Samples::all)
            .filter(|sample| (event.sequence * 2..until).contains(&sample.order))
            .map(|sample| sample.time_ns)
            .min();
        Moment::Time(own.unwrap_or(0).max(event.time_ns + SETTLING_NS))
    }

    /// The event that was the last one at this time, as far as it has a row.
    pub(crate) fn event_at(&self, time_ns: u64) -> Option<u64> {
        let rows = self.trace.rows();
        // Rows are in order, and so are their times, as nearly as their calls can tell.
        let after = rows.partition_point(|row| {
            let event = self.trace.event(row.order);
            event.is_none_or(|event| event.time_ns <= time_ns)
        });
        Some(rows.get(after.checked_sub(1)?)?.order)
    }

    /// The numbers that were last said of an end at a moment: in TIME-WAIT there are none any more.
    pub(crate) fn kernel_at(&self, id: ConnectionId, end: End, moment: Moment) -> Option<&Kernel> {
        let samples = self.kernel.of(id, end)?;
        let last = samples.at(moment)?.order;
        let until = samples.all().partition_point(|sample| sample.order <= last);
        let mut said = samples.all()[..until].iter().rev();
        let sample = said.find(|sample| sample.kernel.mss.is_some())?;
        Some(&sample.kernel)
    }

    /// The states in which an end was seen until a moment.
    pub(crate) fn states_at(&self, id: ConnectionId, end: End, moment: Moment) -> Vec<TcpState> {
        let Some(samples) = self.kernel.of(id, end) else {
            return Vec::new();
        };
        let until = samples.at(moment).map_or(0, |sample| sample.order + 1);
        samples.states_before(until).collect()
    }

    /// Whether a connection has samples, or packets of which charts can be made.
    pub(crate) fn has_charts(&self, id: ConnectionId) -> bool {
        self.both(id).any(|samples| !samples.all().is_empty()) || self.span(id).is_some()
    }
}

/// A number that was sent or acknowledged, with its time.
type Step = (u64, u64, bool);

/// Adds a step at its time. Most come in order; for the few that do not, a sort would weigh more.
fn add(steps: &mut Vec<Step>, step: Step) {
    let at = steps.partition_point(|(time_ns, _, _)| *time_ns <= step.0);
    steps.insert(at, step);
}

#[cfg(test)]
#[path = "charts_tests.rs"]
mod tests;
