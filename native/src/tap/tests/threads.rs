//! Servers that are threads: std's blocking sockets, mio's readiness, and how they are stopped.

use std::net::SocketAddr;
use std::pin::Pin;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wire::event::{Failure, Worker};
use wire::{Action, End, Event, Operation};

use super::{DEADLINE, World, is_server, place};
use crate::tap::mio::{Events, Interest, Poll, Token};
use crate::tap::std::io::{self, BufRead, BufReader, Read, Write};
use crate::tap::{Tap, mio, std as blocking};

const FILE: &str = file!();

/// Starts `serve` in a thread of `tap`; where it listens, and its end.
fn start(
    tap: &Tap,
    serve: impl FnOnce(std::net::TcpListener, &Tap) -> io::Result<()> + Send + 'static,
) -> (SocketAddr, impl Future<Output = io::Result<()>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let own = tap.clone();
    let served = tap.serve_in_thread("test", move || serve(listener, &own));
    (address, served.unwrap())
}

/// Answers each line with itself, one client at a time.
fn echo_lines(listener: std::net::TcpListener, tap: &Tap) -> io::Result<()> {
    let listener = blocking::net::TcpListener::watch(listener, tap)?;
    loop {
        let (stream, _peer) = listener.accept()?;
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line)? > 0 {
            stream.get_mut().write_all(&line)?;
            line.clear();
        }
    }
}

/// Waits for a client and for what it says, and says it again, until it has closed.
fn echo_when_ready(listener: std::net::TcpListener, tap: &Tap) -> io::Result<()> {
    let mut listener = mio::net::TcpListener::watch(listener, tap)?;
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(8);
    let mut clients = Vec::new();
    poll.registry()
        .register(&mut listener, Token(0), Interest::READABLE)?;
    loop {
        poll.poll(&mut events, None)?;
        while let Ok((mut stream, _peer)) = listener.accept() {
            let token = Token(clients.len() + 1);
            poll.registry()
                .register(&mut stream, token, Interest::READABLE)?;
            clients.push(stream);
        }
        clients.retain_mut(|stream| {
            let mut buffer = [0; 64];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => return false,
                    Ok(length) => stream.write_all(&buffer[..length]).unwrap(),
                    Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
                }
            }
        });
    }
}

/// What a client gets back for `bytes`.
async fn exchange(world: &World, address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut client = world.connect(address).await.unwrap();
    client.write_all(bytes).await.unwrap();
    let mut answer = vec![0; bytes.len()];
    client.read_exact(&mut answer).await.unwrap();
    answer
}

fn waits_in(operation: Operation) -> impl Fn(&Event) -> bool {
    move |event| event.action == Action::Wait { operation }
}

#[tokio::test]
async fn a_blocking_call_records_where_it_waits_and_what_it_got() {
    let world = World::new();
    let tap = world.tap(8);
    let (address, _served) = start(&tap, echo_lines);
    assert_eq!(exchange(&world, address, b"one\n").await, b"one\n");
    let closed = |event: &Event| is_server(event) && event.action == Action::Close;
    world.recorder.first(closed).await;
    let events = world.recorder.events();
    let of_connection = |event: &&Event| is_server(event) && event.connection.is_some();
    let verbs: Vec<_> = events.iter().filter(of_connection).collect();
    let verbs: Vec<_> = verbs.iter().map(|event| event.action.verb()).collect();
    // Whether the first read has to wait is for the scheduler to say.
    let verbs: Vec<_> = verbs.into_iter().filter(|verb| *verb != "wait").collect();
    assert_eq!(verbs, ["accept", "read", "write", "end", "close"]);
    for event in events.iter().filter(|event| is_server(event)) {
        assert_eq!(event.worker, Some(Worker::Thread(1)));
        let has_line = place(event).is_some_and(|place| place.starts_with(FILE));
        assert_eq!(has_line, event.action != Action::Close, "{event:?}");
    }
    tap.cut();
}

