use std::net::SocketAddr;

use wire::event::{Action, ConnectionId, Data, End, Event};
use wire::session::{Asked, Refused, Server, Transport};
use wire::{Step, ToGateway, ToPage};

use super::{Command, Input, Lab, Own};

fn address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9090))
}

fn step(play: &str, seen: &str) -> Step {
    Step {
        say: Vec::new(),
        play: vec![play.parse().unwrap()],
        seen: seen.parse().unwrap(),
        hints: Vec::new(),
    }
}

pub(in crate::state) fn spec() -> wire::Lab {
    wire::Lab {
        name: "tcp_ok".to_owned(),
        server: "tcp_ok".to_owned(),
        controls: Vec::new(),
        questions: Vec::new(),
        experiments: Vec::new(),
        recorded: None,
        network: None,
        hash: "h".to_owned(),
        steps: vec![
            step("connect", "server accept"),
            step("send \"hello\"", "client read \"ok\""),
        ],
        listings: Vec::new(),
    }
}

fn online() -> Input {
    let server = Server {
        lesson: "tcp_ok".to_owned(),
        transport: Transport::Tcp,
        address: address().into(),
    };
    Input::Online(server)
}

fn lab() -> Lab {
    let mut lab = Lab::new(spec(), 1, 0);
    assert!(lab.update(online()).is_empty());
    lab
}

fn event(sequence: u64, connection: u64, end: End, action: Action) -> Input {
    Input::Message(ToPage::Event {
        lesson: 0,
        event: Event {
            sequence,
            time_ns: sequence,
            connection: Some(ConnectionId(connection)),
            end,
            action,
            worker: None,
            source: None,
        },
    })
}

fn opened(request: u32, connection: u64) -> Input {
    Input::Message(ToPage::Opened {
        request,
        connection: ConnectionId(connection),
    })
}

fn send(bytes: &[u8]) -> Input {
    Input::Command(Command::Send(bytes.to_vec()))
}

const OPEN: Own = Own::Open {
    can_write: true,
    server_ended: false,
};

#[test]
fn a_message_connects_first_and_the_steps_tick_by_what_is_observed() {
    let mut lab = lab();
    assert_eq!(lab.suggestion(), Some(&b"hello"[..]));
    assert_eq!(lab.own(), Own::None);
    let request = 1 << 16;
    let open = ToGateway::Open {
        request,
        lesson: "tcp_ok".to_owned(),
        options: Vec::new(),
    };
    assert_eq!(lab.update(send(b"hello")), [open]);
    assert_eq!(lab.own(), Own::Opening);
    assert!(lab.update(send(b" again")).is_empty());
    let connection = ConnectionId(4);
    let said = lab.update(opened(request, 4));
    let bytes = |bytes: &[u8]| ToGateway::Send {
        connection,
        bytes: bytes.to_vec(),
    };
    assert_eq!(said, [bytes(b"hello"), bytes(b" again")]);
    assert_eq!(lab.own(), OPEN);
    assert_eq!(lab.progress.done(), 0);
    let peer = address();
    lab.update(event(
        1,
        4,
        End::Server,
        Action::Accept { peer: peer.into() },
    ));
    assert_eq!(lab.progress.done(), 1);
    lab.update(event(2, 4, End::Client, Action::Read(Data::whole(*b"ok"))));
    assert!(lab.progress.is_complete());
    assert_eq!(lab.update(send(b"x")), [bytes(b"x")]);
}

#[test]
fn half_close_end_and_close_change_what_is_possible() {
    let mut lab = lab();
    lab.update(Input::Command(Command::Connect));
    lab.update(opened(1 << 16, 4));
    lab.update(event(1, 4, End::Client, Action::ShutDown));
    lab.update(event(2, 4, End::Client, Action::EndOfStream));
    let expected = Own::Open {
        can_write: false,
        server_ended: true,
    };
    assert_eq!(lab.own(), expected);
    let close = ToGateway::Close {
        connection: ConnectionId(4),
    };
    assert_eq!(lab.update(Input::Command(Command::Close)), [close]);
    lab.update(event(3, 4, End::Client, Action::Close));
    assert_eq!(lab.own(), Own::None);
    assert!(lab.update(Input::Command(Command::Reset)).is_empty());
}

