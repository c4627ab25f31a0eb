use wire::event::Failure;
use wire::{Action, ConnectionId, Data, End, Event, Kernel, Operation, Progress, Seen, TcpState};

use super::made;

/// Events of one lab, numbered and one millisecond apart unless told otherwise.
struct Story {
    progress: Progress,
    sequence: u64,
    time_ns: u64,
}

const MS: u64 = 1_000_000;

impl Story {
    fn new(steps: &[&str]) -> Self {
        let steps: Vec<Seen> = steps.iter().map(|step| step.parse().unwrap()).collect();
        Self {
            progress: Progress::new(steps, 0),
            sequence: 0,
            time_ns: 0,
        }
    }

    fn event(&mut self, connection: u64, end: End, action: Action) -> bool {
        self.sequence += 1;
        self.time_ns += MS;
        self.progress.observe(&Event {
            sequence: self.sequence,
            time_ns: self.time_ns,
            connection: Some(ConnectionId(connection)),
            end,
            action,
            worker: None,
            source: None,
        })
    }

    /// An event that may come out of turn.
    fn numbered(&mut self, sequence: u64, end: End, action: Action) -> bool {
        let event = made::event(sequence * MS, end, action);
        self.progress.observe(&event)
    }

    fn reads(&mut self, connection: u64, text: &str) -> bool {
        self.event(connection, End::Client, Action::Read(Data::whole(text)))
    }
}

fn peer() -> wire::Address {
    std::net::SocketAddr::from(([127, 0, 0, 1], 4000)).into()
}

#[test]
fn steps_tick_in_order_one_event_each() {
    let mut story = Story::new(&["server accept", "client read \"ok\"", "client read \"ok\""]);
    assert!(!story.reads(1, "ok"));
    assert!(story.event(1, End::Server, Action::Accept { peer: peer() }));
    assert!(story.reads(1, "ok"));
    assert_eq!(story.progress.done(), 2);
    assert!(story.reads(1, "ok"));
    assert!(story.progress.is_complete());
    assert!(
        !story.reads(1, "ok"),
        "a finished lab has nothing left to tick"
    );
}

#[test]
fn the_other_end_does_not_count() {
    let mut story = Story::new(&["client close"]);
    assert!(!story.event(1, End::Server, Action::Close));
    assert!(story.event(1, End::Client, Action::Close));
}

#[test]
fn a_text_may_arrive_in_pieces_because_a_stream_has_no_messages() {
    let mut story = Story::new(&["client read \"hello\""]);
    assert!(!story.reads(1, "well, he"));
    assert!(!story.reads(1, "l"));
    assert!(story.reads(1, "lo, you"));
}

#[test]
fn pieces_of_two_connections_do_not_make_one_text() {
    let mut story = Story::new(&["client read \"hello\""]);
    assert!(!story.reads(1, "hel"));
    assert!(!story.reads(2, "lo"));
    assert!(story.reads(1, "lo"));
}

#[test]
fn two_datagrams_do_not_make_one_text() {
    let datagram = |text: &str| Action::Receive {
        peer: peer(),
        data: Data::whole(text),
    };
    let mut story = Story::new(&["server receive \"hello\""]);
    assert!(!story.event(1, End::Server, datagram("hel")));
    assert!(!story.event(1, End::Server, datagram("lo")));
    assert!(story.event(1, End::Server, datagram("hello")));
}

#[test]
fn one_datagram_in_two_slices_is_one_text() {
    let slice = |text: &str, more| Action::Receive {
        peer: peer(),
        data: Data {
            bytes: text.into(),
            more,
        },
    };
    let mut story = Story::new(&["server receive \"hello\""]);
    assert!(!story.event(1, End::Server, slice("hel", true)));
    assert!(story.event(1, End::Server, slice("lo", false)));
}

#[test]
fn what_was_heard_before_the_step_began_does_not_count() {
    let mut story = Story::new(&["client close", "client read \"ok\""]);
    assert!(!story.reads(1, "o"));
    assert!(story.event(1, End::Client, Action::Close));
    assert!(!story.reads(1, "k"));
    assert!(story.reads(1, "ok"));
}

#[test]
fn a_long_stream_is_searched_within_bounded_memory_and_across_the_cut() {
    let mut story = Story::new(&["client read \"needle\""]);
    let hay = "x".repeat(16 * 1024);
    for _ in 0..4 {
        assert!(!story.reads(1, &hay));
    }
    assert!(!story.reads(1, "xnee"));
    assert!(story.reads(1, "dle"));
}

