//! A server behind the relay, and what is seen of the way there.

use std::collections::HashSet;
use std::net::SocketAddr;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wire::session::RelaySettings;
use wire::{Action, ConnectionId, End};

use super::World;
use crate::lessons::{udp_relay, udp_reliable};
use crate::network::Settings;
use crate::tap::net::{Clients, Network, UdpSocket};
use crate::tap::{Router, Tap};

async fn bound() -> (tokio::net::UdpSocket, SocketAddr) {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Starts the relay; returns the server's socket, and where clients send to.
async fn relay(tap: &Tap, settings: RelaySettings) -> (UdpSocket, SocketAddr) {
    let (front, address) = bound().await;
    let (server, server_address) = bound().await;
    let network = Network::watch(
        server_address,
        Settings::new(settings),
        Clients::default(),
        tap,
    );
    let server = network.watch_server(server);
    tokio::spawn(udp_relay::relay(
        UdpSocket::watch_relay(front, tap),
        network,
    ));
    (server, address)
}

async fn client(world: &World, relay: SocketAddr) -> UdpSocket {
    let (socket, address) = bound().await;
    socket.connect(relay).await.unwrap();
    let conversation = world.conversation(address);
    let cut = CancellationToken::new();
    UdpSocket::watch_client_program(socket, world.clock.clone(), conversation, cut)
}

#[tokio::test]
async fn the_server_behind_a_relay_is_in_its_clients_conversation() {
    let world = World::new();
    let (server, address) = relay(&world.tap(1), RelaySettings::default()).await;
    tokio::spawn(udp_relay::serve(server));
    for number in 0..2 {
        let client = client(&world, address).await;
        client.send(b"hello").await.unwrap();
        assert_eq!(client.recv(&mut [0; 16]).await.unwrap(), 5);
        let connection = Some(ConnectionId(number));
        let events = world.recorder.events();
        let ends: HashSet<_> = events
            .iter()
            .filter(|event| event.connection == connection)
            .map(|event| event.end)
            .collect();
        assert_eq!(ends.len(), 3, "{events:#?}");
    }
    // Only the two clients are known: the relay's own sockets are nobody.
    assert_eq!(world.conversations.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_large_datagram_is_lost_in_slices() {
    let world = World::new();
    let lose_all = RelaySettings {
        loss_percent: 100,
        ..RelaySettings::default()
    };
    let (_server, address) = relay(&world.tap(1), lose_all).await;
    let client = client(&world, address).await;
    client.send(&[7; 40_000]).await.unwrap();
    let lengths = world
        .recorder
        .until(|events| {
            let lost = events.iter().filter_map(|event| match &event.action {
                Action::Lose(data) => Some((data.bytes.len(), data.more)),
                _ => None,
            });
            let lost: Vec<_> = lost.collect();
            (lost.len() == 3).then_some(lost)
        })
        .await;
    assert_eq!(lengths, [(16_384, true), (16_384, true), (7_232, false)]);
}

#[tokio::test]
async fn when_its_tap_is_cut_the_relay_and_its_paths_end() {
    let world = World::new();
    let tap = world.tap(1);
    let (server, address) = relay(&tap, RelaySettings::default()).await;
    let serving = tokio::spawn(udp_relay::serve(server));
    let client = client(&world, address).await;
    client.send(b"hello").await.unwrap();
    client.recv(&mut [0; 16]).await.unwrap();
    tap.cut();
    assert!(serving.await.unwrap().is_err());
    tap.drained().await;
}

// The clock stands still while anything can go on: no time is spent on time-outs.
#[tokio::test(start_paused = true)]
async fn two_hundred_messages_arrive_once_and_in_order_whatever_the_network_does() {
    const MESSAGES: u32 = 200;

    let world = World::new();
    let rough = RelaySettings {
        seed: 7,
        loss_percent: 30,
        duplicate_percent: 20,
        reorder_percent: 20,
        delay_ms: 10,
    };
    let (server, address) = relay(&world.tap(1), rough).await;
    let (delivered, mut arriving) = mpsc::channel(16);
    tokio::spawn(udp_reliable::receive_all(server, delivered));
    let (messages, inbox) = mpsc::channel(1);
    let client = client(&world, address).await;
    let sending = tokio::spawn(udp_reliable::client::send_all(client, inbox));
    let writing = async move {
        for number in 1..=MESSAGES {
            messages
                .send(number.to_string().into_bytes())
                .await
                .unwrap();
        }
    };
    let reading = async {
        for number in 1..=MESSAGES {
            let (_, text) = arriving.recv().await.unwrap();
            assert_eq!(text.escape_ascii().to_string(), number.to_string());
        }
    };
    tokio::join!(writing, reading);
    sending.await.unwrap().unwrap();
    // Nothing came a second time.
    assert!(arriving.try_recv().is_err());
    let events = world.recorder.events();
    let count = |is: fn(&Action) -> bool| events.iter().filter(|event| is(&event.action)).count();
    let sent = count(|action| matches!(action, Action::Send { .. }));
    let lost = count(|action| matches!(action, Action::Lose(_)));
    assert!(lost > 60, "{lost} were lost of {sent}");
    assert!(count(|action| matches!(action, Action::Duplicate(_))) > 20);
    assert!(count(|action| matches!(action, Action::Hold { .. })) > 200);
    assert!(
        events
            .iter()
            .any(|event| event.end == End::Client && matches!(event.action, Action::Cancel { .. }))
    );
}
