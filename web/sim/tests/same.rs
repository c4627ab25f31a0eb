//! The same seed and the same acts give the same run, also after time went back.

mod page;
#[path = "../examples/same.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is a program too")]
mod same;

use std::time::Duration;

use page::Page;
use wire::session::{Time, ToPage};
use wire::{Event, ToGateway};

#[test]
fn a_run_is_the_same_as_always() {
    let found = same::digest().unwrap();
    assert_eq!(
        found,
        same::DIGEST,
        "The simulator does something else than before: 0x{found:016x}. If that is meant, set \
         DIGEST in examples/same.rs and record the simulated labs anew."
    );
}

#[test]
fn in_slices_or_at_once_the_same_happens() {
    let run = |slice: Duration| -> Vec<Event> {
        let mut page = Page::of("sim_source", "delay=30 loss=20 jitter=9");
        let id = page.open();
        page.send(id, b"20000");
        while page.simulator.now_ns() < 60_000_000_000 {
            page.pass(slice);
        }
        page.events()
    };
    let events = run(Duration::from_secs(60));
    assert!(events.len() > 100);
    assert_eq!(events, run(Duration::from_millis(13)));
    assert_eq!(events, run(Duration::from_secs(7)));
}

/// A page after much was done, some of it between two things that happen at the same time.
fn busy_page() -> Page {
    let mut page = Page::of("sim_echo", "delay=30 loss=20 duplicate=20");
    let id = page.open();
    page.pass(Duration::from_millis(250));
    page.send(id, b"one");
    for _ in 0..5 {
        page.say(ToGateway::Time(Time::Step));
    }
    page.send(id, &[b'x'; 3_000]);
    page.trap("drop data 2 times");
    page.pass(Duration::from_secs(4));
    let second = page.open();
    page.send(second, b"two");
    page.pass(Duration::from_secs(4));
    page.close(id);
    page.pass(Duration::from_secs(4));
    page
}

#[test]
fn going_back_shows_the_same_again_and_forgets_what_came_later() {
    let mut page = busy_page();
    let first = page.events();
    let (begin, end) = (first[0].time_ns, page.simulator.now_ns());
    for time_ns in [end, end / 2, end / 3, 251_000_000, begin + 1] {
        page.messages.clear();
        page.say(ToGateway::Time(Time::Jump { time_ns }));
        if time_ns < end {
            assert_eq!(page.messages.first(), Some(&ToPage::Rewound));
            let until: Vec<Event> = first
                .iter()
                .filter(|event| event.time_ns <= time_ns)
                .cloned()
                .collect();
            let again = page.events();
            let upto = again.len().min(until.len());
            assert_eq!(again[..upto], until[..upto]);
            assert_eq!(again.len(), until.len());
        }
        assert_eq!(page.simulator.now_ns(), time_ns);
    }
    // From there it goes on as if nothing had been done later.
    page.rest();
    assert!(
        page.events()
            .iter()
            .all(|event| event.connection.is_none_or(|id| id.0 == 1))
    );
}

#[test]
fn from_the_beginning_nothing_has_been_done() {
    let mut page = busy_page();
    page.messages.clear();
    page.say(ToGateway::Time(Time::Restart));
    page.rest();
    let events = page.events();
    assert!(!events.is_empty() && events.iter().all(|event| event.connection.is_none()));
    // And the same can be done again.
    let id = page.open();
    assert_eq!(id.0, 1);
}
