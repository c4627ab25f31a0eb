//! Packets of the lessons as a page sees them: at their place among the calls, its own alone, and
//! nothing besides.
#![cfg(target_os = "linux")]

mod program;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use wire::packet::{Carries, Flags, Summary};
use wire::session::Packets;
use wire::{Action, ConnectionId, End, Event, Packet};
use wirebook_tests::gateway::TestGateway;
use wirebook_tests::requirements;

/// A gateway that sees packets, where the tests may have one.
async fn gateway() -> Result<Option<TestGateway>> {
    if !requirements::can_capture() {
        return Ok(None);
    }
    let gateway = TestGateway::start().await?;
    let session = gateway.session().await?;
    let packets = &session.welcome().abilities.packets;
    ensure!(*packets == Packets::Captured, "{packets:?}");
    Ok(Some(gateway))
}

fn packet(event: &Event) -> Option<&Packet> {
    match &event.action {
        Action::Packet(packet) => Some(packet),
        _ => None,
    }
}

fn summary(packet: &Packet) -> Option<Summary> {
    Summary::of(packet.link, &packet.bytes)
}

/// As in `client SYN, ACK 5`.
fn word(event: &Event) -> Option<String> {
    let packet = packet(event)?;
    let summary = summary(packet)?;
    let kind = match &summary.carries {
        Carries::Tcp(segment) => segment.flags.to_string(),
        Carries::Udp => "UDP".to_owned(),
        Carries::Icmp => "ICMP".to_owned(),
        Carries::Other(_) => "other".to_owned(),
    };
    Some(format!("{} {kind} {}", packet.from, summary.payload_length))
}

fn words(events: &[Event]) -> Vec<String> {
    events.iter().filter_map(word).collect()
}

fn is(connection: ConnectionId, what: &str) -> impl Fn(&Event) -> bool {
    move |event| event.connection == Some(connection) && word(event).as_deref() == Some(what)
}

fn has(event: &Event, from: End, flags: Flags) -> bool {
    let Some(packet) = packet(event) else {
        return false;
    };
    let segment = summary(packet).and_then(|summary| summary.tcp().cloned());
    packet.from == from && segment.is_some_and(|segment| segment.flags.has(flags))
}

/// Where the first event is that `is_it`, in the order of their sequence.
fn place(events: &[Event], what: &str, is_it: impl Fn(&Event) -> bool) -> Result<usize> {
    let mut events = events.iter();
    events
        .position(is_it)
        .with_context(|| format!("there is no {what}"))
}

#[tokio::test]
async fn the_handshake_lies_between_the_calls_and_the_goodbye_behind_them() -> Result<()> {
    let Some(gateway) = gateway().await? else {
        return Ok(());
    };
    let mut page = gateway.session().await?;
    page.look_at_packets("tcp_ok", true).await?;
    let connection = page.open("tcp_ok").await?;
    page.until(|event| event.action.verb() == "accept").await?;
    page.until(is(connection, "client ACK 0")).await?;
    page.send(connection, "hello").await?;
    page.until(|event| event.end == End::Client && event.action.verb() == "read")
        .await?;
    page.close(connection).await?;
    page.until(|event| has(event, End::Client, Flags::FIN))
        .await?;
    page.until(|event| has(event, End::Server, Flags::FIN))
        .await?;
    let last = page
        .when(|page| {
            let events = page.events();
            let fin = (events.iter()).position(|event| has(event, End::Server, Flags::FIN))?;
            let acknowledges = |event: &&Event| has(event, End::Client, Flags::ACK);
            events[fin..].iter().find(acknowledges).cloned()
        })
        .await?;

    let events = page.events();
    let at = |what: &str| place(&events, what, |event| word(event).as_deref() == Some(what));
    let call = |end: End, verb: &'static str| {
        place(&events, verb, move |event| {
            event.end == end && event.action.verb() == verb
        })
    };
    let order = [
        call(End::Client, "connect")?,
        at("client SYN 0")?,
        at("server SYN, ACK 0")?,
        at("client ACK 0")?,
        call(End::Server, "accept")?,
        call(End::Client, "write")?,
        at("client PSH, ACK 5")?,
        call(End::Server, "read")?,
        call(End::Server, "write")?,
        at("server PSH, ACK 2")?,
        call(End::Client, "read")?,
        place(&events, "FIN", |event| has(event, End::Client, Flags::FIN))?,
        call(End::Server, "end")?,
        place(&events, "FIN", |event| has(event, End::Server, Flags::FIN))?,
        place(&events, "last ACK", |event| *event == last)?,
    ];
    assert!(order.is_sorted(), "{order:?}\n{:#?}", words(&events));
    assert_eq!((page.lost(), page.lost_packets()), (0, 0));

    // Numbers and places are each given once.
    let packets: Vec<_> = events
        .iter()
        .filter(|event| packet(event).is_some())
        .collect();
    let mut numbers: Vec<_> = packets.iter().filter_map(|it| packet(it)).collect();
    numbers.sort_by_key(|packet| packet.number);
    assert!(
        numbers
            .windows(2)
            .all(|pair| pair[0].number < pair[1].number)
    );
    assert!(packets.iter().all(|event| event.sequence % 2 == 1));
    assert!(
        packets
            .windows(2)
            .all(|pair| pair[0].sequence < pair[1].sequence)
    );
    assert!(packets.iter().all(|event| event.end == End::Wire));
    assert!(
        packets
            .iter()
            .all(|event| event.connection == Some(connection))
    );
    Ok(())
}

