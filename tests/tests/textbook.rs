//! The lessons as a reader pastes them into a project of their own: the same files, with tokio's
//! sockets where the gateway has watched ones. They compile unchanged and do what the book says.

#[path = "../../native/src/lessons/frame_fixed.rs"]
pub mod frame_fixed;
#[path = "../../native/src/lessons/frame_length.rs"]
pub mod frame_length;
#[path = "../../native/src/lessons/frame_line.rs"]
pub mod frame_line;
#[path = "../../native/src/lessons/tcp_deadline.rs"]
pub mod tcp_deadline;
#[path = "../../native/src/lessons/tcp_echo.rs"]
pub mod tcp_echo;
#[path = "../../native/src/lessons/tcp_full.rs"]
pub mod tcp_full;
#[path = "../../native/src/lessons/tcp_last_word.rs"]
pub mod tcp_last_word;
#[path = "../../native/src/lessons/tcp_line.rs"]
pub mod tcp_line;
#[path = "../../native/src/lessons/tcp_ok.rs"]
pub mod tcp_ok;
#[path = "../../native/src/lessons/tcp_options.rs"]
pub mod tcp_options;
#[path = "../../native/src/lessons/tcp_refused.rs"]
pub mod tcp_refused;
#[path = "../../native/src/lessons/tcp_silent.rs"]
pub mod tcp_silent;
#[path = "../../native/src/lessons/tcp_source.rs"]
pub mod tcp_source;
#[path = "../../native/src/lessons/udp_echo.rs"]
pub mod udp_echo;
#[path = "../../native/src/lessons/udp_refused.rs"]
pub mod udp_refused;
#[path = "../../native/src/lessons/udp_relay.rs"]
pub mod udp_relay;
#[path = "../../native/src/lessons/udp_reliable.rs"]
pub mod udp_reliable;
#[path = "../../native/src/lessons/udp_small.rs"]
pub mod udp_small;

/// What lies between a client and a server; it needs no watching either.
#[path = "../../native/src/network/mod.rs"]
pub mod network;
#[cfg(unix)]
#[path = "../../native/src/lessons/unix_echo.rs"]
pub mod unix_echo;

/// What a lesson imports from: here, tokio itself.
mod tap {
    pub(crate) use tokio::io;

    pub(crate) mod net {
        pub(crate) use tokio::net::*;

        pub(crate) use crate::network::{Link, Network};
    }
}

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use wire::session::RelaySettings;

/// Longer than any story takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// Starts a server on a free port and lets `story` talk to it. The server must outlive the story.
async fn check<Serving, Story>(
    serve: fn(TcpListener) -> Serving,
    story: impl FnOnce(SocketAddr) -> Story,
) -> io::Result<()>
where
    Serving: Future<Output = io::Result<()>> + Send + 'static,
    Story: Future<Output = io::Result<()>>,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(serve(listener));
    let told = tokio::time::timeout(DEADLINE, story(address)).await;
    told.map_err(|_| io::Error::other("the story takes too long"))??;
    assert!(!server.is_finished());
    server.abort();
    Ok(())
}

/// Sends `bytes`, half-closes, and returns all that comes back.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let (mut read, mut write) = TcpStream::connect(address).await?.into_split();
    let mut answer = Vec::new();
    let writing = async {
        write.write_all(bytes).await?;
        write.shutdown().await
    };
    tokio::try_join!(writing, read.read_to_end(&mut answer))?;
    Ok(answer)
}

