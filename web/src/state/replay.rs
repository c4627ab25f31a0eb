//! An exchange that was kept, shown event by event: recorded with the book, or shared by a reader.
//!
//! While it is shown, what was observed here is put aside, and goes on being observed. The same
//! [`Lab`] draws both: to its views a replay is an exchange that happens again.

use std::sync::Arc;

use wire::trace::{Part, Recorded};
use wire::{Action, Event, ToGateway, Trace};

use super::lab::{Command, Input, Lab, progress};
use super::question::Answer;

/// How many ticks of the page's clock there are to a row.
const TICKS_PER_ROW: u8 = 2;

/// A longer exchange is played several rows at a time, so that nobody waits for its end.
const MAX_ROWS_IN_TURN: usize = 40;

/// Which exchange it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// What was recorded of the lab's steps.
    Recorded,
    /// What was recorded of this question.
    Question(usize),
    /// What came with a link or in a file.
    Shared,
}

/// What is done with a replay.
#[derive(Clone, Debug)]
pub(crate) enum Reel {
    /// The gateway cannot be reached: if nothing was observed here, the recorded exchange is shown.
    Unreachable,
    /// Show what was recorded with the book, with so many events.
    Recorded(usize),
    /// Show what was recorded of this question, from its start.
    Question(usize),
    /// Show what somebody shared, with so many events.
    Shared(Arc<Trace>, usize),
    /// Play on or pause.
    Play(bool),
    /// Time passed.
    Tick,
    /// One row more.
    Forward,
    /// One row less.
    Back,
    /// Back to what is observed here.
    Leave,
    /// Count the steps that ticked as done.
    Keep,
    /// What should have been shown cannot be, for this reason.
    Fail(String),
}

/// Where a reader who follows a link arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// The place of the event that the link names.
    pub(crate) event: Option<u64>,
}

/// An exchange that is shown in place of what is observed here.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    pub(crate) kept: Kept,
    pub(crate) recorded: Recorded,
    /// How many of its events are shown.
    pub(crate) shown: usize,
    pub(crate) is_playing: bool,
    /// For a reader who followed a link.
    pub(crate) arrival: Option<Arrival>,
    part: Arc<Part>,
    /// Whether it was asked for: then it stays when the gateway comes.
    is_pinned: bool,
    ticks: u8,
    /// What is observed here.
    live: Box<Lab>,
}

impl Replay {
    /// All of it.
    pub(super) fn part(&self) -> &Part {
        &self.part
    }

    /// How many events it has.
    pub(crate) fn total(&self) -> usize {
        self.part.events.len()
    }

    /// How many events there were when each of the steps ticked that have.
    pub(super) fn ticks(&self) -> Vec<u32> {
        let ticks = self.part.ticks.iter().copied();
        ticks.filter(|tick| *tick as usize <= self.shown).collect()
    }

    fn next(&self) -> Option<&Event> {
        self.part.events.get(self.shown)
    }
}

impl Lab {
    /// The lab as it is observed here, whatever is shown.
    pub(crate) fn live(&self) -> &Self {
        self.replay.as_ref().map_or(self, |replay| &replay.live)
    }

    /// Whether nothing is shown although something was recorded.
    pub(crate) fn lacks_exchange(&self) -> bool {
        self.replay.is_none() && self.trace.first().is_none() && self.spec.recorded.is_some()
    }

