//! What the local network can reach: two machines, each with a network of its own, and a cable.

#![cfg(target_os = "linux")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::mpsc;

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::gettid;
use wire::session::Transport;
use wirebook_tests::gateway::{PATIENCE, TestGateway};
use wirebook_tests::requirements;

/// Addresses that are kept for documentation (RFC 5737).
const READER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);

/// What the reader's machine offers to the neighbour.
struct Offer {
    /// Of the gateway and of its lessons, as they stand on the reader's machine.
    addresses: Vec<(Transport, SocketAddr)>,
    /// Servers on all addresses, which the neighbour must reach.
    control_tcp: SocketAddr,
    control_udp: SocketAddr,
}

#[test]
fn from_another_machine_nothing_of_the_gateway_answers() -> Result<()> {
    if !requirements::can_make_networks() {
        return Ok(());
    }
    let (tell_id, id) = mpsc::channel();
    let (tell_offer, offer) = mpsc::channel();
    let (tell_end, end) = tokio::sync::oneshot::channel();
    // Networks belong to threads; whatever a thread starts is in its network.
    let reader = std::thread::spawn(move || -> Result<()> {
        unshare(CloneFlags::CLONE_NEWNET)?;
        ip("link set lo up")?;
        // A machine says only now and then that nobody is at a port; this one each time.
        std::fs::write("/proc/sys/net/ipv4/icmp_ratelimit", "0")?;
        let neighbour: i32 = id.recv()?;
        ip(&format!(
            "link add book type veth peer name wall netns {neighbour}"
        ))?;
        ip(&format!("address add {READER}/24 dev book"))?;
        ip("link set book up")?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(serve(tell_offer, end))
    });
    let neighbour = std::thread::spawn(move || -> Result<()> {
        unshare(CloneFlags::CLONE_NEWNET)?;
        ip("link set lo up")?;
        tell_id.send(gettid().as_raw())?;
        let offer: Offer = offer.recv_timeout(PATIENCE)?;
        ip(&format!("address add {NEIGHBOUR}/24 dev wall"))?;
        ip("link set wall up")?;
        let probed = probe(&offer);
        // Nobody hears it if the reader has failed, and that is told below.
        let _ = tell_end.send(());
        probed
    });
    // If both fail the reader's failure comes first.
    let joined = [reader.join(), neighbour.join()];
    for result in joined {
        result.map_err(|_| anyhow!("a machine has panicked"))??;
    }
    Ok(())
}

/// Runs the gateway on the reader's machine until `end`.
async fn serve(
    tell_offer: mpsc::Sender<Offer>,
    end: tokio::sync::oneshot::Receiver<()>,
) -> Result<()> {
    let gateway = TestGateway::start().await?;
    // The machine is new: all its sockets are the gateway's.
    let sockets = sockets("/proc/thread-self/net")?;
    ensure!(sockets.len() > 10, "{sockets:?}");
    for socket in &sockets {
        ensure!(socket.is_loopback, "{socket:?} is not on loopback");
    }

    let anywhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let tcp = TcpListener::bind(anywhere)?;
    let udp = UdpSocket::bind(anywhere)?;
    let mut addresses = vec![(Transport::Tcp, gateway.address())];
    for server in gateway.servers() {
        let address = server.address.ip();
        addresses.extend(address.map(|address| (server.transport, address)));
    }
    tell_offer.send(Offer {
        addresses,
        control_tcp: (READER, tcp.local_addr()?.port()).into(),
        control_udp: (READER, udp.local_addr()?.port()).into(),
    })?;
    std::thread::spawn(move || -> Result<()> {
        udp.set_read_timeout(Some(PATIENCE))?;
        let (_, peer) = udp.recv_from(&mut [0; 8])?;
        udp.send_to(b"udp", peer)?;
        tcp.accept()?.0.write_all(b"tcp")?;
        Ok(())
    });
    // Here it does answer.
    let health = gateway.get("/healthz", "").await?;
    ensure!(health.status() == Some(200), "{health:?}");
    let ended = tokio::time::timeout(PATIENCE, end).await;
    ensure!(ended.is_ok(), "the neighbour is still trying");
    ensure!(gateway.stop().await, "everything ends by itself");
    Ok(())
}

/// What a neighbour can do with the addresses that it has learnt.
fn probe(offer: &Offer) -> Result<()> {
    let mut answer = String::new();
    let socket = UdpSocket::bind((NEIGHBOUR, 0))?;
    ensure!(
        is_answered(&socket, offer.control_udp)?,
        "the cable carries nothing"
    );
    TcpStream::connect_timeout(&offer.control_tcp, PATIENCE)?.read_to_string(&mut answer)?;
    ensure!(answer == "tcp", "{answer}");

    let transports = [Transport::Tcp, Transport::Udp];
    for transport in transports {
        let of_it = |(its, _): &&(Transport, SocketAddr)| *its == transport;
        ensure!(offer.addresses.iter().any(|one| of_it(&one)));
    }
    for (transport, address) in &offer.addresses {
        let outside = SocketAddr::from((READER, address.port()));
        if *transport == Transport::Udp {
            let socket = UdpSocket::bind((NEIGHBOUR, 0))?;
            ensure!(!is_answered(&socket, outside)?, "{outside} answers");
        } else {
            let refused = TcpStream::connect_timeout(&outside, PATIENCE);
            let kind = refused.map_err(|error| error.kind());
            ensure!(
                matches!(kind, Err(ErrorKind::ConnectionRefused)),
                "{outside}: {kind:?}"
            );
        }
        // The address itself means the neighbour's own machine.
        if *transport != Transport::Udp {
            ensure!(TcpStream::connect_timeout(address, PATIENCE).is_err());
        }
    }
    Ok(())
}

/// Whether a datagram gets an answer, or the machine's word that nobody is there (RFC 1122, 3.2.2.1).
fn is_answered(socket: &UdpSocket, address: SocketAddr) -> Result<bool> {
    socket.connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(b"anyone?")?;
    match socket.recv(&mut [0; 64]) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(false),
        Err(error) => Err(error).with_context(|| format!("{address} neither answers nor refuses")),
    }
}

/// A socket that waits for others, as the system lists it.
#[derive(Debug)]
#[expect(dead_code, reason = "what it is stands in a failure's text")]
struct Socket {
    family: &'static str,
    line: String,
    is_loopback: bool,
}

/// The sockets of a network that anybody could talk to: listening TCP ones and all UDP ones.
fn sockets(folder: &str) -> Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    for family in ["tcp", "tcp6", "udp", "udp6"] {
        let table = match std::fs::read_to_string(format!("{folder}/{family}")) {
            Ok(table) => table,
            // A system without IPv6.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        for line in table.lines().skip(1) {
            let mut fields = line.split_whitespace().skip(1);
            let local = fields.next().context("a local address")?;
            let state = fields.nth(1).context("a state")?;
            // 0A is LISTEN; what has another state talks to one peer only.
            if family.starts_with("udp") || state == "0A" {
                // 127.0.0.1 in the machine's order of bytes.
                let loopback = format!("{:08X}", u32::from_ne_bytes([127, 0, 0, 1]));
                sockets.push(Socket {
                    family,
                    line: line.to_owned(),
                    is_loopback: local.split(':').next() == Some(loopback.as_str()),
                });
            }
        }
    }
    Ok(sockets)
}

fn ip(arguments: &str) -> Result<()> {
    let output = Command::new("ip")
        .args(arguments.split(' '))
        .output()
        .context("running ip")?;
    ensure!(
        output.status.success(),
        "ip {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
