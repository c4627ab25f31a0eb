//! Which line called, what waits, what was given up.

use std::pin::pin;

use wire::event::Failure;
use wire::{Action, End, Event, Operation};

use super::{World, is_server, place, poll_once};
use crate::tap::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, ErrorKind};

/// The place of this macro.
macro_rules! here {
    () => {
        Some(format!("{}:{}", file!(), line!()))
    };
}

fn verb(verb: &'static str) -> impl Fn(&Event) -> bool {
    move |event| is_server(event) && event.action.verb() == verb
}

#[tokio::test]
async fn every_call_of_the_server_tells_its_line() {
    let world = World::new();
    let (listener, address) = world.listen(&world.tap(1)).await;
    let (accepted, client) = tokio::join!(listener.accept(), world.connect(address));
    let accepted_at = here!().map(|place| previous_line(&place));
    let (mut server, mut client) = (accepted.unwrap().0, client.unwrap());
    client.write_all(b"hello").await.unwrap();
    let (read, read_at) = (server.read(&mut [0; 9]).await, here!());
    let (written, written_at) = (server.write_all(b"ok").await, here!());
    let (shut_down, shut_down_at) = (server.shutdown().await, here!());
    assert!(read.is_ok() && written.is_ok() && shut_down.is_ok());

    let recorder = &world.recorder;
    assert_eq!(place(&recorder.first(verb("accept")).await), accepted_at);
    assert_eq!(place(&recorder.first(verb("read")).await), read_at);
    assert_eq!(place(&recorder.first(verb("write")).await), written_at);
    assert_eq!(
        place(&recorder.first(verb("half-close")).await),
        shut_down_at
    );
    drop(server);
    assert_eq!(place(&recorder.first(verb("close")).await), None);
    let client = |event: &Event| event.end == End::Client && event.source.is_some();
    assert!(!recorder.events().iter().any(client));
}

fn previous_line(place: &str) -> String {
    let (file, line) = place.rsplit_once(':').unwrap();
    format!("{file}:{}", line.parse::<u32>().unwrap() - 1)
}

#[tokio::test]
async fn the_line_is_known_through_a_buffer_and_a_limit() {
    let world = World::new();
    let (mut client, server) = world.pair().await;
    let mut server = BufReader::new(server);
    client.write_all(b"one\ntwo\n").await.unwrap();
    let mut line = String::new();
    let (one, one_at) = ((&mut server).take(9).read_line(&mut line).await, here!());
    assert_eq!(one.unwrap(), 4);
    assert_eq!(place(&world.recorder.first(verb("read")).await), one_at);
    // The second line is in the buffer: nothing happens at the socket, nothing is recorded.
    let before = world.recorder.events().len();
    assert_eq!(server.read_line(&mut line).await.unwrap(), 4);
    assert_eq!(world.recorder.events().len(), before);
    let (written, written_at) = (server.write_all(b"ok").await, here!());
    written.unwrap();
    assert_eq!(
        place(&world.recorder.first(verb("write")).await),
        written_at
    );
}

#[tokio::test]
async fn a_line_that_comes_in_pieces_is_waited_for_again_after_each() {
    let world = World::new();
    let (mut client, server) = world.pair().await;
    let reading = tokio::spawn(async move {
        let mut line = String::new();
        BufReader::new(server)
            .read_line(&mut line)
            .await
            .map(|_| line)
    });
    let waits = |count| {
        move |events: &[Event]| {
            let wait = Action::Wait {
                operation: Operation::Read,
            };
            let waits = events.iter().filter(|event| event.action == wait);
            (waits.count() == count).then_some(())
        }
    };
    world.recorder.until(waits(1)).await;
    client.write_all(b"Hello, ").await.unwrap();
    world.recorder.until(waits(2)).await;
    client.write_all(b"server!\n").await.unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), "Hello, server!\n");
    let verbs = world.recorder.verbs(End::Server);
    assert!(
        verbs.ends_with(&["wait", "read", "wait", "read", "close"]),
        "{verbs:?}"
    );
}

#[tokio::test]
async fn a_call_that_is_dropped_while_it_waits_is_cancelled() {
    let world = World::new();
    let (_client, mut server) = world.pair().await;
    let mut buffer = [0; 9];
    let read_at;
    {
        let mut reading = pin!((server.read(&mut buffer), read_at = here!()).0);
        poll_once(&mut reading).await;
        poll_once(&mut reading).await;
    }
    let verbs = world.recorder.verbs(End::Server);
    assert!(verbs.ends_with(&["accept", "wait", "cancel"]), "{verbs:?}");
    let cancelled = world.recorder.first(verb("cancel")).await;
    let operation = Operation::Read;
    assert_eq!(cancelled.action, Action::Cancel { operation });
    assert_eq!(place(&cancelled), read_at);
}

