//! What arrives is what was sent, whatever the network does.

mod page;

use page::{Page, Random};
use wire::{Action, ConnectionId, End, ToGateway};

/// How many networks are tried.
const NETWORKS: u64 = 60;

/// A network that does everything, by chance.
fn network(random: &mut Random) -> String {
    let bandwidth = [0, 100, 1_000, 10_000][random.below(4)];
    format!(
        "seed={} delay={} jitter={} bandwidth={bandwidth} mtu={} loss={} duplicate={} reorder={} \
         corrupt={} queue={}",
        random.next(),
        random.below(200),
        random.below(50),
        68 + random.below(1_433),
        random.below(26),
        random.below(26),
        random.below(31),
        random.below(16),
        1 + random.below(40),
    )
}

/// What this end has read, or written, on a connection.
fn moved(page: &Page, id: ConnectionId, end: End, is_read: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in page.events() {
        if event.connection != Some(id) || event.end != end {
            continue;
        }
        match &event.action {
            Action::Read(data) if is_read => bytes.extend(&data.bytes),
            Action::Write(data) if !is_read => bytes.extend(&data.bytes),
            _ => {}
        }
    }
    bytes
}

#[test]
fn an_echo_comes_back_whole_over_any_network() {
    let mut random = Random(1);
    for _ in 0..NETWORKS {
        let network = network(&mut random);
        let mut page = Page::of("sim_echo", &network);
        let id = page.open();
        let mut sent = Vec::new();
        for _ in 0..1 + random.below(4) {
            let bytes: Vec<u8> = (0..random.below(6_000)).map(|_| random.byte()).collect();
            page.send(id, &bytes);
            sent.extend(bytes);
        }
        page.say(ToGateway::ShutDown { connection: id });
        page.rest();
        let log = || format!("{network}\n{}", page.transcript());
        assert!(moved(&page, id, End::Server, true) == sent, "{}", log());
        assert!(moved(&page, id, End::Client, true) == sent, "{}", log());
        let ends = |event: &wire::Event| event.action == Action::EndOfStream;
        assert_eq!(page.events().iter().filter(|event| ends(event)).count(), 2);
    }
}

#[test]
fn a_source_delivers_what_was_asked_for_over_any_network() {
    let mut random = Random(2);
    for _ in 0..NETWORKS {
        let network = network(&mut random);
        let mut page = Page::of("sim_source", &network);
        let id = page.open();
        let wanted = random.below(40_000);
        page.send(id, wanted.to_string().as_bytes());
        page.rest();
        let read = moved(&page, id, End::Client, true);
        let written = moved(&page, id, End::Server, false);
        assert!(read == written, "{network}\n{}", page.transcript());
        assert_eq!(read.len(), wanted, "{network}\n{}", page.transcript());
    }
}

#[test]
fn what_a_slow_reader_is_sent_arrives_whole_too() {
    let mut random = Random(3);
    for _ in 0..NETWORKS / 4 {
        let network = network(&mut random);
        let mut page = Page::of("sim_slow", &network);
        let id = page.open();
        let sent: Vec<u8> = (0..random.below(20_000)).map(|_| random.byte()).collect();
        page.send(id, &sent);
        page.say(ToGateway::ShutDown { connection: id });
        page.rest();
        let read = moved(&page, id, End::Server, true);
        assert!(read == sent, "{network}\n{}", page.transcript());
    }
}

#[test]
fn of_datagrams_only_what_was_sent_arrives() {
    let mut random = Random(4);
    for _ in 0..NETWORKS {
        let network = network(&mut random);
        let mut page = Page::of("sim_datagram", &network);
        let id = page.open();
        let mut sent = Vec::new();
        for _ in 0..random.below(40) {
            let datagram: Vec<u8> = (0..random.below(1_600)).map(|_| random.byte()).collect();
            page.send(id, &datagram);
            page.pass(std::time::Duration::from_millis(random.next() % 100));
            sent.push(datagram);
        }
        page.rest();
        for event in page.events() {
            if let Action::Receive { data, .. } = &event.action {
                assert!(!data.more && sent.contains(&data.bytes), "{network}");
            }
        }
    }
}

#[test]
fn a_link_that_takes_smaller_packets_all_at_once_still_delivers() {
    let mut page = Page::of("sim_echo", "delay=20");
    let id = page.open();
    let sent: Vec<u8> = (0..20_000_u32)
        .map(|number| number.to_le_bytes()[0])
        .collect();
    page.send(id, &sent);
    page.pass(std::time::Duration::from_millis(90));
    page.say(ToGateway::Network("delay=20 mtu=400".parse().unwrap()));
    page.rest();
    assert!(moved(&page, id, End::Client, true) == sent);
    assert!(page.kinds("drop data") > 0, "{}", page.transcript());
}
