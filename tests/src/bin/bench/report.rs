//! What was measured, as rows: a table for people, JSON for programs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::machine::Machine;

/// Between these lines BENCHMARKS.md holds the last full run.
const BEGIN: &str = "<!-- written by cargo lab bench --write: begin -->";
/// See [`BEGIN`].
const END: &str = "<!-- written by cargo lab bench --write: end -->";

/// What numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Of time.
    Seconds,
    /// Of memory or of a file.
    Bytes,
    /// Of a transfer.
    BytesPerSec,
    /// Round trips, messages, frames.
    PerSec,
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Bytes => "B",
            Self::BytesPerSec => "B/s",
            Self::PerSec => "1/s",
        }
    }

    /// A number as one would say it.
    fn say(self, number: f64) -> String {
        let scaled = |number: f64, names: [&str; 3], step: f64| match number {
            small if small < step => format!("{small:.0} {}", names[0]),
            middle if middle < step * step => format!("{:.1} {}", middle / step, names[1]),
            large => format!("{:.1} {}", large / step / step, names[2]),
        };
        match self {
            Self::Seconds if number < 0.001 => format!("{:.1} µs", number * 1e6),
            Self::Seconds if number < 1.0 => format!("{:.2} ms", number * 1e3),
            Self::Seconds => format!("{number:.2} s"),
            Self::Bytes => scaled(number, ["B", "KiB", "MiB"], 1024.0),
            Self::BytesPerSec => scaled(number, ["B/s", "KiB/s", "MiB/s"], 1024.0),
            Self::PerSec => format!("{number:.0}/s"),
        }
    }
}

/// One quantity, measured once in each round.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    unit: Unit,
    rounds: Vec<f64>,
}

impl Measured {
    /// Measured in rounds; there is at least one.
    pub(crate) fn rounds(unit: Unit, rounds: Vec<f64>) -> Self {
        Self { unit, rounds }
    }

    /// Measured once.
    pub(crate) fn once(unit: Unit, number: f64) -> Self {
        Self::rounds(unit, vec![number])
    }

    /// The middle one of all rounds.
    pub(crate) fn median(&self) -> f64 {
        median(&self.rounds)
    }

    /// How many times `other` it is: round by round where both had the same rounds.
    fn ratios(&self, other: &Self) -> Vec<f64> {
        if self.rounds.len() == other.rounds.len() {
            let pairs = self.rounds.iter().zip(&other.rounds);
            pairs.map(|(ours, theirs)| ours / theirs).collect()
        } else {
            vec![self.median() / other.median()]
        }
    }

    fn say(&self) -> String {
        self.unit.say(self.median())
    }

    fn json(&self) -> Value {
        json!({
            "median": self.median(),
            "rounds": self.rounds,
            "unit": self.unit.name(),
        })
    }
}

/// What should come out: of the ratio if there is one, else of the value.
#[derive(Clone, Copy, Debug)]
enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Row {
    what: String,
    value: Measured,
    against: Option<(String, Measured)>,
    aim: Option<Aim>,
    note: Option<String>,
}

impl Row {
    /// A quantity by itself.
    pub(crate) fn new(what: impl Into<String>, value: Measured) -> Self {
        Self {
            what: what.into(),
            value,
            against: None,
            aim: None,
            note: None,
        }
    }

    /// Beside something else, measured in the same rounds.
    pub(crate) fn against(mut self, what: impl Into<String>, value: &Measured) -> Self {
        self.against = Some((what.into(), value.clone()));
        self
    }

    /// The ratio, or the value of a row without one, should not be above this.
    pub(crate) fn at_most(mut self, aim: f64) -> Self {
        self.aim = Some(Aim::AtMost(aim));
        self
    }

    /// The ratio, or the value of a row without one, should not be below this.
    pub(crate) fn at_least(mut self, aim: f64) -> Self {
        self.aim = Some(Aim::AtLeast(aim));
        self
    }