#[test]
fn another_program_is_seen_but_never_taken_for_the_reader() {
    let mut lab = lab();
    let peer = SocketAddr::from(([127, 0, 0, 1], 50_000));
    lab.update(event(
        1,
        9,
        End::Server,
        Action::Accept { peer: peer.into() },
    ));
    assert_eq!(lab.own(), Own::None);
    assert_eq!(lab.progress.done(), 1);
    let other = lab.conversations.iter().next().unwrap();
    assert_eq!(
        (other.is_own, other.client.clone()),
        (false, Some(peer.into()))
    );
    assert_eq!(lab.focus(None), Some(ConnectionId(9)));
}

#[test]
fn a_refusal_is_told_and_leaves_the_reader_free_to_try_again() {
    let mut lab = lab();
    lab.update(Input::Command(Command::Connect));
    let refused = |request| {
        Input::Message(ToPage::Refused(Refused {
            what: Asked::Open(request),
            why: "too many".to_owned(),
        }))
    };
    lab.update(refused(7));
    assert_eq!((lab.own(), &lab.notice), (Own::Opening, &None));
    lab.update(refused(1 << 16));
    assert_eq!(lab.own(), Own::None);
    assert_eq!(lab.notice.as_deref(), Some("too many"));
    assert_eq!(lab.update(Input::Command(Command::Connect)).len(), 1);
    assert_eq!(lab.notice, None);
}

#[test]
fn a_restarted_gateway_counts_from_zero_and_old_rows_stay() {
    let mut lab = lab();
    lab.update(send(b"a"));
    lab.update(opened(1 << 16, 1));
    lab.update(event(50, 1, End::Client, Action::Write(Data::whole(*b"a"))));
    lab.update(Input::Offline);
    assert_eq!(lab.own(), Own::Offline);
    assert!(lab.update(send(b"b")).is_empty());
    lab.update(online());
    assert_eq!(lab.own(), Own::None);
    lab.update(send(b"b"));
    let said = lab.update(opened((1 << 16) + 1, 1));
    assert!(matches!(
        said[0],
        ToGateway::Send {
            connection: ConnectionId(1),
            ..
        }
    ));
    lab.update(event(3, 1, End::Client, Action::Write(Data::whole(*b"b"))));
    // The old write, the break, the new write.
    assert_eq!(lab.trace.rows().len(), 3);
    assert_eq!(lab.conversations.iter().count(), 2);
}

#[test]
fn starting_over_forgets_everything_and_lets_the_connection_go() {
    let mut lab = lab();
    lab.update(send(b"a"));
    lab.update(opened(1 << 16, 1));
    let peer = address();
    lab.update(event(
        5,
        1,
        End::Server,
        Action::Accept { peer: peer.into() },
    ));
    assert_eq!(lab.progress.done(), 1);
    let close = ToGateway::Close {
        connection: ConnectionId(1),
    };
    assert_eq!(lab.update(Input::StartOver), [close]);
    assert_eq!(lab.progress.done(), 0);
    lab.update(event(6, 1, End::Client, Action::Close));
    assert!(lab.trace.rows().is_empty());
    assert_eq!(lab.own(), Own::None);
}

#[test]
fn silence_ticks_on_the_clock() {
    let mut spec = spec();
    spec.steps = vec![step("connect", "client nothing for 2 s")];
    let mut lab = Lab::new(spec, 0, 0);
    lab.update(online());
    lab.update(event(1, 4, End::Client, Action::Write(Data::whole(*b"a"))));
    lab.update(Input::Now(1_000_000_000));
    assert_eq!(lab.progress.done(), 0);
    lab.update(Input::Now(2_000_000_001));
    assert!(lab.progress.is_complete());
}
