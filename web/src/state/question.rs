//! "Predict, then run": what the reader expects, and what then happens.

use std::collections::VecDeque;

use wire::session::Time;
use wire::{ConnectionId, Event, Play, Progress, ToGateway};

use super::lab::{Command, Input, Lab};
use super::replay::Reel;

/// How long what was asked about may take, in ns of the gateway's clock.
const PATIENCE_NS: u64 = 10_000_000_000;

/// Where the reader stands with a question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Not run, or not to its end.
    #[default]
    None,
    /// It runs, live or recorded; this choice is what the reader expects.
    Running(usize),
    /// It came to an outcome.
    Known { chosen: usize, outcome: usize },
    /// It came to none of the choices.
    Unknown(usize),
}

/// A question that is run live.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    question: usize,
    /// What is still to be done.
    left: VecDeque<Play>,
    /// One matcher for each choice.
    choices: Vec<Progress>,
    /// Conversations that were there before: they do not count.
    before: Vec<ConnectionId>,
    until_ns: Option<u64>,
}

impl Lab {
    /// The reader expects `chosen` and wants to see: live if the gateway is there, else what was
    /// recorded.
    pub(super) fn predict(&mut self, question: usize, chosen: usize) -> Vec<ToGateway> {
        self.give_up();
        let Some(asked) = self.spec.questions.get(question) else {
            return Vec::new();
        };
        if self.server.is_none() {
            if self.has_record_of(question) {
                self.set_answer(question, Answer::Running(chosen));
                return self.update(Input::Reel(Reel::Question(question)));
            }
            return Vec::new();
        }
        let choices = asked.choices.iter();
        self.trial = Some(Trial {
            question,
            left: asked.play.iter().cloned().collect(),
            choices: choices
                .map(|choice| Progress::new([choice.seen.clone()], 0))
                .collect(),
            before: self.conversations.iter().map(|one| one.id).collect(),
            until_ns: None,
        });
        self.set_answer(question, Answer::Running(chosen));
        // It was recorded on connections of its own, by clients without any ways of their own.
        let mut say = self.let_go();
        if self.simulated.is_some() {
            say.push(ToGateway::Network(self.spec.network.unwrap_or_default()));
            say.push(ToGateway::Time(Time::Run));
        }
        say.extend(self.go_on());
        say
    }

    /// Does what can be done now: a connection under way is waited for.
    pub(super) fn go_on(&mut self) -> Vec<ToGateway> {
        let mut say = Vec::new();
        while !self.clients.are_opening() {
            let Some(play) = (self.trial.as_mut()).and_then(|trial| trial.left.pop_front()) else {
                break;
            };
            self.clients.choose_named(play.client.as_deref());
            say.extend(
                Command::of(&play.act)
                    .map(|one| self.command(one))
                    .into_iter()
                    .flatten(),
            );
        }
        say
    }

    /// Holds an event against every choice of the question under way.
    pub(super) fn try_event(&mut self, event: &Event) {
        let Some(trial) = &mut self.trial else {
            return;
        };
        let is_meant = event.connection.is_some_and(|id| {
            !trial.before.contains(&id) && self.conversations.get(id).is_some_and(|one| one.is_own)
        });
        if !is_meant {
            return;
        }
        let outcome = trial
            .choices
            .iter_mut()
            .position(|choice| choice.observe(event));
        self.come_to(outcome);
    }

    /// Takes note that time has passed: silence may be what happens.
    pub(super) fn try_silence(&mut self, now_ns: u64) {
        let Some(trial) = &mut self.trial else {
            return;
        };
        let until_ns = *trial.until_ns.get_or_insert(now_ns + PATIENCE_NS);
        let outcome = trial
            .choices
            .iter_mut()
            .position(|choice| choice.elapse(now_ns));
        let question = trial.question;
        if outcome.is_none() && now_ns > until_ns {
            self.trial = None;
            self.set_answer(question, Answer::Unknown(self.chosen(question)));
        }
        self.come_to(outcome);
    }

    /// The question under way was not run to its end.
    pub(super) fn give_up(&mut self) {
        if let Some(trial) = self.trial.take() {
            self.set_answer(trial.question, Answer::None);
        }
    }

    /// Whether a run of this question was recorded.
    pub(crate) fn has_record_of(&self, question: usize) -> bool {
        let recorded = self.spec.recorded.as_ref();
        recorded.is_some_and(|trace| question < trace.questions.len())
    }

    /// The recorded run of this question was shown to its end.
    pub(super) fn answer_from_record(&mut self, question: usize) {
        let recorded = self.spec.recorded.as_ref();
        let outcome = recorded.and_then(|trace| Some(trace.questions.get(question)?.outcome));
        if let (Some(outcome), Answer::Running(chosen)) = (outcome, self.answer(question)) {
            let outcome = usize::from(outcome);
            self.set_answer(question, Answer::Known { chosen, outcome });
        }
    }

    /// Where the reader stands with a question.
    pub(crate) fn answer(&self, question: usize) -> Answer {
        self.answers.get(question).copied().unwrap_or_default()
    }

    pub(super) fn set_answer(&mut self, question: usize, answer: Answer) {
        if self.answers.len() <= question {
            self.answers.resize(question + 1, Answer::None);
        }
        self.answers[question] = answer;
    }

    fn chosen(&self, question: usize) -> usize {
        match self.answer(question) {
            Answer::Running(chosen) => chosen,
            _ => 0,
        }
    }

    fn come_to(&mut self, outcome: Option<usize>) {
        let Some(outcome) = outcome else {
            return;
        };
        if let Some(trial) = self.trial.take() {
            let chosen = self.chosen(trial.question);
            self.set_answer(trial.question, Answer::Known { chosen, outcome });
        }
    }
}