    /// What else is to be known.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    fn ratios(&self) -> Option<Vec<f64>> {
        let (_, against) = self.against.as_ref()?;
        Some(self.value.ratios(against))
    }

    fn is_met(&self) -> Option<bool> {
        let judged = self
            .ratios()
            .map_or(self.value.median(), |ratios| median(&ratios));
        Some(match self.aim? {
            Aim::AtMost(aim) => judged <= aim,
            Aim::AtLeast(aim) => judged >= aim,
        })
    }

    fn line(&self, figure: &str) -> String {
        let against = match &self.against {
            Some((what, value)) => format!("{what}: {}", value.say()),
            None => String::new(),
        };
        let ratio = self.ratios().map_or(String::new(), |ratios| {
            let (least, most) = spread(&ratios);
            let middle = format!("{:.2}", median(&ratios));
            match ratios.len() {
                1 => middle,
                _ => format!("{middle} ({least:.2} to {most:.2})"),
            }
        });
        let say = |aim: f64| match self.against {
            Some(_) => format!("{aim}"),
            None => self.value.unit.say(aim),
        };
        let aim = match self.aim {
            Some(Aim::AtMost(aim)) => format!("≤ {}", say(aim)),
            Some(Aim::AtLeast(aim)) => format!("≥ {}", say(aim)),
            None => String::new(),
        };
        let met = match self.is_met() {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "",
        };
        let note = self
            .note
            .as_deref()
            .map_or(String::new(), |note| format!("; {note}"));
        format!(
            "| {figure} | {}{note} | {} | {against} | {ratio} | {aim} | {met} |",
            self.what,
            self.value.say()
        )
    }

    fn json(&self) -> Value {
        let (kind, aim) = match self.aim {
            Some(Aim::AtMost(aim)) => (Some("at most"), Some(aim)),
            Some(Aim::AtLeast(aim)) => (Some("at least"), Some(aim)),
            None => (None, None),
        };
        json!({
            "what": self.what,
            "value": self.value.json(),
            "against": self.against.as_ref().map(|(what, value)| json!({
                "what": what,
                "value": value.json(),
            })),
            "ratio": self.ratios().map(|ratios| median(&ratios)),
            "ratios": self.ratios(),
            "aim": aim,
            "aim_kind": kind,
            "met": self.is_met(),
            "note": self.note,
        })
    }
}

/// All rows of one run.
#[derive(Debug)]
pub(crate) struct Report {
    machine: Machine,
    rounds: usize,
    figures: Vec<(&'static str, Result<Vec<Row>>)>,
}

impl Report {
    /// Of a run that begins now.
    pub(crate) fn new(rounds: usize) -> Self {
        Self {
            machine: Machine::look(),
            rounds,
            figures: Vec::new(),
        }
    }

    /// Adds what became of a figure.
    pub(crate) fn add(&mut self, figure: &'static str, measured: Result<Vec<Row>>) {
        if let Err(error) = &measured {
            eprintln!("{figure}: FAILED: {error:#}");
        }
        self.figures.push((figure, measured));
    }

    /// The run is over.
    pub(crate) fn finish(&mut self) {
        self.machine.look_again();
    }

    /// Whether every figure could be measured, whatever came out.
    pub(crate) fn is_complete(&self) -> bool {
        self.figures.iter().all(|(_, measured)| measured.is_ok())
    }

    /// The table.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("{}\n\n", self.machine.sentence());
        text += "| figure | of what | value | against | ratio | aim | |\n";
        text += "| --- | --- | --- | --- | --- | --- | --- |\n";
        for (figure, measured) in &self.figures {
            match measured {
                Ok(rows) => rows
                    .iter()
                    .for_each(|row| text += &format!("{}\n", row.line(figure))),
                Err(error) => {
                    // A table's cell is one line, and not a long one.
                    let why: String = format!("{error:#}").chars().take(200).collect();
                    let why = why.replace(['\n', '|'], " ");
                    text += &format!("| {figure} | could not be measured: {why} | | | | | |\n");
                }
            }
        }
        // Writing into a string does not fail.
        let _ = write!(
            text,
            "\nMedians of {} rounds in which all contenders take turns; in parentheses the least and the greatest ratio of a round.\n",
            self.rounds
        );
        text
    }

