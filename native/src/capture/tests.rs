//! The filter in the kernel's own hands, and the packet socket where it may be had.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixDatagram;

use socket2::{SockFilter, SockRef};

use super::linux::Loopback;
use super::{Endpoint, Protocol, Source as _, filter};

const LESSON: u16 = 9090;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn tcp(address: SocketAddr) -> Endpoint {
    Endpoint {
        protocol: Protocol::Tcp,
        address,
    }
}

fn udp(address: SocketAddr) -> Endpoint {
    Endpoint {
        protocol: Protocol::Udp,
        address,
    }
}

/// A frame as far as the filter looks: Ethernet, IP, ports, as many bytes behind them.
fn frame(protocol: u8, source: &str, destination: &str) -> Vec<u8> {
    let (source, destination) = (address(source), address(destination));
    let mut transport = source.port().to_be_bytes().to_vec();
    transport.extend(destination.port().to_be_bytes());
    transport.extend([0; 16]);
    ethernet(ip(protocol, source, destination, &transport))
}

fn ethernet(packet: Vec<u8>) -> Vec<u8> {
    let ethertype = match packet[0] >> 4 {
        6 => [0x86, 0xdd],
        _ => [0x08, 0x00],
    };
    [&[0; 12], ethertype.as_slice(), &packet].concat()
}

/// With four bytes of options where IPv4 may have them.
fn ip(protocol: u8, source: SocketAddr, destination: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut packet = match (source, destination) {
        (SocketAddr::V4(source), SocketAddr::V4(destination)) => {
            let mut header = vec![0x46, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0];
            header.extend(source.ip().octets());
            header.extend(destination.ip().octets());
            header.extend([1; 4]);
            header
        }
        (SocketAddr::V6(source), SocketAddr::V6(destination)) => {
            let mut header = vec![0x60, 0, 0, 0, 0, 0, protocol, 64];
            header.extend(source.ip().octets());
            header.extend(destination.ip().octets());
            header
        }
        _ => panic!("both ends are of one family"),
    };
    packet.extend(payload);
    packet
}

/// An error about a packet, as the end sends it that did not want it.
fn icmp_error(kind: u8, about: &[u8]) -> Vec<u8> {
    let enclosed = &about[14..];
    let (protocol, ends) = match enclosed[0] >> 4 {
        6 => (58, address("[::1]:0")),
        _ => (1, address("127.0.0.1:0")),
    };
    let message = [&[kind, 0, 0, 0, 0, 0, 0, 0], enclosed].concat();
    ethernet(ip(protocol, ends, ends, &message))
}

