//! Which line of the server each of its tasks was last seen in.

use wire::{Action, ConnectionId, End, Event, Worker};

/// The most tasks remembered.
const MAX_TASKS: usize = 64;

/// A line of the server that runs or waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lit {
    pub(crate) file: String,
    pub(crate) line: u32,
    /// Whether a call on this line waits.
    pub(crate) waits: bool,
    /// Grows whenever the line runs again.
    pub(crate) sequence: u64,
    worker: Option<Worker>,
    connection: Option<ConnectionId>,
}

/// The last line of each task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Vec<Lit>);

impl Running {
    /// Takes note of an event.
    pub(crate) fn observe(&mut self, event: &Event) {
        if event.end != End::Server {
            return;
        }
        if let Some(source) = &event.source {
            self.0
                .retain(|lit| lit.worker != event.worker || lit.sequence > event.sequence);
            if self.0.iter().any(|lit| lit.worker == event.worker) {
                return;
            }
            if self.0.len() == MAX_TASKS {
                self.0.remove(0);
            }
            self.0.push(Lit {
                file: source.file.clone().into_owned(),
                line: source.line,
                waits: matches!(event.action, Action::Wait { .. }),
                sequence: event.sequence,
                worker: event.worker,
                connection: event.connection,
            });
        } else if matches!(event.action, Action::Close | Action::Reset) {
            // The socket was dropped: the task that served it has left its last line.
            self.0
                .retain(|lit| lit.connection.is_none() || lit.connection != event.connection);
        }
    }

    /// The lines to light while the reader looks at `focus`.
    pub(crate) fn lit(&self, focus: Option<ConnectionId>) -> Vec<Lit> {
        self.0
            .iter()
            .filter(|lit| lit.connection.is_none() || lit.connection == focus)
            .cloned()
            .collect()
    }

    /// The gateway is gone: nothing runs.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use wire::event::{Action, ConnectionId, End, Event, Operation, Source, Worker};

    use super::Running;

    fn event(sequence: u64, task: u64, connection: Option<u64>, line: u32) -> Event {
        Event {
            sequence,
            time_ns: 0,
            connection: connection.map(ConnectionId),
            end: End::Server,
            action: Action::Wait {
                operation: Operation::Read,
            },
            worker: Some(Worker::Task(task)),
            source: Some(Source {
                file: "a.rs".into(),
                line,
            }),
        }
    }

    fn lines(running: &Running, focus: u64) -> Vec<u32> {
        let lit = running.lit(Some(ConnectionId(focus)));
        lit.iter().map(|lit| lit.line).collect()
    }

    #[test]
    fn each_task_lights_its_last_line_for_the_connection_in_focus() {
        let mut running = Running::default();
        running.observe(&event(1, 1, None, 5));
        running.observe(&event(2, 2, Some(7), 10));
        running.observe(&event(3, 2, Some(7), 12));
        running.observe(&event(4, 3, Some(8), 10));
        assert_eq!(lines(&running, 7), [5, 12]);
        assert_eq!(lines(&running, 8), [5, 10]);
        // A late event does not turn the clock back.
        running.observe(&event(2, 2, Some(7), 10));
        assert_eq!(lines(&running, 7), [5, 12]);
        let mut close = event(9, 2, Some(7), 0);
        close.action = Action::Close;
        close.source = None;
        running.observe(&close);
        assert_eq!(lines(&running, 7), [5]);
    }
}