    /// Writes everything as JSON.
    pub(crate) fn write_json(&self, path: &Path) -> Result<()> {
        let figures = self
            .figures
            .iter()
            .map(|(figure, measured)| match measured {
                Ok(rows) => {
                    let rows: Vec<_> = rows.iter().map(Row::json).collect();
                    json!({ "figure": figure, "rows": rows })
                }
                Err(error) => json!({ "figure": figure, "error": format!("{error:#}") }),
            });
        let report = json!({
            "machine": self.machine.json(),
            "rounds": self.rounds,
            "figures": figures.collect::<Vec<_>>(),
        });
        let text = serde_json::to_string_pretty(&report)? + "\n";
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))
    }

    /// Puts the table into a document, in place of the one of the run before.
    pub(crate) fn write_between_markers(&self, path: &Path) -> Result<()> {
        let document =
            fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let document = replaced(&document, &self.markdown())
            .with_context(|| format!("{} has no place for the table", path.display()))?;
        fs::write(path, document).with_context(|| format!("writing {}", path.display()))
    }
}

/// The document with another text between the markers.
fn replaced(document: &str, text: &str) -> Result<String> {
    let Some((before, (_, after))) = document
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?)))
    else {
        bail!("the lines {BEGIN} and {END} are missing");
    };
    Ok(format!("{before}{BEGIN}\n\n{text}\n{END}{after}"))
}

/// The middle one; of an even number the upper of the two in the middle, so that it was measured.
fn median(numbers: &[f64]) -> f64 {
    percentile(numbers, 50)
}

/// The number below which so many of a hundred are. Not a number of nothing.
pub(crate) fn percentile(numbers: &[f64], percent: usize) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let place = sorted.len() * percent / 100;
    let last = sorted.len().saturating_sub(1);
    sorted.get(place.min(last)).copied().unwrap_or(f64::NAN)
}

fn spread(numbers: &[f64]) -> (f64, f64) {
    (percentile(numbers, 0), percentile(numbers, 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(rounds: &[f64]) -> Measured {
        Measured::rounds(Unit::Seconds, rounds.to_vec())
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_ratios_and_judged_by_it() {
        // A machine that was busy in one round spoils neither.
        let ours = seconds(&[2.0, 20.0, 2.0]);
        let theirs = seconds(&[1.0, 10.0, 1.0]);
        let row = Row::new("trip", ours).against("direct", &theirs);
        assert_eq!(row.is_met(), None);
        let row = row.at_most(2.0);
        assert_eq!(row.is_met(), Some(true));
        assert_eq!(
            row.line("echo"),
            "| echo | trip | 2.00 s | direct: 1.00 s | 2.00 (2.00 to 2.00) | ≤ 2 | met |"
        );
        assert_eq!(row.at_most(1.9).is_met(), Some(false));
    }

    #[test]
    fn without_a_ratio_the_value_is_judged() {
        let size = Row::new("page", Measured::once(Unit::Bytes, 2048.0));
        let size = size.at_most(1024.0).note("gzip");
        assert_eq!(
            size.line("size"),
            "| size | page; gzip | 2.0 KiB |  |  | ≤ 1.0 KiB | **missed** |"
        );
        let rate = Row::new("frames", Measured::once(Unit::PerSec, 60.0));
        assert_eq!(rate.at_least(60.0).is_met(), Some(true));
    }

    #[test]
    fn a_figure_that_failed_is_told_and_the_others_too() {
        let mut report = Report::new(1);
        report.add("one", Err(anyhow::anyhow!("no | bar")));
        report.add("two", Ok(vec![Row::new("x", seconds(&[1.0]))]));
        assert!(!report.is_complete());
        let text = report.markdown();
        assert!(text.contains("| one | could not be measured: no   bar |"));
        assert!(text.contains("| two | x | 1.00 s |"));
    }

    #[test]
    fn the_table_replaces_the_one_before() {
        let first = replaced(&format!("a\n{BEGIN}{END}\nz\n"), "one").unwrap();
        let second = replaced(&first, "two").unwrap();
        assert_eq!(second, format!("a\n{BEGIN}\n\ntwo\n{END}\nz\n"));
        assert!(replaced("nothing", "x").is_err());
    }

    #[test]
    fn percentiles_are_numbers_that_were_measured() {
        let numbers: Vec<f64> = (0..100).rev().map(f64::from).collect();
        assert_eq!(percentile(&numbers, 50), 50.0);
        assert_eq!(percentile(&numbers, 99), 99.0);
        assert_eq!(percentile(&numbers, 100), 99.0);
        assert_eq!(percentile(&[7.0], 99), 7.0);
    }
}
