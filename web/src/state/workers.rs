//! The tasks and threads of the server, numbered in the order in which they were first observed.

use wire::{End, Event, Worker};

/// The most workers that are told apart.
const MAX_WORKERS: usize = 512;

/// Every worker that the server was observed to have.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workers(Vec<Worker>);

impl Workers {
    /// Takes note of an event.
    pub(crate) fn observe(&mut self, event: &Event) {
        if let (End::Server, Some(worker)) = (event.end, event.worker)
            && self.0.len() < MAX_WORKERS
            && !self.0.contains(&worker)
        {
            self.0.push(worker);
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The place of the worker of an event, counted from 0.
    pub(crate) fn place(&self, event: &Event) -> Option<usize> {
        let worker = event.worker.filter(|_| event.end == End::Server)?;
        self.0.iter().position(|one| *one == worker)
    }

    /// What the reader calls the worker at this place.
    pub(crate) fn name(&self, place: usize) -> String {
        let kind = match self.0.get(place) {
            Some(Worker::Thread(_)) => "thread ",
            _ => "task ",
        };
        [kind, &(place + 1).to_string()].concat()
    }
}

#[cfg(test)]
mod tests {
    use wire::{Action, End, Event, Worker};

    use super::Workers;

    fn event(end: End, worker: Worker) -> Event {
        Event {
            sequence: 1,
            time_ns: 0,
            connection: None,
            end,
            action: Action::Close,
            worker: Some(worker),
            source: None,
        }
    }

    #[test]
    fn workers_of_the_server_are_numbered_as_they_appear() {
        let mut workers = Workers::default();
        let [first, second] = [Worker::Task(70), Worker::Thread(3)];
        workers.observe(&event(End::Client, Worker::Task(1)));
        for worker in [first, second, first] {
            workers.observe(&event(End::Server, worker));
        }
        assert_eq!(workers.count(), 2);
        assert_eq!(workers.place(&event(End::Server, second)), Some(1));
        assert_eq!(workers.place(&event(End::Client, first)), None);
        assert_eq!([workers.name(0), workers.name(1)], ["task 1", "thread 2"]);
    }
}