#[tokio::test(start_paused = true)]
async fn a_time_limit_cancels_the_call_it_limits() {
    let world = World::new();
    let (_client, mut server) = world.pair().await;
    let limit = std::time::Duration::from_secs(60);
    let mut buffer = [0; 9];
    let reading = tokio::time::timeout(limit, server.read(&mut buffer));
    assert!(reading.await.is_err());
    let verbs = world.recorder.verbs(End::Server);
    assert!(verbs.ends_with(&["wait", "cancel"]), "{verbs:?}");
}

#[tokio::test]
async fn a_call_that_was_never_polled_or_has_returned_is_not_cancelled() {
    let world = World::new();
    let (mut client, mut server) = world.pair().await;
    drop(server.read(&mut [0; 9]));
    client.write_all(b"a").await.unwrap();
    server.read(&mut [0; 9]).await.unwrap();
    assert!(!world.recorder.verbs(End::Server).contains(&"cancel"));
}

#[tokio::test]
async fn a_write_that_nobody_reads_waits() {
    let world = World::new();
    let (client, mut server) = world.pair().await;
    let writing = tokio::spawn(async move { server.write_all(&[0; 32 << 20]).await });
    let waits = world.recorder.first(verb("wait"));
    let operation = Operation::Write;
    let waits_for_write = |event: &Event| event.action == Action::Wait { operation };
    waits.await;
    world.recorder.first(waits_for_write).await;
    client.set_zero_linger().unwrap();
    drop(client);
    assert!(writing.await.unwrap().is_err());
}

#[tokio::test]
async fn what_only_the_call_knows_to_be_wrong_is_an_error_too() {
    let world = World::new();
    let (mut client, mut server) = world.pair().await;
    client.write_all(b"\xff\n").await.unwrap();
    client.shutdown().await.unwrap();
    let mut line = String::new();
    let mut buffered = BufReader::new(&mut server);
    let error = buffered.read_line(&mut line).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let (short, short_at) = (server.read_exact(&mut [0; 9]).await, here!());
    assert_eq!(short.unwrap_err().kind(), ErrorKind::UnexpectedEof);

    let failed = |expected| move |event: &Event| matches!(&event.action, Action::Error { kind, .. } if *kind == expected);
    world.recorder.first(failed(Failure::InvalidData)).await;
    let short = world.recorder.first(failed(Failure::UnexpectedEnd)).await;
    assert_eq!(place(&short), short_at);
    let mut verbs = world.recorder.verbs(End::Server);
    verbs.retain(|verb| *verb != "wait");
    assert!(
        verbs.ends_with(&["read", "error", "end", "error"]),
        "{verbs:?}"
    );
}

#[tokio::test]
async fn an_error_of_the_socket_is_recorded_once() {
    let world = World::new();
    let (client, mut server) = world.pair().await;
    client.set_zero_linger().unwrap();
    drop(client);
    server.read_exact(&mut [0; 9]).await.unwrap_err();
    let verbs = world.recorder.verbs(End::Server);
    assert_eq!(verbs.iter().filter(|verb| **verb == "error").count(), 1);
}

#[tokio::test]
async fn through_tokios_own_traits_there_are_bytes_but_no_line_and_no_waiting() {
    let world = World::new();
    let (mut client, mut server) = world.pair().await;
    let mut buffer = [0; 9];
    {
        let mut reading = pin!(tokio::io::AsyncReadExt::read(&mut server, &mut buffer));
        poll_once(&mut reading).await;
        client.write_all(b"hello").await.unwrap();
        reading.await.unwrap();
    }
    let read = world.recorder.first(verb("read")).await;
    assert_eq!(place(&read), None);
    let verbs = world.recorder.verbs(End::Server);
    assert!(verbs.ends_with(&["accept", "read"]), "{verbs:?}");
}

#[tokio::test]
async fn each_task_has_its_own_number() {
    let world = World::new();
    let mut tasks = Vec::new();
    for _ in 0..2 {
        let (mut client, mut server) = world.pair().await;
        let task = tokio::spawn(async move {
            server
                .read(&mut [0; 9])
                .await
                .map(|_| tokio::task::id().to_string())
        });
        client.write_all(b"hello").await.unwrap();
        tasks.push(format!("task {}", task.await.unwrap().unwrap()));
    }
    let events = world.recorder.events();
    let reads = events.iter().filter(|event| verb("read")(event));
    let recorded: Vec<String> = reads
        .map(|event| event.worker.unwrap().to_string())
        .collect();
    assert_eq!(recorded, tasks);
    assert_ne!(tasks[0], tasks[1]);
}

#[tokio::test]
async fn a_call_that_panics_leaves_no_line_behind() {
    struct Panics;
    impl tokio::io::AsyncRead for Panics {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            panic!("as it should, for this test")
        }
    }
    let panicked = tokio::spawn(async { Panics.read(&mut [0; 9]).await });
    assert!(panicked.await.unwrap_err().is_panic());

    let world = World::new();
    let (mut client, mut server) = world.pair().await;
    client.write_all(b"hello").await.unwrap();
    tokio::io::AsyncReadExt::read(&mut server, &mut [0; 9])
        .await
        .unwrap();
    assert_eq!(place(&world.recorder.first(verb("read")).await), None);
}
