//! The labs of the book, played against the real servers.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use wire::Address;
use wire::lab::Lab;
use wire::session::{Server, Transport, is_simulated};
use wire::trace::{Recorded, TRACE_VERSION, Trace};
use wirebook::lessons::Lesson;
use wirebook_preprocessor::{Found, labs_of};

use crate::gateway::TestGateway;
use crate::session::{Pace, Played, Stuck};
use crate::simulated;

/// How often a lab is played before it counts as changed: a busy machine can hold one end back for
/// so long that the other goes on without it.
const TRIES: usize = 3;

/// The top of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every lab of the book.
pub fn labs() -> Result<Vec<Found>> {
    labs_of(&repository().join("book"))
}

/// How a lab that is played compares with what was recorded of it.
#[derive(Debug)]
pub enum Outcome {
    /// It is the same exchange.
    Same,
    /// It is another, in this way; the new one.
    Drifted(String, Box<Trace>),
    /// A step or a question did not come to its end.
    Failed(String),
}

/// Plays a lab through a gateway of its own, or in a simulated network, from the start, and compares.
pub async fn compare(lab: &Lab, recorded: Option<&Trace>) -> Result<Outcome> {
    if is_simulated(&lab.server) {
        return compare_simulated(lab, recorded);
    }
    let mut outcome = Outcome::Same;
    for _ in 0..TRIES {
        outcome = compare_once(lab, recorded).await?;
        if recorded.is_none() || !matches!(outcome, Outcome::Drifted(..)) {
            break;
        }
    }
    Ok(outcome)
}

/// A simulated lab does the same each time, to the nanosecond.
fn compare_simulated(lab: &Lab, recorded: Option<&Trace>) -> Result<Outcome> {
    let played = match simulated::play(lab) {
        Ok(played) => played,
        Err(error) => return Ok(Outcome::Failed(format!("{error:#}"))),
    };
    let now = Trace {
        version: TRACE_VERSION,
        lab: lab.name.clone(),
        recorded: recording()?,
        server: played.server,
        steps: played.steps,
        questions: played.questions,
    };
    let is_same = |recorded: &&Trace| {
        (&recorded.server, &recorded.steps, &recorded.questions)
            == (&now.server, &now.steps, &now.questions)
    };
    Ok(match recorded {
        None => Outcome::Drifted("nothing was recorded yet".to_owned(), Box::new(now)),
        Some(recorded) if is_same(&recorded) => Outcome::Same,
        Some(recorded) => {
            let drift = recorded.drift(&now).map(|drift| drift.to_string());
            let only_times = || "in what its packets say, or in its times".to_owned();
            Outcome::Drifted(drift.unwrap_or_else(only_times), Box::new(now))
        }
    })
}

async fn compare_once(lab: &Lab, recorded: Option<&Trace>) -> Result<Outcome> {
    let gateway = TestGateway::start().await?;
    let mut session = gateway.session().await?;
    let played = session.play(lab, Pace::Calm).await;
    drop(session);
    gateway.stop().await;
    let now = match played {
        Ok(played) => trace(lab, played)?,
        Err(error) => return Ok(Outcome::Failed(failure(lab, error, recorded))),
    };
    Ok(match recorded {
        None => Outcome::Drifted("nothing was recorded yet".to_owned(), Box::new(now)),
        Some(recorded) => match recorded.drift(&now) {
            None => Outcome::Same,
            Some(drift) => Outcome::Drifted(drift.to_string(), Box::new(now)),
        },
    })
}

/// What went wrong, and how that differs from what was recorded.
fn failure(lab: &Lab, error: anyhow::Error, recorded: Option<&Trace>) -> String {
    let stuck = match error.downcast::<Stuck>() {
        Ok(stuck) => stuck,
        Err(error) => return format!("{error:#}"),
    };
    let Some(recorded) = recorded else {
        return stuck.to_string();
    };
    // What never came to be played is no difference.
    let mut recorded = recorded.clone();
    let reached = stuck.steps.ticks.len();
    let part = &mut recorded.steps;
    if let Some(end) = part.ticks.get(reached) {
        part.events.truncate(*end as usize);
        part.ticks.truncate(reached + 1);
    }
    let mut now = recorded.clone();
    let what = stuck.what.clone();
    now.steps.clients = stuck.steps.clients;
    now.steps.events = stuck.steps.events;
    match home(lab) {
        Ok((_, home)) => now.steps.normalise(&stuck.server.address, &home),
        Err(error) => return format!("{what}; {error:#}"),
    }
    match recorded.drift(&now) {
        Some(drift) => format!("{what}\n{drift}"),
        None => what,
    }
}

/// What was observed, in the form in which it is kept.
fn trace(lab: &Lab, played: Played) -> Result<Trace> {
    let (server, home) = home(lab)?;
    let mut trace = Trace {
        version: TRACE_VERSION,
        lab: lab.name.clone(),
        recorded: recording()?,
        server,
        steps: played.steps,
        questions: played.questions,
    };
    let was = &played.server.address;
    trace.steps.normalise(was, &home);
    for answered in &mut trace.questions {
        answered.part.normalise(was, &home);
    }
    Ok(trace)
}

/// That it is recorded now.
fn recording() -> Result<Recorded> {
    Ok(Recorded {
        date: today()?,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// Where readers find the lab's server.
fn home(lab: &Lab) -> Result<(Server, Address)> {
    let lesson = Lesson::named(&lab.server).with_context(|| format!("no lesson {}", lab.server))?;
    let transport = lesson.transport();
    let address = match transport {
        Transport::Unix => Address::Unix(format!("{}.sock", lesson.name)),
        _ => Address::Ip(([127, 0, 0, 1], lesson.default_port).into()),
    };
    let server = Server {
        lesson: lab.server.clone(),
        transport,
        address: address.clone(),
    };
    Ok((server, address))
}

/// As in `2026-11-21`, in UTC.
fn today() -> Result<String> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(date(since.as_secs() / 86_400))
}

/// The date so many days after 1970-01-01, in the Gregorian calendar.
fn date(mut days: u64) -> String {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    loop {
        let length = 365 + u64::from(is_leap(year));
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_are_counted_over_leap_years() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(59), "1970-03-01");
        assert_eq!(date(11_016), "2000-02-29");
        assert_eq!(date(20_778), "2026-11-21");
    }
}
