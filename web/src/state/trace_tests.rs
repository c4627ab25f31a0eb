use wire::event::{Action, ConnectionId, Data, End, Event, Operation};

use super::{Kind, MAX_BYTES, Row, Trace};

fn event(sequence: u64, connection: u64, action: Action) -> Event {
    Event {
        sequence,
        time_ns: sequence * 1_000,
        connection: Some(ConnectionId(connection)),
        end: End::Server,
        action,
        worker: Some(wire::Worker::Task(1)),
        source: None,
    }
}

fn read(sequence: u64, length: usize) -> Event {
    event(sequence, 1, Action::Read(Data::whole(vec![0; length])))
}

fn wait(sequence: u64) -> Event {
    let operation = Operation::Read;
    event(sequence, 1, Action::Wait { operation })
}

fn orders(trace: &Trace) -> Vec<u64> {
    trace.rows().iter().map(|row| row.order).collect()
}

#[test]
fn events_are_sorted_however_they_arrive_and_never_doubled() {
    let mut trace = Trace::default();
    for sequence in [1, 4, 2, 3, 4] {
        trace.push(read(sequence, 1));
    }
    assert_eq!(orders(&trace), [2, 4, 6, 8]);
    assert!(trace.event(4).is_some_and(|event| event.sequence == 2));
    assert_eq!(trace.row_of(6), Some(2));
    assert_eq!(trace.row_of(7), None);
}

#[test]
fn the_same_wait_again_is_one_row() {
    let mut trace = Trace::default();
    trace.push(read(1, 1));
    trace.push(wait(2));
    trace.push(wait(3));
    trace.push(read(5, 1));
    trace.push(wait(6));
    assert_eq!(orders(&trace), [2, 4, 10, 12]);
    assert_eq!(trace.rows()[1].count, 2);
    assert_eq!(trace.row_of(6), Some(1));
    // Out of order, with the same result.
    trace.push(wait(4));
    assert_eq!(orders(&trace), [2, 4, 10, 12]);
    assert_eq!(trace.rows()[1].count, 3);
    trace.show(None, false);
    assert_eq!(orders(&trace), [2, 10]);
}

#[test]
fn a_filter_shows_one_conversation() {
    let mut trace = Trace::default();
    trace.push(read(1, 1));
    trace.push(event(2, 7, Action::EndOfStream));
    trace.show(Some(ConnectionId(7)), true);
    assert_eq!(orders(&trace), [4]);
    trace.push(read(3, 1));
    trace.push(event(4, 7, Action::Close));
    assert_eq!(orders(&trace), [4, 8]);
}

#[test]
fn memory_is_bounded_and_the_reader_is_told() {
    let mut trace = Trace {
        max_items: 100,
        ..Trace::default()
    };
    for sequence in 0..250 {
        trace.push(read(sequence, 1));
    }
    assert_eq!(trace.rows().len(), 100);
    assert_eq!(trace.dropped, 150);
    assert_eq!(trace.dropped_rows, 150);
    assert_eq!(trace.first(), Some(300));
    assert_eq!(trace.row_of(300), Some(0));

    let mut trace = Trace::default();
    for sequence in 0..2_000 {
        trace.push(read(sequence, 16 * 1024));
    }
    assert_eq!(trace.rows().len(), MAX_BYTES / (16 * 1024));
}

#[test]
fn lost_events_and_a_lost_gateway_have_their_place() {
    let mut trace = Trace::default();
    trace.push_break();
    assert!(trace.rows().is_empty());
    trace.push(read(1, 1));
    trace.push_gap(5);
    trace.push_gap(7);
    trace.push(read(20, 1));
    trace.push_break();
    trace.push_break();
    assert_eq!(orders(&trace), [2, 3, 40, 41]);
    assert!(trace.item(3).is_some_and(|item| item.kind == Kind::Gap(12)));
    assert!(trace.item(41).is_some_and(|item| item.kind == Kind::Break));
}

/// The rows as they are built from the start.
fn anew(trace: &Trace) -> Vec<Row> {
    let mut anew = trace.clone();
    anew.rebuild();
    anew.rows.into()
}

#[test]
fn what_comes_late_finds_its_row_as_if_it_had_come_in_time() {
    // Every order of arrival that a simple generator gives, of waits, reads and other workers.
    let mut random = 1_u64;
    let mut next = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for _ in 0..300 {
        let mut events: Vec<Event> = (1..12)
            .map(|sequence| match next(5) {
                0 => read(sequence, 1),
                1 => Event {
                    worker: Some(wire::Worker::Task(2)),
                    ..wait(sequence)
                },
                2 => Event {
                    end: End::Client,
                    ..wait(sequence)
                },
                _ => wait(sequence),
            })
            .collect();
        let mut trace = Trace::default();
        while !events.is_empty() {
            let index = next(events.len() as u64) as usize;
            trace.push(events.remove(index));
            assert_eq!(Vec::from(trace.rows.clone()), anew(&trace));
        }
    }
}

#[test]
fn a_run_of_waits_is_split_by_what_comes_late_into_it() {
    let mut trace = Trace::default();
    for sequence in [1, 2, 4, 5, 6] {
        trace.push(wait(sequence));
    }
    assert_eq!(trace.rows().len(), 1);
    trace.push(read(3, 1));
    let rows = trace
        .rows()
        .iter()
        .map(|row| (row.order, row.last, row.count));
    assert_eq!(rows.collect::<Vec<_>>(), [(2, 4, 2), (6, 6, 1), (8, 12, 3)]);
}
