//! Whether an exchange is still the one that was recorded, in what does not depend on the moment.
//!
//! Each end of each connection is compared by itself, for two ends notice at once what happens. A
//! stream's bytes count, not the calls that carried them; waiting and what the kernel says of its
//! buffers do not count; where a relay decides by chance and clock, it only counts what came through.
//! Of packets count those by which each end begins and ends a connection: how bytes are packed, and
//! what is acknowledged when, is the system's affair and differs from run to run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Part, Trace};
use crate::event::{Action, ConnectionId, End, Event, Failure};
use crate::flows::{Flows, Kind};
use crate::text;

/// The most bytes of one run that are compared and shown; longer ones are alike in that.
const MAX_COMPARED_BYTES: usize = 1024;

/// How many lines that are alike are shown around those that differ.
const CONTEXT_LINES: usize = 3;

/// The most lines of one end that are compared.
const MAX_LINES: usize = 2_000;

/// How an exchange differs from the recorded one; shown in the manner of `diff`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    lines: Vec<String>,
}

impl fmt::Display for Drift {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.lines.join("\n"))
    }
}

/// What happened at one end of one connection, in order.
type Strand = Vec<Line>;

/// One line of a comparison.
#[derive(Clone, Debug)]
struct Line {
    /// The step during which it was observed, counted from 1.
    step: usize,
    /// What is compared and shown.
    text: String,
}

impl Trace {
    /// What is different in `now`; `None` if it is the same exchange.
    pub fn drift(&self, now: &Self) -> Option<Drift> {
        let mut lines = Vec::new();
        compare("", &self.steps, &now.steps, &mut lines);
        for (index, (expected, found)) in self.questions.iter().zip(&now.questions).enumerate() {
            let question = format!("question {}, ", index + 1);
            if expected.outcome != found.outcome {
                lines.push(format!("{question}which choice it came to:"));
                lines.push(format!("  - recorded: choice {}", expected.outcome + 1));
                lines.push(format!("  + now:      choice {}", found.outcome + 1));
            }
            compare(&question, &expected.part, &found.part, &mut lines);
        }
        if self.questions.len() != now.questions.len() {
            lines.push("the number of questions:".to_owned());
            lines.push(format!("  - recorded: {}", self.questions.len()));
            lines.push(format!("  + now:      {}", now.questions.len()));
        }
        if self.steps.ticks.len() != now.steps.ticks.len() {
            lines.push("how many steps ticked:".to_owned());
            lines.push(format!("  - recorded: {}", self.steps.ticks.len()));
            lines.push(format!("  + now:      {}", now.steps.ticks.len()));
        }
        if lines.is_empty() {
            // Only told where nothing else is: it is what an edited comment does.
            compare_sources(self, now, &mut lines);
        }
        (!lines.is_empty()).then_some(Drift { lines })
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        let questions = self.questions.iter().map(|answered| &answered.part);
        std::iter::once(&self.steps).chain(questions)
    }
}

/// The page lights the line that ran, so it must be the line that runs now.
fn compare_sources(recorded: &Trace, now: &Trace, lines: &mut Vec<String>) {
    let (recorded, now) = (sources(recorded), sources(now));
    let files: BTreeSet<_> = recorded.keys().chain(now.keys()).collect();
    for file in files {
        let (expected, found) = (recorded.get(file), now.get(file));
        if expected != found {
            lines.push(format!("the lines of {file} that ran:"));
            lines.push(format!("  - recorded: {}", listed(expected)));
            lines.push(format!("  + now:      {}", listed(found)));
        }
    }
}

/// The lines of each server that ran.
fn sources(trace: &Trace) -> BTreeMap<String, BTreeSet<u32>> {
    let mut sources: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for part in trace.parts() {
        let relayed = relayed(part);
        for event in &part.events {
            if let Some(source) = &event.source
                && source.file.contains("/lessons/")
                && !relayed.contains(&event.connection)
                && !depends_on_the_moment(&event.action)
            {
                let lines = sources.entry(source.file.to_string()).or_default();
                lines.insert(source.line);
            }
        }
    }
    sources
}

