//! What a datagram socket does.

use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;
use wire::event::MAX_EVENT_BYTES;
use wire::{Action, ConnectionId, Data, End, Event, Operation};

use super::World;
use crate::tap::Router;
use crate::tap::net::UdpSocket;

async fn server(world: &World) -> (UdpSocket, SocketAddr) {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (UdpSocket::watch(socket, &world.tap(1)), address)
}

async fn client(world: &World, server: SocketAddr) -> UdpSocket {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(server).await.unwrap();
    let conversation = world.conversation(socket.local_addr().unwrap());
    UdpSocket::watch_client(
        socket,
        world.clock.clone(),
        conversation,
        CancellationToken::new(),
    )
}

#[tokio::test]
async fn datagrams_belong_to_the_conversation_with_their_peer() {
    let world = World::new();
    let (server, address) = server(&world).await;
    let echo = tokio::spawn(async move {
        for _ in 0..2 {
            let mut buffer = [0; 100];
            let (length, peer) = server.recv_from(&mut buffer).await?;
            server.send_to(&buffer[..length], peer).await?;
        }
        std::io::Result::Ok(())
    });
    for (number, text) in [b"zero", b"one!"].into_iter().enumerate() {
        let client = client(&world, address).await;
        client.send(text).await.unwrap();
        let mut buffer = [0; 100];
        assert_eq!(client.recv(&mut buffer).await.unwrap(), 4);
        assert_eq!(&buffer[..4], text);

        let connection = Some(ConnectionId(number as u64));
        let peer = client.local_addr().unwrap();
        let data = Data::whole(text.as_slice());
        let expected = [
            (
                End::Client,
                Action::Send {
                    peer: address.into(),
                    data: data.clone(),
                },
            ),
            (
                End::Server,
                Action::Receive {
                    peer: peer.into(),
                    data: data.clone(),
                },
            ),
            (
                End::Server,
                Action::Send {
                    peer: peer.into(),
                    data: data.clone(),
                },
            ),
            (
                End::Client,
                Action::Receive {
                    peer: address.into(),
                    data,
                },
            ),
        ];
        let exchange = world.recorder.until(|events| {
            let events = events.iter().filter(|event| event.connection == connection);
            let exchange: Vec<_> = events
                .map(|event| (event.end, event.action.clone()))
                .collect();
            (exchange.len() == expected.len()).then_some(exchange)
        });
        assert_eq!(exchange.await, expected);
    }
    echo.await.unwrap().unwrap();
}

#[tokio::test]
async fn waiting_for_a_datagram_concerns_no_peer() {
    let world = World::new();
    let (server, address) = server(&world).await;
    let receiving = tokio::spawn(async move { server.recv_from(&mut [0; 9]).await });
    let wait = Action::Wait {
        operation: Operation::Receive,
    };
    let waits = world.recorder.first(|event| event.action == wait).await;
    assert_eq!(waits.connection, None);
    assert!(waits.source.is_some());
    client(&world, address).await.send(b"hello").await.unwrap();
    assert_eq!(receiving.await.unwrap().unwrap().0, 5);
}

#[tokio::test]
async fn a_datagram_is_cut_to_the_buffer_and_recorded_as_the_server_got_it() {
    let world = World::new();
    let (server, address) = server(&world).await;
    let client = client(&world, address).await;
    client.send(b"hello").await.unwrap();
    assert_eq!(server.recv_from(&mut [0; 2]).await.unwrap().0, 2);
    let received = |event: &Event| event.action.verb() == "receive";
    let received = world.recorder.first(received).await;
    assert_eq!(received.data(), Some(&Data::whole(*b"he")));
}

#[tokio::test]
async fn an_empty_datagram_is_a_datagram() {
    let world = World::new();
    let (server, address) = server(&world).await;
    client(&world, address).await.send(b"").await.unwrap();
    assert_eq!(server.recv_from(&mut [0; 2]).await.unwrap().0, 0);
    for verb in ["send", "receive"] {
        let event = world
            .recorder
            .first(|event| event.action.verb() == verb)
            .await;
        assert_eq!(event.data(), Some(&Data::whole([])));
    }
}

#[tokio::test]
async fn a_large_datagram_is_recorded_in_slices() {
    let world = World::new();
    let (server, address) = server(&world).await;
    let sent = vec![7; 50_000];
    client(&world, address).await.send(&sent).await.unwrap();
    let mut buffer = vec![0; 65_535];
    assert_eq!(server.recv_from(&mut buffer).await.unwrap().0, sent.len());
    let events = world.recorder.events();
    let slices: Vec<&Data> = events
        .iter()
        .filter(|event| event.action.verb() == "receive")
        .filter_map(Event::data)
        .collect();
    let lengths: Vec<usize> = slices.iter().map(|data| data.bytes.len()).collect();
    assert_eq!(
        lengths,
        [MAX_EVENT_BYTES, MAX_EVENT_BYTES, MAX_EVENT_BYTES, 848]
    );
    let more: Vec<bool> = slices.iter().map(|data| data.more).collect();
    assert_eq!(more, [true, true, true, false]);
}

#[tokio::test]
async fn a_datagram_that_cannot_be_sent_is_an_error() {
    let world = World::new();
    let (_server, address) = server(&world).await;
    let client = client(&world, address).await;
    client.send(&vec![0; 65_508]).await.unwrap_err();
    let failed = |event: &Event| {
        matches!(
            event.action,
            Action::Error {
                operation: Operation::Send,
                ..
            }
        )
    };
    world.recorder.first(failed).await;
}