    /// What a replay makes of an input; what is none of its business comes back.
    pub(super) fn divert(&mut self, input: Input) -> (Vec<ToGateway>, Option<Input>) {
        if let Input::Reel(reel) = input {
            self.reel(reel);
            return (Vec::new(), None);
        }
        let Some(replay) = &mut self.replay else {
            return (Vec::new(), Some(input));
        };
        match input {
            Input::Online(_) => {
                let say = replay.live.update(input);
                if !replay.is_pinned {
                    self.leave();
                }
                (say, None)
            }
            // What the composer is set to is the reader's, whatever is shown.
            Input::Offline
            | Input::Message(_)
            | Input::Now(_)
            | Input::Choose(_)
            | Input::ChooseNamed(_)
            | Input::AddClient
            | Input::Resume(_)
            | Input::Command(Command::Adjust(_)) => (replay.live.update(input), None),
            Input::Kernel(_) => (replay.live.update(input), None),
            Input::Packets(shows_packets) => {
                let say = replay.live.update(input);
                self.trace.show_packets(shows_packets);
                (say, None)
            }
            Input::StartOver => {
                replay.is_playing = false;
                self.go_to(0);
                (Vec::new(), None)
            }
            Input::Show(..) => (Vec::new(), Some(input)),
            // Whoever acts wants to see what comes of it.
            _ => {
                self.leave();
                (Vec::new(), Some(input))
            }
        }
    }

    fn reel(&mut self, reel: Reel) {
        match reel {
            Reel::Unreachable => {
                if self.lacks_exchange() {
                    self.show_recorded(Kept::Recorded, false, 0);
                }
            }
            Reel::Recorded(events) => {
                self.show_recorded(Kept::Recorded, events > 0, events);
                if events > 0 {
                    self.arrive(events);
                }
            }
            Reel::Question(question) => {
                self.show_recorded(Kept::Question(question), true, 0);
                self.play(true);
            }
            Reel::Shared(trace, events) => {
                let part = trace.steps.clone();
                self.show_kept(Kept::Shared, &trace, part, true, events);
                self.arrive(events);
            }
            Reel::Play(is_playing) => self.play(is_playing),
            Reel::Tick => self.tick(),
            Reel::Forward => {
                self.play(false);
                self.forward();
            }
            Reel::Back => {
                self.play(false);
                self.back();
            }
            Reel::Leave => {
                self.leave();
                // Nothing else is there to be seen.
                if self.server.is_none() {
                    self.reel(Reel::Unreachable);
                }
            }
            Reel::Fail(why) => self.notice = Some(why),
            Reel::Keep => {
                let done = self.progress.done();
                if let Some(replay) = &mut self.replay
                    && replay.live.progress.done() < done
                {
                    replay.live.progress = progress(&self.spec, done);
                }
            }
        }
    }

    fn show_recorded(&mut self, kept: Kept, is_pinned: bool, events: usize) {
        let Some(trace) = self.spec.recorded.clone() else {
            return;
        };
        let part = match kept {
            Kept::Question(question) => match trace.questions.get(question) {
                Some(answered) => answered.part.clone(),
                None => return,
            },
            _ => trace.steps.clone(),
        };
        self.show_kept(kept, &trace, part, is_pinned, events);
    }

    fn show_kept(&mut self, kept: Kept, trace: &Trace, part: Part, is_pinned: bool, events: usize) {
        self.leave();
        let mut shown = Self::new(self.spec.clone(), 0, 0);
        shown.server = Some(trace.server.clone());
        shown.trace = self.trace.emptied();
        shown.trace.filter = None;
        let live = Box::new(std::mem::replace(self, shown));
        self.replay = Some(Replay {
            kept,
            recorded: trace.recorded.clone(),
            shown: 0,
            is_playing: false,
            arrival: None,
            part: Arc::new(part),
            is_pinned,
            ticks: 0,
            live,
        });
        self.go_to(events);
    }

    /// Event number `event` of the replay, counted from 1, is what the reader came for.
    fn arrive(&mut self, event: usize) {
        if let Some(replay) = &mut self.replay {
            let found = event
                .checked_sub(1)
                .and_then(|index| replay.part.events.get(index));
            let is_packet = found.is_some_and(|event| matches!(event.action, Action::Packet(_)));
            let event = found.map(|event| event.sequence * 2);
            replay.arrival = Some(Arrival { event });
            // Whoever follows a link to a packet wants to see it.
            if is_packet {
                self.trace.show_packets(true);
            }
        }
    }