#[tokio::test]
async fn tcp_ok_answers_every_read_of_every_client() -> io::Result<()> {
    check(tcp_ok::serve, async |address| {
        let mut first = TcpStream::connect(address).await?;
        let mut second = TcpStream::connect(address).await?;
        for _ in 0..2 {
            for client in [&mut first, &mut second] {
                client.write_all(b"hello").await?;
                let mut answer = [0; 2];
                client.read_exact(&mut answer).await?;
                assert_eq!(&answer, b"ok");
            }
        }
        first.shutdown().await?;
        assert_eq!(first.read(&mut [0; 1]).await?, 0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tcp_ok_survives_a_client_that_resets() -> io::Result<()> {
    check(tcp_ok::serve, async |address| {
        let client = TcpStream::connect(address).await?;
        client.set_zero_linger()?;
        drop(client);
        assert_eq!(exchange(address, b"hello").await?, b"ok");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tcp_line_answers_a_line_and_closes() -> io::Result<()> {
    check(tcp_line::serve, async |address| {
        let mut client = TcpStream::connect(address).await?;
        for piece in ["Hello, ", "server!", "\n"] {
            client.write_all(piece.as_bytes()).await?;
        }
        let mut answer = String::new();
        client.read_to_string(&mut answer).await?;
        assert_eq!(answer, "Hello, client!");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tcp_line_does_not_answer_what_is_no_line() -> io::Result<()> {
    check(tcp_line::serve, async |address| {
        assert_eq!(exchange(address, b"Hello, server!").await?, b"");
        assert_eq!(exchange(address, b"\xff\xff\n").await?, b"");
        // The server leaves in the middle of a line that is too long: the client may see RST.
        if let Ok(answer) = exchange(address, &[b'a'; 64 * 1024]).await {
            assert_eq!(answer, b"");
        }
        assert_eq!(exchange(address, b"\n").await?, b"Hello, client!");
        Ok(())
    })
    .await
}

/// Sends `bytes` whole and in pieces of every size; the answer must not depend on it.
async fn check_framing<Serving>(
    serve: fn(TcpListener) -> Serving,
    bytes: &[u8],
    answers: &str,
) -> io::Result<()>
where
    Serving: Future<Output = io::Result<()>> + Send + 'static,
{
    check(serve, async |address| {
        for size in 1..=bytes.len() {
            let mut client = TcpStream::connect(address).await?;
            client.set_nodelay(true)?;
            for piece in bytes.chunks(size) {
                client.write_all(piece).await?;
            }
            client.shutdown().await?;
            let mut heard = String::new();
            client.read_to_string(&mut heard).await?;
            assert_eq!(heard, answers, "in pieces of {size} bytes");
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn frame_line_answers_each_line_however_it_is_cut() -> io::Result<()> {
    check_framing(
        frame_line::serve,
        b"hello\n\nhow are you?\nhalf a li",
        "1: 5 bytes\n2: 0 bytes\n3: 12 bytes\n",
    )
    .await
}

#[tokio::test]
async fn frame_line_ends_where_a_line_is_too_long() -> io::Result<()> {
    check(frame_line::serve, async |address| {
        let longest = [[b'a'; 1023].as_slice(), b"\n"].concat();
        assert_eq!(exchange(address, &longest).await?, b"1: 1023 bytes\n");
        let mut client = TcpStream::connect(address).await?;
        client.write_all(&[b'a'; 1024]).await?;
        assert_eq!(client.read(&mut [0; 8]).await?, 0);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn frame_length_answers_each_message_however_it_is_cut() -> io::Result<()> {
    check_framing(
        frame_length::serve,
        b"\0\x05hello\0\0\0\x0chow are you?\x01\0half a message",
        "\0\x0a1: 5 bytes\0\x0a2: 0 bytes\0\x0b3: 12 bytes",
    )
    .await
}

#[tokio::test]
async fn frame_length_takes_the_longest_message_that_two_bytes_can_tell() -> io::Result<()> {
    check(frame_length::serve, async |address| {
        let longest = [&b"\xff\xff"[..], &[b'a'; 65_535]].concat();
        assert_eq!(exchange(address, &longest).await?, b"\0\x0e1: 65535 bytes");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn frame_fixed_answers_every_eight_bytes_however_they_are_cut() -> io::Result<()> {
    check_framing(
        frame_fixed::serve,
        b"hello           a   b   12345678half",
        "1: 5 bytes          2: 0 bytes          3: 5 bytes          4: 8 bytes          ",
    )
    .await
}

#[tokio::test]
async fn tcp_silent_reads_to_the_end_and_never_answers() -> io::Result<()> {
    check(tcp_silent::serve, async |address| {
        assert_eq!(exchange(address, b"Is anybody there?\n").await?, b"");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tcp_echo_sends_back_every_byte() -> io::Result<()> {
    check(tcp_echo::serve, async |address| {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| number as u8).collect();
        assert!(exchange(address, &bytes).await? == bytes);
        assert_eq!(exchange(address, b"").await?, b"");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn udp_echo_sends_every_datagram_back_to_its_sender() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let server = tokio::spawn(udp_echo::serve(socket));
    let story = async {
        let first = UdpSocket::bind("127.0.0.1:0").await?;
        let second = UdpSocket::bind("127.0.0.1:0").await?;
        let longest = vec![7; 65_507];
        first.send_to(b"one", address).await?;
        second.send_to(b"", address).await?;
        second.send_to(&longest, address).await?;
        let mut buffer = vec![0; 65_535];
        for (client, expected) in [
            (&first, b"one".as_slice()),
            (&second, b""),
            (&second, &longest),
        ] {
            let (length, from) = client.recv_from(&mut buffer).await?;
            assert_eq!(from, address);
            assert_eq!(&buffer[..length], expected);
        }
        io::Result::Ok(())
    };
    let told = tokio::time::timeout(DEADLINE, story).await;
    told.expect("the story takes too long").unwrap();
    assert!(!server.is_finished());
    server.abort();
}

#[tokio::test]
async fn udp_small_keeps_what_fits_and_no_more() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let server = tokio::spawn(udp_small::serve(socket));
    let story = async {
        let client = UdpSocket::bind("127.0.0.1:0").await?;
        let mut buffer = [0; 64];
        for (sent, answer) in [(5, "5 bytes"), (16, "16 bytes"), (1_000, "16 bytes")] {
            client.send_to(&vec![b'x'; sent], address).await?;
            let (length, _) = client.recv_from(&mut buffer).await?;
            assert_eq!(buffer[..length].escape_ascii().to_string(), answer);
        }
        io::Result::Ok(())
    };
    let told = tokio::time::timeout(DEADLINE, story).await;
    told.expect("the story takes too long").unwrap();
    assert!(!server.is_finished());
    server.abort();
}

#[tokio::test]
async fn udp_refused_is_refused_by_the_next_call() -> io::Result<()> {
    let held = udp_refused::hold("127.0.0.1:0".parse().map_err(io::Error::other)?)?;
    let client = UdpSocket::bind("127.0.0.1:0").await?;
    client.connect(held.local_addr()?).await?;
    client.send(b"anyone?").await?;
    let heard = tokio::time::timeout(DEADLINE, client.recv(&mut [0; 64])).await?;
    let kind = heard.map_err(|error| error.kind());
    assert_eq!(kind, Err(io::ErrorKind::ConnectionRefused));
    Ok(())
}

/// A relay with these settings in front of a server, and a client that is connected to the relay.
async fn behind_a_relay<Serving>(
    serve: fn(UdpSocket) -> Serving,
    settings: RelaySettings,
) -> io::Result<UdpSocket>
where
    Serving: Future<Output = io::Result<()>> + Send + 'static,
{
    let server = UdpSocket::bind("127.0.0.1:0").await?;
    let front = UdpSocket::bind("127.0.0.1:0").await?;
    let client = UdpSocket::bind("127.0.0.1:0").await?;
    client.connect(front.local_addr()?).await?;
    let network = network::Network::new(server.local_addr()?, network::Settings::new(settings));
    tokio::spawn(serve(server));
    tokio::spawn(udp_relay::relay(front, network));
    Ok(client)
}

#[tokio::test]
async fn udp_relay_passes_each_datagram_on_as_often_as_its_fate_says() -> io::Result<()> {
    let settings = RelaySettings {
        seed: 7,
        loss_percent: 30,
        duplicate_percent: 20,
        ..RelaySettings::default()
    };
    let client = behind_a_relay(udp_relay::serve, settings).await?;
    let copies = |way, number| network::fate(&settings, way, number).copies;
    let (mut expected, mut echo) = (Vec::new(), 0);
    for number in 0..100_u8 {
        client.send(&[number]).await?;
        for _ in 0..copies(network::Way::ToServer, number.into()) {
            let back = copies(network::Way::ToClient, echo);
            expected.extend(std::iter::repeat_n(number, back));
            echo += 1;
        }
    }
    let mut heard = Vec::new();
    let mut buffer = [0; 8];
    while heard.len() < expected.len() {
        let next = tokio::time::timeout(DEADLINE, client.recv(&mut buffer)).await?;
        assert_eq!(next?, 1);
        heard.push(buffer[0]);
    }
    assert_eq!(heard, expected);
    Ok(())
}

#[tokio::test]
async fn udp_reliable_gets_its_messages_through_a_network_that_loses_and_doubles() -> io::Result<()>
{
    let settings = RelaySettings {
        seed: 2,
        loss_percent: 30,
        duplicate_percent: 30,
        ..RelaySettings::default()
    };
    let client = behind_a_relay(udp_reliable::serve, settings).await?;
    let (messages, inbox) = tokio::sync::mpsc::channel(4);
    for text in ["one", "two", "three"] {
        messages.send(text.into()).await.map_err(io::Error::other)?;
    }
    drop(messages);
    // It ends well when all are acknowledged.
    tokio::time::timeout(DEADLINE, udp_reliable::client::send_all(client, inbox)).await?
}

#[tokio::test]
async fn tcp_deadline_answers_lines_and_leaves_the_slow() -> io::Result<()> {
    check(tcp_deadline::serve, async |address| {
        assert_eq!(exchange(address, b"one\ntwo\nthree").await?, b"ok\nok\n");
        let mut slow = TcpStream::connect(address).await?;
        slow.write_all(b"I am thinking").await?;
        let mut answer = String::new();
        slow.read_to_string(&mut answer).await?;
        assert_eq!(answer, "too slow\n");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tcp_last_word_speaks_when_the_client_has_finished() -> io::Result<()> {
    check(tcp_last_word::serve, async |address| {
        assert_eq!(exchange(address, b"last words").await?, b"10 bytes\n");
        assert_eq!(exchange(address, b"").await?, b"0 bytes\n");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tcp_options_sends_back_every_line() -> io::Result<()> {
    check(tcp_options::serve, async |address| {
        assert_eq!(exchange(address, b"one\ntwo\nthree").await?, b"one\ntwo\n");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tcp_source_waits_for_a_sign_and_sends_all_that_is_read() -> io::Result<()> {
    check(tcp_source::serve, async |address| {
        assert_eq!(exchange(address, b"").await?, b"");
        assert_eq!(exchange(address, b"go").await?.len(), 256 * 1024);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn tcp_refused_refuses_as_long_as_it_is_held() -> io::Result<()> {
    let socket = tcp_refused::hold(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let error = TcpStream::connect(socket.local_addr()?).await.err();
    let kind = error.map(|error| error.kind());
    assert_eq!(kind, Some(io::ErrorKind::ConnectionRefused));
    Ok(())
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn tcp_full_has_no_room_for_one_more() -> io::Result<()> {
    let (listener, clients) = tcp_full::hold(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    assert!(!clients.is_empty());
    let connecting = TcpStream::connect(listener.local_addr()?);
    let connected = tokio::time::timeout(Duration::from_millis(500), connecting).await;
    assert!(connected.is_err(), "{connected:?}");
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn unix_echo_sends_back_every_byte() -> io::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("echo.sock");
    let server = tokio::spawn(unix_echo::serve(tokio::net::UnixListener::bind(&path)?));
    let mut client = tokio::net::UnixStream::connect(&path).await?;
    client.write_all(b"hello").await?;
    client.shutdown().await?;
    let mut answer = Vec::new();
    let reading = client.read_to_end(&mut answer);
    tokio::time::timeout(DEADLINE, reading).await??;
    assert_eq!(answer, b"hello");
    assert!(!server.is_finished());
    server.abort();
    Ok(())
}
