//! Messages that arrive once and in order, over a network that promises neither: stop-and-wait.

// The name says where it is, also to a project that takes over this file alone.
#[path = "udp_reliable/client.rs"]
pub mod client;

use std::collections::HashMap;
use std::time::{Duration, Instant};

// ANCHOR: listing
use std::net::SocketAddr;

use tokio::sync::mpsc;

use crate::tap::{io, net::UdpSocket};

// A message travels as its number in four bytes, then its text.
// The acknowledgement is the same number, then the count of messages delivered so far.

fn parse(datagram: &[u8]) -> Option<(u32, &[u8])> {
    let (number, text) = datagram.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), text))
}

fn datagram(number: u32, text: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes(), text].concat()
}

/// The server: prints what arrives.
pub async fn serve(socket: UdpSocket) -> io::Result<()> {
    let (delivered, mut messages) = mpsc::channel::<(SocketAddr, Vec<u8>)>(16);
    let application = async {
        while let Some((client, text)) = messages.recv().await {
            println!("{client}: {}", text.escape_ascii());
        }
        Ok(())
    };
    tokio::try_join!(receive_all(socket, delivered), application)?;
    Ok(())
}

/// Delivers each message once, and acknowledges it as often as it comes.
pub async fn receive_all(
    socket: UdpSocket,
    delivered: mpsc::Sender<(SocketAddr, Vec<u8>)>,
) -> io::Result<()> {
    let mut clients = Clients::default();
    let mut buffer = vec![0; 65_535];
    loop {
        let (length, client) = socket.recv_from(&mut buffer).await?;
        let Some((number, text)) = parse(&buffer[..length]) else {
            continue; // not one of ours
        };
        let Some(inbox) = clients.inbox(client, number) else {
            continue; // too many clients
        };
        if number == inbox.last.wrapping_add(1) {
            inbox.last = number;
            inbox.count += 1;
            let _ = delivered.send((client, text.to_vec())).await; // once
        }
        if number == inbox.last {
            let count = format!("{} delivered", inbox.count);
            let acknowledgement = datagram(number, count.as_bytes());
            if let Err(error) = socket.send_to(&acknowledgement, client).await {
                println!("{client}: {error}");
            }
        }
    }
}
// ANCHOR_END: listing

/// What the server keeps of each client, as long as it is heard.
#[derive(Default)]
struct Clients(HashMap<SocketAddr, Inbox>);

struct Inbox {
    /// The number of the last message that was delivered.
    last: u32,
    /// How many were.
    count: u64,
    heard: Instant,
}

impl Clients {
    const MAX: usize = 1_024;
    /// Longer than any datagram is under way.
    const FORGOTTEN_AFTER: Duration = Duration::from_secs(120);

    /// The inbox of this client, from which this number came.
    fn inbox(&mut self, client: SocketAddr, number: u32) -> Option<&mut Inbox> {
        if !self.0.contains_key(&client) && self.0.len() >= Self::MAX {
            self.0
                .retain(|_, inbox| inbox.heard.elapsed() < Self::FORGOTTEN_AFTER);
            if self.0.len() >= Self::MAX {
                return None;
            }
        }
        // A client sends nothing before the last message is acknowledged: what comes first from
        // one that is not known, or was forgotten, is the message to deliver next.
        let inbox = self.0.entry(client).or_insert_with(|| Inbox {
            last: number.wrapping_sub(1),
            count: 0,
            heard: Instant::now(),
        });
        inbox.heard = Instant::now();
        Some(inbox)
    }
}