#[test]
fn a_wait_a_failure_and_a_cancel_tick_with_and_without_detail() {
    let wait = |operation| Action::Wait { operation };
    let mut story = Story::new(&["server wait read", "server wait", "client error refused"]);
    assert!(!story.event(1, End::Server, wait(Operation::Accept)));
    assert!(story.event(1, End::Server, wait(Operation::Read)));
    assert!(story.event(1, End::Server, wait(Operation::Accept)));
    let error = |kind| Action::Error {
        operation: Operation::Connect,
        kind,
        message: String::new(),
    };
    assert!(!story.event(1, End::Client, error(Failure::Reset)));
    assert!(story.event(1, End::Client, error(Failure::Refused)));

    let operation = Operation::Read;
    let mut story = Story::new(&["client cancel read"]);
    assert!(story.event(1, End::Client, Action::Cancel { operation }));
}

#[test]
fn silence_ticks_when_the_clock_says_so_and_starts_anew_when_broken() {
    let mut story = Story::new(&["client connect", "client nothing for 2 s"]);
    let connect = Action::Connect {
        local: peer(),
        peer: peer(),
    };
    assert!(
        !story.progress.elapse(10_000 * MS),
        "silence before the step does not count"
    );
    assert!(story.event(1, End::Client, connect));
    let began = story.time_ns;
    assert!(!story.progress.elapse(began + 1_999 * MS));
    story.time_ns = began + 1_000 * MS;
    assert!(!story.reads(1, "ok"));
    let broken = story.time_ns;
    assert!(!story.progress.elapse(began + 2_000 * MS));
    assert!(story.progress.elapse(broken + 2_000 * MS));
}

#[test]
fn waiting_and_the_other_end_do_not_break_silence() {
    let mut story = Story::new(&["client connect", "client nothing for 2 s"]);
    let connect = Action::Connect {
        local: peer(),
        peer: peer(),
    };
    assert!(story.event(1, End::Client, connect));
    let began = story.time_ns;
    let operation = Operation::Read;
    story.time_ns = began + 1_000 * MS;
    assert!(!story.event(1, End::Client, Action::Wait { operation }));
    assert!(!story.event(1, End::Server, Action::Close));
    assert!(story.progress.elapse(began + 2_000 * MS));
}

#[test]
fn progress_taken_up_later_goes_on_where_it_was() {
    let steps: Vec<Seen> = ["client close", "client read"]
        .iter()
        .map(|step| step.parse().unwrap())
        .collect();
    let progress = Progress::new(steps.clone(), 1);
    assert_eq!(progress.current(), Some(&steps[1]));
    assert!(Progress::new(steps, 99).is_complete());
}

#[test]
fn a_pattern_can_be_asked_for_more_than_once() {
    let mut story = Story::new(&["client read \"ok\" 2 times", "client read \"ok\""]);
    assert!(!story.reads(1, "ok"));
    assert!(!story.reads(1, "o"));
    assert!(story.reads(1, "k"));
    assert_eq!(story.progress.done(), 1);
    assert!(story.reads(1, "ok"));
}

#[test]
fn what_arrives_early_is_taken_in_the_order_of_its_sequence() {
    let mut story = Story::new(&["server close", "client end"]);
    assert!(!story.numbered(1, End::Client, Action::EndOfStream));
    assert!(!story.numbered(9, End::Client, Action::EndOfStream));
    assert!(story.numbered(8, End::Server, Action::Close));
    assert!(
        story.progress.is_complete(),
        "the end of stream with number 9 comes behind the close with number 8"
    );
}

#[test]
fn a_state_that_is_told_before_the_packet_it_follows_from_is_not_missed() {
    let mut story = Story::new(&["server accept", "server close", "client state TIME-WAIT"]);
    // What the system says again and again pushes nothing out.
    assert!(!story.numbered(99, End::Server, Action::Close));
    for sequence in 100..200 {
        let kernel = Kernel::of(TcpState::Established);
        assert!(!story.numbered(sequence, End::Client, Action::Kernel(kernel)));
    }
    let kernel = Kernel::of(TcpState::TimeWait);
    assert!(!story.numbered(200, End::Client, Action::Kernel(kernel)));
    assert!(story.numbered(98, End::Server, Action::Accept { peer: peer() }));
    assert!(story.progress.is_complete());
}

#[test]
fn a_pattern_with_gaps_is_found_wherever_it_fits() {
    let mut story = Story::new(&["client read like \"GET * HTTP/1.?\""]);
    assert!(!story.reads(1, "GET /"));
    assert!(!story.reads(1, " HTTP/1."));
    assert!(story.reads(1, "1\r\n"));
}