#[tokio::test]
async fn only_who_looks_sees_packets_and_only_its_own() -> Result<()> {
    let Some(gateway) = gateway().await? else {
        return Ok(());
    };
    let mut owner = gateway.session().await?;
    let mut other = gateway.session().await?;
    let mut blind = gateway.session().await?;
    for page in [&mut owner, &mut other, &mut blind] {
        page.watch("tcp_ok").await?;
    }
    owner.look_at_packets("tcp_ok", true).await?;
    other.look_at_packets("tcp_ok", true).await?;

    let mine = owner.open("tcp_ok").await?;
    let theirs = other.open("tcp_ok").await?;
    let unseen = blind.open("tcp_ok").await?;
    for (page, connection) in [
        (&mut owner, mine),
        (&mut other, theirs),
        (&mut blind, unseen),
    ] {
        page.send(connection, "hello").await?;
        page.until(|event| event.action.verb() == "read" && event.end == End::Client)
            .await?;
        page.close(connection).await?;
    }
    // An outside program, whose packets come last: everything before it has come.
    let mut stream = TcpStream::connect(gateway.server("tcp_ok")?).await?;
    stream.write_all(b"from outside").await?;
    let is_outside = |event: &Event| word(event).as_deref() == Some("client PSH, ACK 12");
    for (page, connection) in [(&mut owner, mine), (&mut other, theirs)] {
        let outside = page.until(is_outside).await?.connection;
        for event in page
            .observed()
            .iter()
            .filter(|event| packet(event).is_some())
        {
            let is_seen = event.connection == Some(connection) || event.connection == outside;
            assert!(is_seen, "{event:?}");
        }
        let events = page.events();
        let its = |event: &&Event| event.connection == outside;
        let outside: Vec<_> = events.iter().filter(its).cloned().collect();
        let first = ["client SYN 0", "server SYN, ACK 0", "client ACK 0"];
        assert_eq!(words(&outside)[..3], first);
    }
    blind
        .until(|event| event.action.verb() == "read" && event.end == End::Server)
        .await?;
    blind.answered().await?;
    assert_eq!(words(blind.observed()), [""; 0]);

    // Who looks no more sees no more.
    owner.look_at_packets("tcp_ok", false).await?;
    let seen = words(owner.observed()).len();
    stream.write_all(b"again from outside").await?;
    other
        .until(|event| word(event).as_deref() == Some("client PSH, ACK 18"))
        .await?;
    owner.answered().await?;
    assert_eq!(words(owner.observed()).len(), seen);
    Ok(())
}