#[tokio::test]
async fn a_cut_ends_a_thread_that_blocks() {
    let world = World::new();
    for (operation, has_client) in [(Operation::Accept, false), (Operation::Read, true)] {
        let tap = world.tap(8);
        let (address, served) = start(&tap, echo_lines);
        let _client = match has_client {
            true => Some(world.connect(address).await.unwrap()),
            false => None,
        };
        world.recorder.first(waits_in(operation)).await;
        tap.cut();
        let ended = served.await.unwrap_err();
        assert_eq!(ended.kind(), io::ErrorKind::ConnectionAborted);
        tap.drained().await;
    }
}

#[tokio::test]
async fn a_readiness_loop_records_its_waits_and_each_would_block() {
    let world = World::new();
    let tap = world.tap(8);
    let (address, _served) = start(&tap, echo_when_ready);
    let mut client = world.connect(address).await.unwrap();
    client.write_all(b"hello").await.unwrap();
    client.read_exact(&mut [0; 5]).await.unwrap();
    for expected in [Operation::Accept, Operation::Read] {
        let would_block = |event: &Event| {
            matches!(event.action, Action::Error { operation, kind: Failure::WouldBlock, .. }
                if operation == expected)
        };
        world.recorder.first(would_block).await;
    }
    world.recorder.first(waits_in(Operation::Poll)).await;
    drop(client);
    let closed = |event: &Event| is_server(event) && event.action == Action::Close;
    world.recorder.first(closed).await;
    for event in world
        .recorder
        .events()
        .iter()
        .filter(|event| is_server(event))
    {
        assert_eq!(event.worker, Some(Worker::Thread(1)));
        let has_line = place(event).is_some_and(|place| place.starts_with(FILE));
        assert_eq!(has_line, event.action != Action::Close, "{event:?}");
    }
    tap.cut();
}

#[tokio::test]
async fn a_cut_ends_a_readiness_loop() {
    let world = World::new();
    let tap = world.tap(8);
    let (address, served) = start(&tap, echo_when_ready);
    let _client = world.connect(address).await.unwrap();
    world.recorder.first(waits_in(Operation::Poll)).await;
    tap.cut();
    let ended = served.await.unwrap_err();
    assert_eq!(ended.kind(), io::ErrorKind::ConnectionAborted);
    tap.drained().await;
}

#[tokio::test]
async fn a_readiness_loop_closes_whom_it_has_no_room_for() {
    let world = World::new();
    let tap = world.tap(1);
    let (address, _served) = start(&tap, echo_when_ready);
    let mut first = world.connect(address).await.unwrap();
    first.write_all(b"a").await.unwrap();
    first.read_exact(&mut [0; 1]).await.unwrap();

    let mut second = world.connect(address).await.unwrap();
    assert_eq!(second.read(&mut [0; 1]).await.unwrap(), 0);
    let told = |event: &Event| {
        matches!(&event.action, Action::Error { operation: Operation::Accept, kind, .. }
            if *kind == Failure::Other)
    };
    world.recorder.first(told).await;

    drop(first);
    let closed = |events: &[Event]| {
        let closes = events
            .iter()
            .filter(|event| event.end == End::Server && event.action == Action::Close);
        (closes.count() == 2).then_some(())
    };
    world.recorder.until(closed).await;
    assert_eq!(exchange(&world, address, b"room").await, b"room");
    tap.cut();
}

#[tokio::test]
async fn a_panic_ends_the_thread_alone() {
    let world = World::new();
    let tap = world.tap(8);
    let (_, served) = start(&tap, |_, _| panic!("on purpose"));
    let error = served.await.unwrap_err();
    assert_eq!(error.to_string(), "its thread panicked");
    assert_eq!(tap.stats().workers, 0);
}

#[test]
fn a_thread_ends_with_the_runtime() {
    let world = World::new();
    let tap = world.tap(8);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let started = runtime.block_on(async {
        let servers: [Pin<Box<dyn Future<Output = _>>>; 2] = [
            Box::pin(start(&tap, echo_lines).1),
            Box::pin(start(&tap, echo_when_ready).1),
        ];
        for operation in [Operation::Accept, Operation::Poll] {
            world.recorder.first(waits_in(operation)).await;
        }
        servers
    });
    drop(runtime);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for served in started {
        let ended = runtime.block_on(async { tokio::time::timeout(DEADLINE, served).await });
        assert!(ended.unwrap().is_err());
    }
}
