//! Cutting a tap, and limits.

use std::pin::pin;

use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;
use wire::event::Failure;
use wire::{Action, End, Event, Operation};

use super::{DEADLINE, World, poll_once};
use crate::tap::Router;
use crate::tap::io::{AsyncReadExt, AsyncWriteExt, ErrorKind};
use crate::tap::net::{TcpStream, UdpSocket};

fn aborted(operation: Operation) -> impl Fn(&Event) -> bool {
    move |event| {
        matches!(&event.action, Action::Error { operation: failed, kind: Failure::Aborted, .. }
            if *failed == operation)
    }
}

#[tokio::test]
async fn a_cut_fails_what_waits_and_what_comes_later() {
    let world = World::new();
    let tap = world.tap(8);
    let (listener, address) = world.listen(&tap).await;
    let (client, server) = tokio::join!(world.connect(address), listener.accept());
    let (_client, mut server) = (client.unwrap(), server.unwrap().0);
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let socket = UdpSocket::watch(socket, &tap);
    let reading = tokio::spawn(async move {
        let first = server.read(&mut [0; 9]).await;
        (first, server.write_all(b"too late").await)
    });
    let accepting = tokio::spawn(async move { listener.accept().await.map(|_| ()) });
    let receiving = tokio::spawn(async move { socket.recv_from(&mut [0; 9]).await });
    for operation in [Operation::Read, Operation::Accept, Operation::Receive] {
        let waits = |event: &Event| event.action == Action::Wait { operation };
        world.recorder.first(waits).await;
    }
    assert!(!tap.is_cut());

    tap.cut();
    tap.drained().await;
    let (read, written) = reading.await.unwrap();
    assert_eq!(read.unwrap_err().kind(), ErrorKind::ConnectionAborted);
    assert_eq!(written.unwrap_err().kind(), ErrorKind::ConnectionAborted);
    assert!(accepting.await.unwrap().is_err());
    assert!(receiving.await.unwrap().is_err());
    for operation in [
        Operation::Read,
        Operation::Write,
        Operation::Accept,
        Operation::Receive,
    ] {
        world.recorder.first(aborted(operation)).await;
    }
}

#[tokio::test]
async fn a_cut_ends_the_task_that_waits_now_though_another_has_waited_before() {
    let world = World::new();
    let tap = world.tap(8);
    let (listener, address) = world.listen(&tap).await;
    let (client, server) = tokio::join!(world.connect(address), listener.accept());
    let (_client, mut server) = (client.unwrap(), server.unwrap().0);
    let mut buffer = [0; 9];
    {
        let mut first = pin!(server.read(&mut buffer));
        poll_once(&mut first).await;
    }
    let reading = tokio::spawn(async move { server.read(&mut [0; 9]).await });
    let operation = Operation::Read;
    let both_wait = |events: &[Event]| {
        let waits = events.iter();
        let waits = waits.filter(|event| event.action == Action::Wait { operation });
        (waits.count() == 2).then_some(())
    };
    world.recorder.until(both_wait).await;

    tap.cut();
    let read = tokio::time::timeout(DEADLINE, reading).await;
    let error = read.expect("it was woken").unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
}

#[tokio::test]
async fn drained_waits_for_the_last_socket() {
    let world = World::new();
    let tap = world.tap(8);
    let (listener, address) = world.listen(&tap).await;
    let (_client, server) = tokio::join!(world.connect(address), listener.accept());
    let (read, write) = server.unwrap().0.into_split();
    tap.cut();
    let mut drained = pin!(tap.drained());
    poll_once(&mut drained).await;
    drop(listener);
    poll_once(&mut drained).await;
    drop(read);
    poll_once(&mut drained).await;
    drop(write);
    drained.await;
}

#[tokio::test]
async fn a_server_at_its_limit_accepts_when_a_connection_has_closed() {
    let world = World::new();
    let (listener, address) = world.listen(&world.tap(1)).await;
    let (_first, server) = tokio::join!(world.connect(address), listener.accept());
    let server = server.unwrap().0;
    let _second = world.connect(address).await.unwrap();
    let mut accepting = pin!(listener.accept());
    poll_once(&mut accepting).await;
    drop(server);
    let _accepted = accepting.await.unwrap();
    let verbs = world.recorder.verbs(End::Server);
    assert!(verbs.ends_with(&["wait", "close", "accept"]), "{verbs:?}");
}

#[tokio::test]
async fn servers_that_wait_for_a_client_take_no_room_from_one_that_has_come() {
    let world = World::new();
    let tap = world.tap(1);
    let (first, _) = world.listen(&tap).await;
    let (second, address) = world.listen(&tap).await;
    let mut waiting = pin!(first.accept());
    poll_once(&mut waiting).await;
    let (_client, accepted) = tokio::join!(world.connect(address), second.accept());
    let server = accepted.unwrap();
    // Both wait for room now; whoever of them gets it without a client passes it on.
    let mut again = pin!(second.accept());
    poll_once(&mut waiting).await;
    poll_once(&mut again).await;
    drop(server);
    let (_client, accepted) = tokio::join!(world.connect(address), async {
        tokio::select! {
            _ = &mut waiting => panic!("nobody has come there"),
            accepted = &mut again => accepted,
        }
    });
    accepted.unwrap();
}

#[tokio::test]
async fn a_cut_client_stops_connecting_reading_and_writing() {
    let world = World::new();
    let (_listener, address) = world.listen(&world.tap(8)).await;
    let cut = CancellationToken::new();
    let connect = || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let conversation = world.conversation(socket.local_addr().unwrap());
        let clock = world.clock.clone();
        TcpStream::connect_client(socket, address, clock, conversation, cut.clone())
    };
    let (mut read, mut write) = connect().await.unwrap().into_split();
    let mut byte = [0];
    let mut reading = pin!(read.read(&mut byte));
    poll_once(&mut reading).await;
    cut.cancel();
    let kind = ErrorKind::ConnectionAborted;
    assert_eq!(reading.await.unwrap_err().kind(), kind);
    assert_eq!(write.write_all(b"a").await.unwrap_err().kind(), kind);
    assert_eq!(connect().await.unwrap_err().kind(), kind);
    world.recorder.first(aborted(Operation::Connect)).await;
}
