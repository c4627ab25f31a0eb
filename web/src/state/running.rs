//! Which line of a program of the book each of its tasks was last seen in.

use wire::{Action, ConnectionId, End, Event, Worker};

/// The most tasks remembered.
const MAX_TASKS: usize = 64;

/// A line that runs or waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lit {
    pub(crate) file: String,
    pub(crate) line: u32,
    /// Whether a call on this line waits.
    pub(crate) waits: bool,
    /// Grows whenever the line runs again.
    pub(crate) sequence: u64,
    end: End,
    worker: Option<Worker>,
    connection: Option<ConnectionId>,
}

impl Lit {
    /// Whether what is seen in this event is in the line after this one. A client is one for each
    /// connection.
    fn moves_on(&self, event: &Event) -> bool {
        self.end == event.end
            && self.worker == event.worker
            && (self.end != End::Client || self.connection == event.connection)
    }
}

/// The last line of each task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Vec<Lit>);

impl Running {
    /// Takes note of an event.
    pub(crate) fn observe(&mut self, event: &Event) {
        if let Some(source) = &event.source {
            self.0
                .retain(|lit| !lit.moves_on(event) || lit.sequence > event.sequence);
            if self.0.iter().any(|lit| lit.moves_on(event)) {
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
                end: event.end,
                worker: event.worker,
                connection: event.connection,
            });
        } else if matches!(event.action, Action::Close | Action::Reset) {
            // The socket was dropped: the task that had it has left its last line.
            self.0.retain(|lit| {
                lit.end != event.end
                    || lit.connection.is_none()
                    || lit.connection != event.connection
            });
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

    #[test]
    fn a_client_of_the_book_lights_its_lines_beside_the_servers() {
        let of_client = |sequence, connection, line| Event {
            end: End::Client,
            worker: None,
            ..event(sequence, 0, Some(connection), line)
        };
        let mut running = Running::default();
        running.observe(&event(1, 1, None, 5));
        running.observe(&of_client(2, 7, 30));
        running.observe(&of_client(3, 8, 31));
        running.observe(&of_client(4, 7, 32));
        assert_eq!(lines(&running, 7), [5, 32]);
        assert_eq!(lines(&running, 8), [5, 31]);
        let mut close = of_client(5, 7, 0);
        close.action = Action::Close;
        close.source = None;
        running.observe(&close);
        assert_eq!(lines(&running, 7), [5]);
    }
}