    fn leave(&mut self) {
        if let Some(replay) = self.replay.take() {
            *self = *replay.live;
            if let Kept::Question(question) = replay.kept
                && matches!(self.answer(question), Answer::Running(_))
            {
                self.set_answer(question, Answer::None);
            }
        }
    }

    fn play(&mut self, is_playing: bool) {
        let is_over = (self.replay.as_ref()).is_some_and(|replay| replay.next().is_none());
        // At the end there is nothing left to play but all of it again.
        if is_playing && is_over {
            self.go_to(0);
        }
        if let Some(replay) = &mut self.replay {
            replay.is_playing = is_playing;
            // The first row comes with the next tick.
            replay.ticks = TICKS_PER_ROW - 1;
        }
    }

    fn tick(&mut self) {
        let Some(replay) = self.replay.as_mut().filter(|replay| replay.is_playing) else {
            return;
        };
        replay.ticks += 1;
        if replay.ticks < TICKS_PER_ROW {
            return;
        }
        replay.ticks = 0;
        for _ in 0..=replay.total() / MAX_ROWS_IN_TURN {
            self.forward();
        }
        if let Some(replay) = &mut self.replay {
            replay.is_playing = replay.next().is_some();
        }
    }

    /// Shows one row more.
    fn forward(&mut self) {
        let rows = self.rows_so_far();
        while self.rows_so_far() == rows && self.show_next() {}
        self.settle();
    }

    /// Shows one row less.
    fn back(&mut self) {
        let rows = self.rows_so_far();
        let shown = self.replay.as_ref().map_or(0, |replay| replay.shown);
        self.go_to(0);
        // Rows come singly, but for late ones, which are inserted; the end is never passed.
        while self.rows_so_far() + 1 < rows
            && self
                .replay
                .as_ref()
                .is_some_and(|one| one.shown + 1 < shown)
            && self.show_next()
        {}
        self.settle();
    }

    /// Shows exactly so many events, or all if there are fewer.
    fn go_to(&mut self, events: usize) {
        let Some(replay) = &self.replay else {
            return;
        };
        if events < replay.shown {
            let mut fresh = Self::new(self.spec.clone(), 0, 0);
            fresh.server = self.server.take();
            fresh.trace = self.trace.emptied();
            fresh.replay = self.replay.take();
            *self = fresh;
            if let Some(replay) = &mut self.replay {
                replay.shown = 0;
            }
        }
        while self.replay.as_ref().is_some_and(|one| one.shown < events) && self.show_next() {}
        self.settle();
    }

    /// Shows the next event; `false` at the end.
    fn show_next(&mut self) -> bool {
        let Some(event) = self.replay.as_ref().and_then(Replay::next).cloned() else {
            return false;
        };
        if let (Some(id), Some(replay)) = (event.connection, &self.replay) {
            let client = replay.part.clients.iter().find(|one| one.connection == id);
            if let Some(client) = client {
                self.conversations.opened(id, client.name.clone());
            }
        }
        self.observe(event);
        if let Some(replay) = &mut self.replay {
            replay.shown += 1;
        }
        true
    }

    fn rows_so_far(&self) -> usize {
        self.trace.rows().len() + self.trace.dropped_rows
    }

    /// A step ticks where it ticked then: times and silences are not measured again.
    fn settle(&mut self) {
        let Some(replay) = &mut self.replay else {
            return;
        };
        let shown = replay.shown;
        let done = match replay.kept {
            Kept::Question(question) => {
                if shown == replay.part.events.len() {
                    replay.live.answer_from_record(question);
                }
                replay.live.progress.done()
            }
            _ => replay.ticks().len(),
        };
        if self.progress.done() != done {
            self.progress = progress(&self.spec, done);
        }
    }
}

#[cfg(test)]
#[path = "replay_tests.rs"]
pub(super) mod tests;
