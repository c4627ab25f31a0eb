//! A recorded exchange in sentences that read well aloud, as HTML.

use std::collections::HashMap;

use wire::event::{Action, Event};
use wire::flows::{Flows, Sight};
use wire::packet::{Cause, Fate, Packet};
use wire::seen::What;
use wire::trace::{Client, Part};
use wire::words::PacketWords;
use wire::{Seen, text};

use crate::html::escape;

/// The most bytes of one transfer that are printed.
const MAX_SHOWN_BYTES: usize = 200;

/// The most sentences of one step; of more, the middle is left to the page.
const MAX_SENTENCES: usize = 48;
/// How many of them are the last ones.
const LAST_SENTENCES: usize = 12;

/// The sentences for what was observed of `part` while `seen` was waited for. Where clients have
/// names, or several connections take turns, each says on which it happened.
///
/// A call that waits is left out unless it is what is waited for: every read begins so.
pub(crate) fn sentences(part: &Part, events: &[Event], seen: &Seen) -> Vec<String> {
    let tells_waits = matches!(seen.what, What::Waits(_));
    let names_places = names_places(part, events);
    let sights = sights(part);
    let mut sentences = Vec::new();
    let mut events = events.iter().peekable();
    while let Some(event) = events.next() {
        if matches!(event.action, Action::Wait { .. }) && !tells_waits {
            continue;
        }
        // Of what the system says only a new state is told: the numbers are for the charts.
        if matches!(event.action, Action::Kernel(_)) && !is_new_state(part, event) {
            continue;
        }
        // What became of a packet is told with it.
        if matches!(event.action, Action::Fate { .. }) {
            continue;
        }
        // One call may be several events; it is one sentence.
        let mut bytes = event.data().map(|data| data.bytes.clone());
        let mut last = event;
        while last.data().is_some_and(|data| data.more)
            && let Some(next) = events.next_if(|next| continues(last, next))
        {
            if let (Some(bytes), Some(data)) = (&mut bytes, next.data()) {
                bytes.extend_from_slice(&data.bytes);
            }
            last = next;
        }
        let what = match &event.action {
            Action::Packet(packet) => on_the_wire(part, event, packet, &sights),
            _ => sentence(event, bytes.as_deref().unwrap_or_default()),
        };
        sentences.push(match place(part, event).filter(|_| names_places) {
            Some(place) => format!("{place}: {what}"),
            None => capitalised(&what),
        });
    }
    if let What::Nothing { for_secs } = seen.what {
        let end = seen.end;
        sentences.push(format!("For {for_secs} s nothing happened at the {end}."));
    }
    shortened(sentences)
}

/// A long list without its middle, and how much that was.
fn shortened(mut sentences: Vec<String>) -> Vec<String> {
    if sentences.len() > MAX_SENTENCES {
        let first = MAX_SENTENCES - LAST_SENTENCES;
        let rest = first..sentences.len() - LAST_SENTENCES;
        let count = rest.len();
        let told = format!("Then came {count} more of these, which the lab in the page shows.");
        sentences.splice(rest, [told]);
    }
    sentences
}

/// Whether a sample tells of another state than the one before it.
fn is_new_state(part: &Part, sample: &Event) -> bool {
    let state = |event: &Event| match &event.action {
        Action::Kernel(kernel)
            if (event.connection, event.end) == (sample.connection, sample.end) =>
        {
            Some(kernel.state)
        }
        _ => None,
    };
    let before = part.events.iter();
    let before = before.take_while(|event| event.sequence < sample.sequence);
    before.filter_map(state).last() != state(sample)
}

/// What each packet means among those before it, by the sequence of its event.
fn sights(part: &Part) -> HashMap<u64, Sight> {
    let mut flows = Flows::default();
    let mut sights = HashMap::new();
    for event in &part.events {
        if let Some(sight) = flows.observe(event)
            && matches!(event.action, Action::Packet(_))
        {
            sights.insert(event.sequence, sight);
        }
    }
    sights
}