fn listed(lines: Option<&BTreeSet<u32>>) -> String {
    let lines = lines.into_iter().flatten().map(u32::to_string);
    lines.collect::<Vec<_>>().join(", ")
}

/// The conversations that a relay takes part in.
fn relayed(part: &Part) -> BTreeSet<Option<ConnectionId>> {
    let relay = part.events.iter().filter(|event| event.end == End::Relay);
    relay.map(|event| event.connection).collect()
}

/// Whether a call finds what it wants at once is a matter of who was quicker; of a socket that
/// does not wait it is also how often it says so.
fn depends_on_the_moment(action: &Action) -> bool {
    matches!(
        action,
        Action::Wait { .. }
            | Action::Cancel { .. }
            | Action::Kernel(_)
            | Action::Packet(_)
            | Action::Fate { .. }
            | Action::Error {
                kind: Failure::WouldBlock,
                ..
            }
    )
}

fn compare(title: &str, recorded: &Part, now: &Part, lines: &mut Vec<String>) {
    let (recorded, now) = (strands(recorded), strands(now));
    let keys: BTreeSet<_> = recorded.keys().chain(now.keys()).collect();
    for key in keys {
        let none = Vec::new();
        let expected = recorded.get(key).unwrap_or(&none);
        let found = now.get(key).unwrap_or(&none);
        let texts = |strand: &Strand| -> Vec<String> {
            strand.iter().map(|line| line.text.clone()).collect()
        };
        if texts(expected) == texts(found) {
            continue;
        }
        let (connection, end) = key;
        let place = match connection {
            Some(connection) => format!("connection {}", connection.0),
            None => "the listening socket".to_owned(),
        };
        lines.push(format!("{title}{place}, {end} (- recorded, + now):"));
        difference(expected, found, lines);
    }
}

/// The conversations of a part, each end by itself.
fn strands(part: &Part) -> BTreeMap<(Option<ConnectionId>, End), Strand> {
    let relayed = relayed(part);
    let mut runs: BTreeMap<(Option<ConnectionId>, End), Vec<Run>> = BTreeMap::new();
    let mut flows = Flows::default();
    for (index, event) in part.events.iter().enumerate() {
        let is_by_chance = relayed.contains(&event.connection);
        if is_by_chance && event.end == End::Relay {
            continue;
        }
        let step = match part.ticks.is_empty() {
            true => 0,
            false => part.ticks.partition_point(|tick| *tick as usize <= index) + 1,
        };
        let strand = runs.entry((event.connection, event.end)).or_default();
        let Some(run) = Run::of(event, step).or_else(|| Run::of_packet(event, step, &mut flows))
        else {
            continue;
        };
        match strand.last_mut() {
            Some(last) if last.takes(event, &run) => {
                last.bytes.extend_from_slice(&run.bytes);
                last.is_open = run.is_open;
            }
            _ => strand.push(run),
        }
    }
    runs.into_iter()
        .map(|(key, runs)| {
            let mut strand: Strand = runs.iter().take(MAX_LINES).map(Run::line).collect();
            if relayed.contains(&key.0) {
                // How often a datagram is sent again depends on the clock, and when it comes too.
                strand.sort_by(|one, other| one.text.cmp(&other.text));
                strand.dedup_by(|one, other| one.text == other.text);
            }
            if key.1 == End::Wire {
                // What one end sends while the other one does may pass it or not.
                strand.sort_by(|one, other| one.text.cmp(&other.text));
                strand.dedup_by(|one, other| one.text == other.text);
            }
            (key, strand)
        })
        .filter(|(_, strand): &(_, Strand)| !strand.is_empty())
        .collect()
}

/// Calls that are one as far as the recording goes.
struct Run {
    step: usize,
    verb: &'static str,
    detail: String,
    bytes: Vec<u8>,
    has_bytes: bool,
    is_open: bool,
}

impl Run {
    /// `None` for what depends on the moment alone.
    fn of(event: &Event, step: usize) -> Option<Self> {
        let action = &event.action;
        if depends_on_the_moment(action) {
            return None;
        }
        let detail = match action {
            Action::Error {
                operation, kind, ..
            } => format!("{operation} {kind}"),
            Action::Option { option, asked, .. } => match asked {
                Some(asked) => format!("{option} {asked}"),
                None => option.to_string(),
            },
            _ => String::new(),
        };
        let data = event.data();
        Some(Self {
            step,
            verb: action.verb(),
            detail,
            bytes: data.map(|data| data.bytes.clone()).unwrap_or_default(),
            has_bytes: data.is_some(),
            is_open: data.is_some_and(|data| data.more),
        })
    }

