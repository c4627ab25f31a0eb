//! What a connection does.

use wire::event::{Failure, MAX_EVENT_BYTES};
use wire::{Action, ConnectionId, End, Event, Operation};

use super::{World, is_server, text};
use crate::tap::clock::STEP;
use crate::tap::io::{AsyncReadExt, AsyncWriteExt, ErrorKind};

#[tokio::test]
async fn both_ends_of_an_exchange_are_recorded_in_the_order_of_cause_and_effect() {
    let world = World::new();
    let (mut client, mut server) = world.pair().await;
    client.write_all(b"hello").await.unwrap();
    let mut buffer = [0; 100];
    let length = server.read(&mut buffer).await.unwrap();
    server.write_all(&buffer[..length]).await.unwrap();
    client.read_exact(&mut buffer[..length]).await.unwrap();
    drop(client);
    assert_eq!(server.read(&mut buffer).await.unwrap(), 0);
    drop(server);

    let events: Vec<(End, &str, String)> = world
        .recorder
        .events()
        .iter()
        .filter(|event| event.action.verb() != "wait")
        .map(|event| (event.end, event.action.verb(), text(event).to_owned()))
        .collect();
    let expected = [
        (End::Client, "connect", ""),
        (End::Server, "accept", ""),
        (End::Client, "write", "hello"),
        (End::Server, "read", "hello"),
        (End::Server, "write", "hello"),
        (End::Client, "read", "hello"),
        (End::Client, "close", ""),
        (End::Server, "end", ""),
        (End::Server, "close", ""),
    ]
    .map(|(end, verb, text)| (end, verb, text.to_owned()));
    assert_eq!(events, expected);
}

#[tokio::test]
async fn both_ends_carry_the_same_connection_and_their_addresses() {
    let world = World::new();
    let (client, server) = world.pair().await;
    let (local, peer) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
    let connected = world.recorder.first(|event| event.end == End::Client).await;
    assert_eq!(
        connected.action,
        Action::Connect {
            local: local.into(),
            peer: peer.into()
        }
    );
    assert_eq!(connected.connection, Some(ConnectionId(0)));
    let accepted = |event: &Event| event.action == Action::Accept { peer: local.into() };
    let accepted = world.recorder.first(accepted).await;
    assert_eq!(accepted.connection, Some(ConnectionId(0)));
    assert_eq!(server.local_addr().unwrap(), peer);
}

#[tokio::test]
async fn a_half_close_is_the_end_of_the_stream_for_the_peer_who_can_still_write() {
    let world = World::new();
    let (mut client, mut server) = world.pair().await;
    client.shutdown().await.unwrap();
    let mut buffer = [0; 100];
    assert_eq!(server.read(&mut buffer).await.unwrap(), 0);
    server.write_all(b"late").await.unwrap();
    client.read_exact(&mut buffer[..4]).await.unwrap();
    assert_eq!(
        world.recorder.verbs(End::Client),
        ["connect", "half-close", "read"]
    );
    let verbs = world.recorder.verbs(End::Server);
    assert!(verbs.ends_with(&["end", "write"]), "{verbs:?}");
}

