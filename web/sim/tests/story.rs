//! What a page sees of an exchange in the simulated network.

mod page;

use page::Page;
use wire::{Action, End, TcpState, ToGateway};

#[test]
fn a_connection_is_made_used_and_closed_over_the_link() {
    let mut page = Page::of("sim_echo", "delay=50");
    let id = page.open();
    page.send(id, b"hello");
    page.rest();
    page.close(id);
    page.rest();
    let told = |end: End| -> Vec<String> {
        let events = page.events().into_iter();
        let of_end = events.filter(|event| event.end == end && event.connection == Some(id));
        let word = |action: &Action| match action {
            Action::Kernel(kernel) => Some(kernel.state.to_string()),
            Action::Packet(_) | Action::Fate { .. } => None,
            other => Some(other.verb().to_owned()),
        };
        let mut words: Vec<String> = of_end.filter_map(|event| word(&event.action)).collect();
        words.dedup();
        words
    };
    let client = "SYN-SENT wait SYN-SENT ESTABLISHED connect write ESTABLISHED read ESTABLISHED close \
                  FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT CLOSED";
    let server = "SYN-RECEIVED ESTABLISHED accept wait ESTABLISHED read write wait ESTABLISHED \
                  CLOSE-WAIT end close LAST-ACK CLOSED";
    assert_eq!(told(End::Client).join(" "), client);
    assert_eq!(told(End::Server).join(" "), server);
    // Three for the handshake, one each way with data, an acknowledgment, four for the goodbye.
    assert_eq!(page.packets(), 10);
}

#[test]
fn events_are_in_order_and_a_server_tells_its_line() {
    let mut page = Page::of("sim_echo", "delay=50 loss=20");
    let id = page.open();
    page.send(id, b"hello");
    page.rest();
    let events = page.events();
    let pairs = events.windows(2);
    assert!(
        pairs
            .clone()
            .all(|pair| pair[0].sequence < pair[1].sequence)
    );
    assert!(pairs.clone().all(|pair| pair[0].time_ns <= pair[1].time_ns));
    let read = events
        .iter()
        .find(|event| event.end == End::Server && matches!(event.action, Action::Read(_)));
    let source = read.unwrap().source.clone().unwrap();
    let file = std::fs::read_to_string(format!("../../{}", source.file)).unwrap();
    let line = file.lines().nth(source.line as usize - 1).unwrap();
    assert!(line.contains("stream.read(&mut buffer).await"), "{line}");
}

#[test]
fn a_simultaneous_close_takes_both_ends_through_closing() {
    let mut page = Page::of("sim_ok", "delay=50");
    let id = page.open();
    page.pass(std::time::Duration::from_millis(100));
    page.trap("delay FIN 60 ms from client");
    page.send(id, b"x");
    page.say(ToGateway::ShutDown { connection: id });
    page.rest();
    for end in [End::Client, End::Server] {
        let states = page.states(end);
        assert!(states.contains(&TcpState::Closing), "{}", page.transcript());
        assert!(
            states.contains(&TcpState::TimeWait),
            "{}",
            page.transcript()
        );
    }
}

#[test]
fn what_comes_for_a_program_that_has_closed_is_answered_with_rst() {
    let mut page = Page::of("sim_ok", "delay=50");
    let id = page.open();
    page.send(id, b"x");
    page.close(id);
    page.rest();
    let resets = page.kinds("RST");
    assert_eq!(resets, 1, "{}", page.transcript());
}

#[test]
fn a_dropped_syn_ack_is_sent_again_and_the_connection_is_made() {
    let mut page = Page::of("sim_echo", "delay=50");
    page.trap("drop SYN-ACK");
    page.open();
    page.rest();
    assert_eq!(page.kinds("SYN"), 2);
    assert!(page.kinds("SYN-ACK") >= 2);
    assert_eq!(
        page.states(End::Client).last(),
        Some(&TcpState::Established)
    );
    assert_eq!(
        page.states(End::Server).last(),
        Some(&TcpState::Established)
    );
}