#[tokio::test]
async fn packets_of_other_ports_are_nobodys() -> Result<()> {
    let Some(gateway) = gateway().await? else {
        return Ok(());
    };
    let mut page = gateway.session().await?;
    for lesson in ["tcp_echo", "udp_echo"] {
        page.watch(lesson).await?;
        page.look_at_packets(lesson, true).await?;
    }
    const SECRET: &[u8] = b"nobody's business";
    for _ in 0..50 {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut client = TcpStream::connect(listener.local_addr()?).await?;
        let (mut server, _) = listener.accept().await?;
        client.write_all(SECRET).await?;
        server.read_exact(&mut [0; SECRET.len()]).await?;
        let receiver = UdpSocket::bind("127.0.0.1:0").await?;
        let sender = UdpSocket::bind("127.0.0.1:0").await?;
        sender.send_to(SECRET, receiver.local_addr()?).await?;
        receiver.recv(&mut [0; 64]).await?;
    }
    let tcp = page.open("tcp_echo").await?;
    page.send(tcp, "mine").await?;
    page.until(is(tcp, "server PSH, ACK 4")).await?;
    let udp = page.open("udp_echo").await?;
    page.send(udp, "mine").await?;
    page.until(is(udp, "server UDP 4")).await?;
    for event in page.observed() {
        let Some(packet) = packet(event) else {
            continue;
        };
        assert!(
            !packet
                .bytes
                .windows(SECRET.len())
                .any(|bytes| bytes == SECRET)
        );
        assert!([Some(tcp), Some(udp)].contains(&event.connection));
    }
    Ok(())
}

#[tokio::test]
async fn a_refusal_is_a_reset_or_an_icmp_error() -> Result<()> {
    let Some(gateway) = gateway().await? else {
        return Ok(());
    };
    let mut page = gateway.session().await?;
    page.look_at_packets("tcp_refused", true).await?;
    let tcp = page.open("tcp_refused").await?;
    let reset = page.until(is(tcp, "server RST, ACK 0")).await?;
    let error = page.until(|event| event.action.verb() == "error").await?;
    assert!(reset.sequence < error.sequence);

    page.look_at_packets("udp_refused", true).await?;
    let udp = page.open("udp_refused").await?;
    page.send(udp, "anyone?").await?;
    page.until(is(udp, "client UDP 7")).await?;
    let about = page
        .until(|event| {
            event.connection == Some(udp)
                && word(event).is_some_and(|word| word.starts_with("server ICMP"))
        })
        .await?;
    let error = page
        .until(|event| event.connection == Some(udp) && event.action.verb() == "error")
        .await?;
    assert!(about.sequence < error.sequence);
    Ok(())
}

#[tokio::test]
async fn a_relay_has_packets_on_both_of_its_sides() -> Result<()> {
    let Some(gateway) = gateway().await? else {
        return Ok(());
    };
    let mut page = gateway.session().await?;
    page.look_at_packets("udp_relay", true).await?;
    let connection = page.open("udp_relay").await?;
    page.send(connection, "ping").await?;
    page.until(|event| event.end == End::Client && event.action.verb() == "receive")
        .await?;
    page.when(|page| (words(page.observed()).len() == 4).then_some(()))
        .await?;
    assert_eq!(
        words(&page.events()),
        ["client UDP 4", "relay UDP 4", "server UDP 4", "relay UDP 4"]
    );
    Ok(())
}

#[tokio::test]
async fn what_is_too_much_for_a_page_is_counted() -> Result<()> {
    let Some(gateway) = gateway().await? else {
        return Ok(());
    };
    let mut page = gateway.session().await?;
    page.watch("udp_echo").await?;
    page.look_at_packets("udp_echo", true).await?;
    // The page reads nothing meanwhile; programs do not wait for it.
    let program = UdpSocket::bind("127.0.0.1:0").await?;
    program.connect(gateway.server("udp_echo")?).await?;
    let mut buffer = vec![0; 20_000];
    for _ in 0..300 {
        program.send(&vec![b'x'; 20_000]).await?;
        let answer = program.recv(&mut buffer);
        tokio::time::timeout(Duration::from_secs(5), answer).await??;
    }
    page.when(|page| (page.lost_packets() > 0).then_some(()))
        .await?;
    page.answered().await?;
    Ok(())
}