#[tokio::test]
async fn a_reset_is_a_reset_for_one_end_and_an_error_for_the_other() {
    let world = World::new();
    let (client, mut server) = world.pair().await;
    client.set_zero_linger().unwrap();
    drop(client);
    let error = server.read(&mut [0; 100]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    drop(server);
    assert_eq!(world.recorder.verbs(End::Client), ["connect", "reset"]);
    let verbs = world.recorder.verbs(End::Server);
    assert!(verbs.ends_with(&["error", "close"]), "{verbs:?}");
    let failed = world.recorder.first(is_error).await;
    assert!(matches!(
        failed.action,
        Action::Error {
            operation: Operation::Read,
            kind: Failure::Reset,
            ..
        }
    ));
}

#[tokio::test]
async fn a_connection_that_is_refused_is_an_error_of_the_client() {
    let world = World::new();
    // Bound but not listening: the kernel refuses, and nobody else can take the port.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = taken.local_addr().unwrap();
    let error = world.connect(address).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let failed = world.recorder.first(is_error).await;
    assert_eq!(failed.connection, Some(ConnectionId(0)));
    assert!(matches!(
        failed.action,
        Action::Error {
            operation: Operation::Connect,
            kind: Failure::Refused,
            ..
        }
    ));
}

#[tokio::test]
async fn a_large_transfer_is_recorded_in_slices_that_say_so() {
    let world = World::new();
    let (mut client, mut server) = world.pair().await;
    let sent: Vec<u8> = (0..40_000_u32).map(|number| number as u8).collect();
    let mut received = vec![0; sent.len()];
    let (write, read) = tokio::join!(client.write_all(&sent), server.read_exact(&mut received));
    write.unwrap();
    read.unwrap();
    assert_eq!(received, sent);

    for (end, verb) in [(End::Client, "write"), (End::Server, "read")] {
        let events = world.recorder.events();
        let transfers: Vec<&Event> = events
            .iter()
            .filter(|event| event.end == end && event.action.verb() == verb)
            .collect();
        assert!(transfers.len() >= 3, "{}", transfers.len());
        let slices: Vec<_> = transfers.iter().filter_map(|event| event.data()).collect();
        assert_eq!(
            slices
                .iter()
                .flat_map(|data| data.bytes.clone())
                .collect::<Vec<_>>(),
            sent
        );
        assert!(
            slices
                .iter()
                .all(|data| data.bytes.len() <= MAX_EVENT_BYTES)
        );
        for (slice, pair) in slices.iter().zip(transfers.windows(2)) {
            if slice.more {
                assert_eq!(slice.bytes.len(), MAX_EVENT_BYTES);
                assert_eq!(pair[0].sequence + STEP, pair[1].sequence);
                assert_eq!(pair[0].time_ns, pair[1].time_ns);
            }
        }
        assert!(slices.iter().any(|data| data.more));
        assert!(slices.last().is_some_and(|data| !data.more));
    }
}

#[tokio::test]
async fn a_vectored_write_is_one_write_of_all_its_slices() {
    let world = World::new();
    let (mut client, mut server) = world.pair().await;
    let slices = [b"one".as_slice(), b"", b"two"].map(std::io::IoSlice::new);
    assert_eq!(client.write_vectored(&slices).await.unwrap(), 6);
    server.read_exact(&mut [0; 6]).await.unwrap();
    let wrote = world.recorder.first(|event| event.action.verb() == "write");
    assert_eq!(text(&wrote.await), "onetwo");
}

#[tokio::test]
async fn a_dropped_write_half_is_a_half_close_and_the_last_half_closes() {
    let world = World::new();
    let (client, mut server) = world.pair().await;
    let (mut read, mut write) = client.into_split();
    write.write_all(b"bye").await.unwrap();
    drop(write);
    let mut received = String::new();
    server.read_to_string(&mut received).await.unwrap();
    assert_eq!(received, "bye");
    server.write_all(b"bye").await.unwrap();
    read.read_exact(&mut [0; 3]).await.unwrap();
    drop(read);
    assert_eq!(
        world.recorder.verbs(End::Client),
        ["connect", "write", "half-close", "read", "close"]
    );
}

#[tokio::test]
async fn a_forgotten_write_half_leaves_only_the_close() {
    let world = World::new();
    let (client, mut server) = world.pair().await;
    let (read, write) = client.into_split();
    write.forget();
    drop(read);
    assert_eq!(server.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(world.recorder.verbs(End::Client), ["connect", "close"]);
}

#[tokio::test]
async fn halves_can_reset_the_connection() {
    let world = World::new();
    let (client, mut server) = world.pair().await;
    let (read, write) = client.into_split();
    write.set_zero_linger().unwrap();
    write.forget();
    drop(read);
    assert!(server.read(&mut [0; 1]).await.is_err());
    assert_eq!(world.recorder.verbs(End::Client), ["connect", "reset"]);
}

#[tokio::test]
async fn borrowed_halves_are_watched_and_the_stream_stays() {
    let world = World::new();
    let (mut client, mut server) = world.pair().await;
    {
        let (mut read, mut write) = server.split();
        client.write_all(b"a").await.unwrap();
        let mut byte = [0];
        read.read_exact(&mut byte).await.unwrap();
        write.write_all(&byte).await.unwrap();
    }
    client.read_exact(&mut [0]).await.unwrap();
    drop(server);
    let verbs = world.recorder.verbs(End::Server);
    assert!(verbs.ends_with(&["read", "write", "close"]), "{verbs:?}");
    let read = |event: &Event| is_server(event) && event.action.verb() == "read";
    assert!(world.recorder.first(read).await.source.is_some());
}

fn is_error(event: &Event) -> bool {
    event.action.verb() == "error"
}
