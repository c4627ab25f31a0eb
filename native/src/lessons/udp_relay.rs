//! A relay that loses, doubles and holds back datagrams, in front of a server that echoes them.

// ANCHOR: listing
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use crate::network::Way;
use crate::tap::{
    io,
    net::{Link, Network, UdpSocket},
};

type Datagram = (Way, Vec<u8>);

const MAX_CLIENTS: usize = 256;
const MAX_HELD: usize = 256;
const IDLE: Duration = Duration::from_secs(120); // not less, says RFC 4787, 4.3

/// The echo server. It cannot see what happens on the way.
pub async fn serve(socket: UdpSocket) -> io::Result<()> {
    let mut buffer = vec![0; 65_535];
    loop {
        let (length, peer) = socket.recv_from(&mut buffer).await?;
        if let Err(error) = socket.send_to(&buffer[..length], peer).await {
            println!("{peer}: {error}");
        }
    }
}

/// The relay. Each client has a path of its own, so that answers find their way back.
pub async fn relay(front: UdpSocket, network: Network) -> io::Result<()> {
    let front = Arc::new(front);
    let mut paths: HashMap<_, mpsc::Sender<Datagram>> = HashMap::new();
    let mut buffer = vec![0; 65_535];
    loop {
        let (length, client) = front.recv_from(&mut buffer).await?;
        paths.retain(|_, path| !path.is_closed());
        if !paths.contains_key(&client) && paths.len() < MAX_CLIENTS {
            match network.connect(client).await {
                Err(error) => println!("{client}: {error}"),
                Ok((server, link)) => {
                    let (path, arriving) = mpsc::channel(8);
                    let server = Arc::new(server);
                    tokio::spawn(take_answers(Arc::clone(&server), path.clone()));
                    tokio::spawn(carry(arriving, link, server, Arc::clone(&front), client));
                    paths.insert(client, path);
                }
            }
        }
        if let Some(path) = paths.get(&client) {
            let _ = path.send((Way::ToServer, buffer[..length].to_vec())).await;
        }
    }
}

/// Puts what the server answers on the same path, as long as that is there.
async fn take_answers(server: Arc<UdpSocket>, path: mpsc::Sender<Datagram>) -> io::Result<()> {
    let mut buffer = vec![0; 65_535];
    loop {
        let length = tokio::select! {
            received = server.recv(&mut buffer) => received?,
            () = path.closed() => return Ok(()),
        };
        let _ = path.send((Way::ToClient, buffer[..length].to_vec())).await;
    }
}

/// Decides what becomes of each datagram, and passes on what is due.
async fn carry(
    mut arriving: mpsc::Receiver<Datagram>,
    mut link: Link,
    server: Arc<UdpSocket>,
    front: Arc<UdpSocket>,
    client: SocketAddr,
) -> io::Result<()> {
    let mut number = 0;
    let mut held: BTreeMap<(Instant, u64), Datagram> = BTreeMap::new(); // by the time it is due
    loop {
        while let Some(first) = held.first_entry()
            && first.key().0 <= Instant::now()
        {
            match first.remove() {
                (Way::ToServer, datagram) => server.send(&datagram).await?,
                (Way::ToClient, datagram) => front.send_to(&datagram, client).await?,
            };
        }
        let next_due = held.keys().next().map(|(due, _)| *due);
        let wake = next_due.unwrap_or_else(|| Instant::now() + IDLE);
        let (way, datagram) = match timeout_at(wake, arriving.recv()).await {
            Ok(Some(arrived)) => arrived,
            Err(_) if next_due.is_some() => continue,
            Ok(None) | Err(_) => return Ok(()),
        };
        let fate = match held.len() < MAX_HELD {
            true => link.fate(way, &datagram),
            false => link.lose(&datagram), // as a router does whose queue is full
        };
        for _ in 0..fate.copies {
            let due = Instant::now() + fate.hold;
            held.insert((due, number), (way, datagram.clone()));
            number += 1;
        }
    }
}
// ANCHOR_END: listing