/// A packet, and what became of it if that is known, in the lower case.
fn on_the_wire(
    part: &Part,
    event: &Event,
    packet: &Packet,
    sights: &HashMap<u64, Sight>,
) -> String {
    let marks = sights.get(&event.sequence).map(|sight| &sight.marks);
    let words = PacketWords::of(packet, marks);
    let mut sentence = format!("wire, from the {}: {}", packet.from, words.kind);
    for (_, name, number) in &words.numbers {
        sentence.push_str(&format!(", {name} {number}"));
    }
    for meaning in &words.meanings {
        sentence.push_str(&format!(", <em>{meaning}</em>"));
    }
    let fates = part.events.iter().filter_map(|later| match later.action {
        Action::Fate { packet: of, fate } if of == packet.number => Some((later.time_ns, fate)),
        _ => None,
    });
    for (time_ns, fate) in fates {
        let ms = time_ns.saturating_sub(event.time_ns) / 1_000_000;
        let fate = match fate {
            Fate::Arrive => format!("arrived after {ms} ms"),
            Fate::Drop(Cause::Chance) => "lost".to_owned(),
            Fate::Drop(Cause::Queue) => "lost: the queue was full".to_owned(),
            Fate::Drop(Cause::Size) => "lost: too large for the link".to_owned(),
            Fate::Drop(Cause::Reader) => "dropped on purpose".to_owned(),
            Fate::Delay { by_ns } => format!("held back {} ms", by_ns / 1_000_000),
            Fate::Duplicate { .. } => "doubled on the way".to_owned(),
            Fate::Corrupt => "damaged on the way".to_owned(),
        };
        sentence.push_str(&format!("; {fate}"));
    }
    sentence.push('.');
    sentence
}

/// Whether it must be said to which conversation an event belongs.
fn names_places(part: &Part, events: &[Event]) -> bool {
    let mut connections = events.iter().filter_map(|event| event.connection);
    let first = connections.next();
    part.clients.iter().any(|client| client.name.is_some())
        || connections.any(|connection| Some(connection) != first)
}

fn place(part: &Part, event: &Event) -> Option<String> {
    let connection = event.connection?;
    let is_it = |client: &&Client| client.connection == connection;
    let client = part.clients.iter().find(is_it);
    Some(match client.and_then(|client| client.name.as_ref()) {
        Some(name) => format!("Connection {}, client {}", connection.0, escape(name)),
        None => format!("Connection {}", connection.0),
    })
}

fn continues(event: &Event, next: &Event) -> bool {
    next.end == event.end
        && next.connection == event.connection
        && next.action.verb() == event.action.verb()
}

/// One observed fact, in the lower case.
fn sentence(event: &Event, bytes: &[u8]) -> String {
    let end = event.end;
    match &event.action {
        Action::Connect { local, peer } => format!(
            "the {end} connected to {} from {}.",
            code(&peer.to_string()),
            code(&local.to_string())
        ),
        Action::Accept { peer } => format!(
            "the {end} accepted a connection from {}.",
            code(&peer.to_string())
        ),
        Action::Wait { operation } => {
            format!("the {end} waited in {}.", code(&operation.to_string()))
        }
        Action::Read(_) => format!("the {end} read {}.", amount(bytes)),
        Action::EndOfStream => format!("the {end} read the end of the stream: 0 bytes."),
        Action::Write(_) => format!("the {end} wrote {}.", amount(bytes)),
        Action::Receive { .. } => format!("the {end} received a datagram of {}.", amount(bytes)),
        Action::Send { .. } => format!("the {end} sent a datagram of {}.", amount(bytes)),
        Action::ShutDown => format!("the {end} half-closed: it will write nothing more."),
        Action::Close => format!("the {end} closed its socket."),
        Action::Reset => format!("the {end} reset the connection."),
        Action::Error {
            operation,
            kind,
            message,
        } => format!(
            "at the {end} {} failed: {kind} ({}).",
            code(&operation.to_string()),
            escape(message)
        ),
        Action::Cancel { operation } => {
            format!("the {end} gave up {}.", code(&operation.to_string()))
        }
        Action::Option {
            option,
            asked,
            value,
        } => {
            let option = code(&option.to_string());
            match asked {
                Some(asked) => {
                    format!("the {end} set {option} to {asked}; the kernel says {value}.")
                }
                None => format!("the {end} asked for {option}; the kernel says {value}."),
            }
        }
        Action::Lose(_) => format!("the {end} lost a datagram of {}.", amount(bytes)),
        Action::Hold { for_ms, .. } => format!(
            "the {end} held back a datagram for {for_ms} ms: {}.",
            amount(bytes)
        ),
        Action::Duplicate(_) => format!("the {end} duplicated a datagram of {}.", amount(bytes)),
        Action::Packet(packet) => format!("the {} sent a packet.", packet.from),
        Action::Fate { packet, fate } => format!("packet {packet}: {}.", fate.verb()),
        Action::Kernel(kernel) => format!("the {end} is in state {}.", kernel.state),
    }
}