/// Which of these frames the kernel lets through with a filter for these endpoints. Any socket may
/// have a filter, so this needs no privilege.
fn let_through(endpoints: &[Endpoint], frames: &[Vec<u8>]) -> Vec<bool> {
    let (sender, receiver) = UnixDatagram::pair().unwrap();
    receiver.set_nonblocking(true).unwrap();
    let program: Vec<_> = filter::program(endpoints)
        .into_iter()
        .map(|it| SockFilter::new(it.code, it.if_true, it.if_false, it.operand))
        .collect();
    SockRef::from(&receiver).attach_filter(&program).unwrap();
    let passes = |frame: &Vec<u8>| {
        sender.send(frame).unwrap();
        let mut buffer = vec![0; frame.len() + 1];
        match receiver.recv(&mut buffer) {
            Ok(length) => {
                assert_eq!(&buffer[..length], frame, "a packet is let through as it is");
                true
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            Err(error) => panic!("{error}"),
        }
    };
    frames.iter().map(passes).collect()
}

#[test]
fn the_filter_lets_through_what_concerns_a_lesson_and_nothing_else() {
    let endpoints = [
        tcp(address("127.0.0.1:9090")),
        tcp(address("127.0.0.1:8080")),
        udp(address("127.0.0.1:5300")),
        tcp(address("[::1]:9090")),
        udp(address("[::1]:5300")),
    ];
    let cases = [
        (true, frame(6, "127.0.0.1:40000", "127.0.0.1:9090")),
        (true, frame(6, "127.0.0.1:9090", "127.0.0.1:40000")),
        (true, frame(6, "127.0.0.1:40000", "127.0.0.1:8080")),
        (true, frame(17, "127.0.0.1:40000", "127.0.0.1:5300")),
        (true, frame(17, "127.0.0.1:5300", "127.0.0.1:40000")),
        (true, frame(6, "[::1]:40000", "[::1]:9090")),
        (true, frame(17, "[::1]:5300", "[::1]:40000")),
        // Another port, or the same one of another protocol, address or family.
        (false, frame(6, "127.0.0.1:40000", "127.0.0.1:9091")),
        (false, frame(17, "127.0.0.1:40000", "127.0.0.1:9090")),
        (false, frame(6, "127.0.0.1:40000", "127.0.0.1:5300")),
        (false, frame(6, "127.0.0.1:40000", "127.0.0.2:9090")),
        (false, frame(6, "192.0.2.1:40000", "192.0.2.1:9090")),
        (false, frame(6, "127.0.0.2:9090", "127.0.0.2:40000")),
        (false, frame(6, "[::1]:40000", "[::1]:8080")),
        (false, frame(6, "[::2]:40000", "[::2]:9090")),
        (false, frame(6, "[1::1]:9090", "[1::1]:40000")),
        (false, frame(132, "127.0.0.1:40000", "127.0.0.1:9090")),
        (false, frame(132, "[::1]:40000", "[::1]:9090")),
    ];
    let frames: Vec<_> = cases.iter().map(|(_, frame)| frame.clone()).collect();
    let expected: Vec<_> = cases.iter().map(|(passes, _)| *passes).collect();
    assert_eq!(let_through(&endpoints, &frames), expected);

    // Each of them in an ICMP error has the same fate; but not in an echo reply.
    let errors: Vec<_> = frames
        .iter()
        .map(|frame| match frame[14] >> 4 {
            6 => icmp_error(1, frame),
            _ => icmp_error(3, frame),
        })
        .collect();
    assert_eq!(let_through(&endpoints, &errors), expected);
    let replies: Vec<_> = frames.iter().map(|frame| icmp_error(129, frame)).collect();
    assert!(!let_through(&endpoints, &replies).contains(&true));

    // Without a lesson nothing passes, and neither does what is no IP or no first fragment.
    assert!(!let_through(&[], &frames).contains(&true));
    let mut arp = frames[0].clone();
    arp[12..14].copy_from_slice(&[0x08, 0x06]);
    let mut fragment = frames[0].clone();
    fragment[14 + 7] = 1;
    assert_eq!(let_through(&endpoints, &[arp, fragment]), [false, false]);
}

#[test]
fn a_frame_that_is_cut_short_passes_only_with_its_ports() {
    let endpoints = [tcp(address("127.0.0.1:9090"))];
    let whole = frame(6, "127.0.0.1:40000", "127.0.0.1:9090");
    let pieces: Vec<_> = (1..whole.len()).map(|end| whole[..end].to_vec()).collect();
    let ports_end = 14 + 24 + 4;
    let expected: Vec<_> = (1..whole.len()).map(|end| end >= ports_end).collect();
    assert_eq!(let_through(&endpoints, &pieces), expected);
}

#[test]
fn a_filter_may_have_very_many_ports() {
    let endpoints: Vec<_> = (0..300)
        .map(|n| tcp(SocketAddr::from(([127, 0, 0, 1], LESSON + n))))
        .collect();
    let frames = [
        frame(6, "127.0.0.1:40000", "127.0.0.1:9090"),
        frame(6, "127.0.0.1:9389", "127.0.0.1:40000"),
        frame(6, "127.0.0.1:40000", "127.0.0.1:9390"),
    ];
    assert_eq!(let_through(&endpoints, &frames), [true, true, false]);
}

/// A packet socket, where the tests may have one.
fn loopback() -> Option<Loopback> {
    match Loopback::open() {
        Ok(loopback) => Some(loopback),
        Err(missing) => {
            let has_to = std::env::var_os("CI").is_some();
            assert!(!has_to, "under CI nothing may be skipped: {missing:?}");
            eprintln!("skipped: these tests may not see packets (they need CAP_NET_RAW)");
            None
        }
    }
}

/// A client and a server of UDP.
fn sockets() -> [UdpSocket; 2] {
    [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap())
}

/// A packet socket that shows what a client and a server of UDP say to each other.
fn watched() -> Option<(Loopback, [UdpSocket; 2])> {
    let loopback = loopback()?;
    let sockets = sockets();
    loopback
        .admit(&[udp(sockets[1].local_addr().unwrap())])
        .unwrap();
    loopback.resume().unwrap();
    Some((loopback, sockets))
}

fn read_all(loopback: &Loopback) -> Vec<(Vec<u8>, usize)> {
    let mut packets = Vec::new();
    while loopback
        .read(&mut |packet| packets.push((packet.bytes.to_vec(), packet.length)))
        .unwrap()
    {}
    packets
}

/// A datagram over loopback, and back; when it is back the packets of both have been shown.
fn ping(client: &UdpSocket, server: &UdpSocket, text: &[u8]) {
    let mut buffer = vec![0; 65_536];
    client.send_to(text, server.local_addr().unwrap()).unwrap();
    let (length, from) = server.recv_from(&mut buffer).unwrap();
    server.send_to(&buffer[..length], from).unwrap();
    client.recv_from(&mut buffer).unwrap();
}

#[test]
fn nothing_comes_before_the_filter_is_there_and_locked() {
    let Some(loopback) = loopback() else { return };
    let [client, server] = sockets();
    ping(&client, &server, b"before the filter");
    assert_eq!(read_all(&loopback), []);

    loopback
        .admit(&[udp(server.local_addr().unwrap())])
        .unwrap();
    ping(&client, &server, b"before it is resumed");
    assert_eq!(read_all(&loopback), []);
    let changed = loopback.admit(&[udp(client.local_addr().unwrap())]);
    assert_eq!(changed.unwrap_err().kind(), ErrorKind::PermissionDenied);

    loopback.resume().unwrap();
    ping(&client, &server, b"now");
    // Each packet once, though the interface shows it on its way out as well.
    let texts: Vec<_> = read_all(&loopback)
        .into_iter()
        .map(|(bytes, _)| bytes[42..].to_vec())
        .collect();
    assert_eq!(texts, [b"now", b"now"]);

    ping(&client, &server, b"forgotten");
    loopback.pause().unwrap();
    ping(&client, &server, b"paused");
    assert_eq!(read_all(&loopback), []);
    loopback.resume().unwrap();
    ping(&client, &server, b"again");
    assert_eq!(read_all(&loopback).len(), 2);
}

#[test]
fn traffic_on_other_ports_never_appears() {
    let Some(loopback) = loopback() else { return };
    let any = address("127.0.0.1:0");
    let lesson = UdpSocket::bind(any).unwrap();
    let client = UdpSocket::bind(any).unwrap();
    let others: Vec<_> = (0..200).map(|_| UdpSocket::bind(any).unwrap()).collect();
    let listener = TcpListener::bind(any).unwrap();
    loopback
        .admit(&[udp(lesson.local_addr().unwrap())])
        .unwrap();
    loopback.resume().unwrap();
    for other in &others {
        ping(&client, other, b"not yours");
    }
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    drop(stream);
    ping(&client, &lesson, b"yours");
    for (bytes, _) in read_all(&loopback) {
        assert_eq!(bytes[42..], *b"yours");
    }
}

#[test]
fn a_large_packet_is_cut_and_says_how_long_it_was() {
    let Some((loopback, [client, server])) = watched() else {
        return;
    };
    let text = vec![b'x'; 40_000];
    ping(&client, &server, &text);
    let lengths: Vec<_> = read_all(&loopback)
        .into_iter()
        .map(|(bytes, length)| (bytes.len(), length))
        .collect();
    let expected = (wire::packet::MAX_PACKET_BYTES, 42 + 40_000);
    assert_eq!(lengths, [expected, expected]);
}

#[test]
fn what_the_system_has_no_room_for_is_counted() {
    let Some((loopback, [client, server])) = watched() else {
        return;
    };
    assert_eq!(loopback.lost().unwrap(), 0);
    // The kernel gives twice what is asked for; this is twice that, and nobody reads it.
    let text = vec![b'x'; 60_000];
    let pings = 2 * crate::gateway::limits::CAPTURE_BUFFER_BYTES / text.len();
    for _ in 0..pings {
        ping(&client, &server, &text);
    }
    let lost = usize::try_from(loopback.lost().unwrap()).unwrap();
    assert!(lost > 0);
    assert_eq!(read_all(&loopback).len() + lost, 2 * pings);
    assert_eq!(loopback.lost().unwrap(), 0, "it is told once");
}
