//! Datagrams that are cut, refused, lost and sent again: the Go clients against the Rust servers,
//! and the Go servers against clients of ours.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::net::UdpSocket;
use tokio::time::timeout;
use wirebook_tests::gateway::TestGateway;
use wirebook_tests::requirements::met;

use crate::go_clients::story as client_story;
use crate::go_servers::start;
use crate::program::{Program, go_client, go_server};

/// How long a story may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A socket of ours that is connected to a server.
async fn client(server: SocketAddr) -> Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(server).await?;
    Ok(socket)
}

async fn hear(socket: &UdpSocket) -> Result<Vec<u8>> {
    let mut buffer = vec![0; 65_535];
    let length = timeout(PATIENCE, socket.recv(&mut buffer))
        .await
        .context("no datagram came in time")??;
    buffer.truncate(length);
    Ok(buffer)
}

#[tokio::test]
async fn the_client_of_udp_small_is_told_how_much_arrived() -> Result<()> {
    client_story("udp_small", async |mut client, observer| {
        for (line, answer) in [
            ("hello\n", "sent 5 bytes, arrived: 5 bytes"),
            (
                "sixteen bytes 16, and more\n",
                "sent 26 bytes, arrived: 16 bytes",
            ),
        ] {
            client.types(line).await?;
            assert_eq!(client.prints().await?, answer);
        }
        client.end_input();
        client.ends().await?;
        observer
            .sees(&[
                "server receive \"hello\"",
                "server send \"5 bytes\"",
                "server receive \"sixteen bytes 16\"",
                "server send \"16 bytes\"",
            ])
            .await
    })
    .await
}

#[tokio::test]
async fn the_server_of_udp_small_keeps_sixteen_bytes() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let (_server, address) = start("udp_small").await?;
    let socket = client(address).await?;
    for (sent, answer) in [(5, "5 bytes"), (16, "16 bytes"), (1_000, "16 bytes")] {
        socket.send(&vec![b'x'; sent]).await?;
        assert_eq!(hear(&socket).await?, answer.as_bytes());
    }
    Ok(())
}

#[tokio::test]
async fn the_client_of_udp_refused_sends_and_is_refused() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let gateway = TestGateway::start().await?;
    let address = gateway.server("udp_refused")?.to_string();
    let mut client = Program::start(go_client("udp_refused")?, &[&address])?;
    assert_eq!(client.prints().await?, "sent");
    assert_eq!(client.prints().await?, "refused");
    client.ends().await
}

#[tokio::test]
async fn the_port_of_udp_refused_in_go_refuses_too() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    // It has to know its own port; one that was free just now mostly still is.
    let address = std::net::UdpSocket::bind("127.0.0.1:0")?.local_addr()?;
    let mut server = Program::start(go_server("udp_refused")?, &[&address.to_string()])?;
    assert_eq!(
        server.prints().await?,
        format!("nobody receives on {address}")
    );
    let socket = client(address).await?;
    socket.send(b"anyone?").await?;
    let heard = timeout(PATIENCE, socket.recv(&mut [0; 64])).await?;
    let kind = heard.map_err(|error| error.kind());
    assert_eq!(kind, Err(std::io::ErrorKind::ConnectionRefused));
    Ok(())
}

#[tokio::test]
async fn the_client_of_udp_relay_loses_nothing_through_a_relay_that_was_not_asked_to() -> Result<()>
{
    client_story("udp_relay", async |mut client, observer| {
        assert_eq!(
            client.prints().await?,
            "10 sent, 0 lost, 0 doubled, 0 overtaken"
        );
        client.ends().await?;
        observer
            .sees(&[
                "relay receive \"1\"",
                "relay send \"1\"",
                "server receive \"1\"",
                "server send \"1\"",
                "relay receive \"1\"",
                "relay send \"1\"",
            ])
            .await
    })
    .await
}

/// A relay in Go that hits this many of a hundred.
async fn go_relay(percent: &str) -> Result<(Program, SocketAddr)> {
    let mut server = Program::start(go_server("udp_relay")?, &["127.0.0.1:0", percent])?;
    let line = server.prints().await?;
    let address = line.strip_prefix("listening on ").context("its address")?;
    let address = address.parse()?;
    Ok((server, address))
}

#[tokio::test]
async fn the_relay_in_go_passes_all_on_loses_all_and_doubles_some() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let (_server, address) = go_relay("0").await?;
    let (first, second) = (client(address).await?, client(address).await?);
    for (socket, text) in [(&first, "one"), (&second, "two"), (&first, "three")] {
        socket.send(text.as_bytes()).await?;
        assert_eq!(hear(socket).await?, text.as_bytes());
    }

    let (_server, address) = go_relay("100").await?;
    let lost = client(address).await?;
    lost.send(b"lost").await?;
    // The relay has taken its own by the time that a later one has passed the other relay.
    first.send(b"passed").await?;
    assert_eq!(hear(&first).await?, b"passed");
    ensure!(
        lost.try_recv(&mut [0; 16]).is_err(),
        "nothing may come back"
    );

    let (_server, address) = go_relay("40").await?;
    let socket = client(address).await?;
    let mut heard = vec![0_usize; 100];
    for number in 0..100_u8 {
        socket.send(&[number]).await?;
    }
    // Until one has come twice.
    while !heard.contains(&2) {
        heard[usize::from(hear(&socket).await?[0])] += 1;
    }
    Ok(())
}

#[tokio::test]
async fn the_client_of_udp_reliable_gets_each_line_through_once() -> Result<()> {
    client_story("udp_reliable", async |mut client, observer| {
        for (line, answer) in [
            ("one\n", "1 delivered"),
            ("two\n", "2 delivered"),
            ("three\n", "3 delivered"),
        ] {
            client.types(line).await?;
            assert_eq!(client.prints().await?, answer);
        }
        client.end_input();
        client.ends().await?;
        observer
            .sees(&[
                "server receive \"\\x00\\x00\\x00\\x01one\"",
                "server send \"\\x00\\x00\\x00\\x011 delivered\"",
                "relay lose \"\\x00\\x00\\x00\\x02two\"",
                "server receive \"\\x00\\x00\\x00\\x02two\"",
                "server send \"\\x00\\x00\\x00\\x033 delivered\"",
            ])
            .await
    })
    .await
}

#[tokio::test]
async fn the_server_of_udp_reliable_delivers_once_what_comes_twice() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let (mut server, address) = start("udp_reliable").await?;
    let socket = client(address).await?;
    for (sent, answer) in [
        (&b"\0\0\0\x01one"[..], &b"\0\0\0\x011 delivered"[..]),
        (b"\0\0\0\x01one", b"\0\0\0\x011 delivered"),
        (b"\0\0\0\x02two", b"\0\0\0\x022 delivered"),
    ] {
        socket.send(sent).await?;
        assert_eq!(hear(&socket).await?, answer);
    }
    // One of long ago is not acknowledged again, and what is too short is not a message.
    socket.send(b"\0\0\0\x01one").await?;
    socket.send(b"\0\0").await?;
    socket.send(b"\0\0\0\x03three").await?;
    assert_eq!(hear(&socket).await?, b"\0\0\0\x033 delivered");
    for text in ["\"one\"", "\"two\"", "\"three\""] {
        assert_eq!(server.prints().await?, text);
    }
    Ok(())
}