/// `5 bytes: hello`, with what is too long cut.
fn amount(bytes: &[u8]) -> String {
    let count = bytes.len();
    let plural = if count == 1 { "" } else { "s" };
    if count == 0 {
        return "0 bytes".to_owned();
    }
    let (shown, rest) = bytes.split_at(count.min(MAX_SHOWN_BYTES));
    let shown = code(&text::to_escaped(shown));
    match rest.len() {
        0 => format!("{count} byte{plural}: {shown}"),
        more => format!("{count} bytes: {shown} and {more} more"),
    }
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

fn capitalised(sentence: &str) -> String {
    let mut characters = sentence.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use wire::event::{ConnectionId, Data, End, Failure, Operation, SocketOption};

    use wire::{Kernel, TcpState};

    use super::*;

    fn event(end: End, action: Action) -> Event {
        Event {
            sequence: 1,
            time_ns: 0,
            connection: Some(ConnectionId(2)),
            end,
            action,
            worker: None,
            source: None,
        }
    }

    fn check(seen: &str, events: &[Event], expected: &[&str]) {
        let seen = seen.parse().unwrap();
        assert_eq!(sentences(&Part::default(), events, &seen), expected);
    }

    fn data(bytes: &[u8], more: bool) -> Data {
        Data {
            bytes: bytes.to_vec(),
            more,
        }
    }

    #[test]
    fn each_fact_is_a_sentence() {
        let peer: std::net::SocketAddr = "127.0.0.1:9090".parse().unwrap();
        check(
            "client read",
            &[
                event(End::Server, Action::Accept { peer: peer.into() }),
                event(End::Client, Action::Write(Data::whole("hello"))),
                event(
                    End::Server,
                    Action::Wait {
                        operation: Operation::Read,
                    },
                ),
                event(End::Client, Action::Read(Data::whole("\n"))),
                event(
                    End::Client,
                    Action::Option {
                        option: SocketOption::NoDelay,
                        asked: Some(1),
                        value: 1,
                    },
                ),
                event(
                    End::Server,
                    Action::Error {
                        operation: Operation::Read,
                        kind: Failure::Reset,
                        message: "<gone>".to_owned(),
                    },
                ),
                event(End::Relay, Action::Lose(Data::whole("x"))),
            ],
            &[
                "The server accepted a connection from <code>127.0.0.1:9090</code>.",
                "The client wrote 5 bytes: <code>hello</code>.",
                "The client read 1 byte: <code>\\n</code>.",
                "The client set <code>no-delay</code> to 1; the kernel says 1.",
                "At the server <code>read</code> failed: reset (&lt;gone&gt;).",
                "The relay lost a datagram of 1 byte: <code>x</code>.",
            ],
        );
    }

    #[test]
    fn of_samples_only_a_new_state_is_told() {
        let mut events = Vec::new();
        let states = [
            (End::Client, TcpState::Established, 1),
            (End::Server, TcpState::Established, 1),
            (End::Client, TcpState::Established, 2),
            (End::Client, TcpState::FinWait2, 2),
        ];
        for ((end, state, cwnd), sequence) in states.into_iter().zip(1..) {
            let mut kernel = Kernel::of(state);
            kernel.cwnd = Some(cwnd);
            events.push(Event {
                sequence,
                ..event(end, Action::Kernel(kernel))
            });
        }
        let part = Part {
            events: events.clone(),
            ..Part::default()
        };
        let seen = "client state FIN-WAIT-2".parse().unwrap();
        assert_eq!(
            sentences(&part, &events, &seen),
            [
                "The client is in state ESTABLISHED.",
                "The server is in state ESTABLISHED.",
                "The client is in state FIN-WAIT-2.",
            ]
        );
    }

    #[test]
    fn waits_and_silence_are_told_where_a_step_is_about_them() {
        let wait = event(
            End::Server,
            Action::Wait {
                operation: Operation::Read,
            },
        );
        check(
            "server wait",
            &[wait],
            &["The server waited in <code>read</code>."],
        );
        check(
            "client nothing for 2 s",
            &[],
            &["For 2 s nothing happened at the client."],
        );
    }

    #[test]
    fn the_pieces_of_one_call_are_one_sentence_and_long_ones_are_cut() {
        check(
            "client write",
            &[
                event(End::Client, Action::Write(data(&[b'a'; 150], true))),
                event(End::Client, Action::Write(data(&[b'a'; 150], false))),
                event(End::Client, Action::Write(data(b"b", false))),
            ],
            &[
                &format!(
                    "The client wrote 300 bytes: <code>{}</code> and 100 more.",
                    "a".repeat(200)
                ),
                "The client wrote 1 byte: <code>b</code>.",
            ],
        );
    }

    /// A segment of TCP on IPv4 from the client.
    fn segment(sequence: u64, number: u32, seq: u32, flags: u8, payload: &[u8]) -> Event {
        let mut bytes = vec![
            0x45,
            0,
            0,
            40 + payload.len() as u8,
            0,
            0,
            0,
            0,
            64,
            6,
            0,
            0,
        ];
        bytes.extend([127, 0, 0, 1, 127, 0, 0, 1, 0xc3, 0x50, 0x23, 0x82]);
        bytes.extend(seq.to_be_bytes());
        bytes.extend([0, 0, 0, 0, 0x50, flags, 2, 0, 0, 0, 0, 0]);
        bytes.extend(payload);
        let packet = Packet {
            number,
            from: End::Client,
            link: wire::packet::Link::Ip,
            length: bytes.len() as u32,
            bytes,
        };
        Event {
            sequence,
            time_ns: sequence,
            ..event(End::Wire, Action::Packet(packet))
        }
    }

    #[test]
    fn a_packet_is_told_with_its_numbers_and_with_what_became_of_it() {
        let fate = |sequence, packet, fate| Event {
            sequence,
            time_ns: sequence,
            ..event(End::Wire, Action::Fate { packet, fate })
        };
        let events = vec![
            segment(1, 1, 700, 2, b""),
            segment(2, 2, 701, 0, b"hello"),
            segment(3, 3, 701, 0, b"hello"),
            fate(50_000_001, 1, Fate::Arrive),
            fate(50_000_002, 2, Fate::Drop(Cause::Chance)),
        ];
        let part = Part {
            events,
            ..Part::default()
        };
        // What one step shows begins in the middle; the numbers count from the first packet.
        assert_eq!(
            sentences(&part, &part.events[1..], &"client read".parse().unwrap()),
            [
                "Wire, from the client: data 5 bytes, sequence number 1..6; lost.",
                "Wire, from the client: data 5 bytes, sequence number 1..6, \
                 <em>retransmission</em>.",
            ]
        );
        assert_eq!(
            sentences(&part, &part.events[..1], &"client read".parse().unwrap()),
            ["Wire, from the client: SYN, sequence number 0, window 512; arrived after 50 ms."]
        );
    }

    #[test]
    fn of_a_long_exchange_the_first_and_the_last_are_printed_and_the_rest_is_counted() {
        let events: Vec<Event> = (1..=100)
            .map(|number| segment(number.into(), number, number, 0, b"x"))
            .collect();
        let part = Part {
            events,
            ..Part::default()
        };
        let told = sentences(&part, &part.events, &"client read".parse().unwrap());
        assert_eq!(told.len(), 49);
        assert_eq!(
            told[36],
            "Then came 52 more of these, which the lab in the page shows."
        );
        assert_eq!(
            sentences(&part, &part.events[..48], &"client read".parse().unwrap()).len(),
            48
        );
    }

    #[test]
    fn several_connections_are_told_apart() {
        let client = |name: Option<&str>, connection| Client {
            name: name.map(str::to_owned),
            connection: ConnectionId(connection),
        };
        let part = Part {
            clients: vec![client(None, 1), client(Some("b"), 2)],
            ..Part::default()
        };
        let close = event(End::Client, Action::Close);
        assert_eq!(
            sentences(&part, &[close], &"client close".parse().unwrap()),
            ["Connection 2, client b: the client closed its socket."]
        );
    }
}