    /// A packet that begins or ends a connection.
    fn of_packet(event: &Event, step: usize, flows: &mut Flows) -> Option<Self> {
        let sight = flows.observe(event)?;
        if !matches!(event.action, Action::Packet(_)) {
            return None;
        }
        let kinds = [Kind::Syn, Kind::SynAck, Kind::Fin, Kind::Rst];
        let kind = kinds.into_iter().find(|kind| kind.is(&sight))?;
        Some(Self {
            step,
            verb: event.action.verb(),
            detail: format!("{kind} from {}", sight.from),
            bytes: Vec::new(),
            has_bytes: false,
            is_open: false,
        })
    }

    /// Whether the next event goes on with this run: of a stream, every call of the same kind;
    /// of a datagram, its further pieces.
    fn takes(&self, event: &Event, next: &Self) -> bool {
        let is_stream = matches!(event.action, Action::Read(_) | Action::Write(_));
        self.verb == next.verb && self.has_bytes && (is_stream || self.is_open)
    }

    fn line(&self) -> Line {
        let mut text = self.verb.to_owned();
        if !self.detail.is_empty() {
            text.push(' ');
            text.push_str(&self.detail);
        }
        if self.has_bytes {
            let shown = self.bytes.get(..MAX_COMPARED_BYTES);
            let is_cut = shown.is_some() && self.bytes.len() > MAX_COMPARED_BYTES;
            text.push_str(" \"");
            text.push_str(&text::to_escaped(shown.unwrap_or(&self.bytes)));
            text.push_str(if is_cut { "\" and more" } else { "\"" });
        }
        Line {
            step: self.step,
            text,
        }
    }
}

/// The shortest way from one strand to the other, with a little of what stays around it.
fn difference(recorded: &[Line], now: &[Line], lines: &mut Vec<String>) {
    let common = common_lengths(recorded, now);
    let mut all: Vec<(char, &Line)> = Vec::new();
    let (mut old, mut new) = (0, 0);
    while old < recorded.len() || new < now.len() {
        match (recorded.get(old), now.get(new)) {
            (Some(one), Some(other)) if one.text == other.text => {
                all.push((' ', one));
                old += 1;
                new += 1;
            }
            (Some(one), other)
                if other.is_none() || common[old + 1][new] >= common[old][new + 1] =>
            {
                all.push(('-', one));
                old += 1;
            }
            (_, Some(other)) => {
                all.push(('+', other));
                new += 1;
            }
            _ => break,
        }
    }
    let is_near = |index: usize| {
        let begin = index.saturating_sub(CONTEXT_LINES);
        let end = (index + CONTEXT_LINES + 1).min(all.len());
        all[begin..end].iter().any(|(mark, _)| *mark != ' ')
    };
    let mut has_gap = false;
    let mut step = 0;
    for (index, (mark, line)) in all.iter().enumerate() {
        if !is_near(index) {
            has_gap = true;
            continue;
        }
        if has_gap {
            lines.push("    ...".to_owned());
            has_gap = false;
        }
        // The recorded lines know best to which step they belong.
        let label = match *mark != '+' && line.step != step {
            true => {
                step = line.step;
                format!("step {step}")
            }
            false => String::new(),
        };
        lines.push(format!("  {mark} {label:<8} {}", line.text));
    }
}

/// For each pair of places, how many lines behind them the strands have in common.
fn common_lengths(recorded: &[Line], now: &[Line]) -> Vec<Vec<usize>> {
    let mut common = vec![vec![0; now.len() + 1]; recorded.len() + 1];
    for old in (0..recorded.len()).rev() {
        for new in (0..now.len()).rev() {
            common[old][new] = match recorded[old].text == now[new].text {
                true => common[old + 1][new + 1] + 1,
                false => common[old + 1][new].max(common[old][new + 1]),
            };
        }
    }
    common
}
