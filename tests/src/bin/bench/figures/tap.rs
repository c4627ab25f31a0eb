//! What watching costs: the lesson `tcp_echo` with the tap, recording into a queue that somebody
//! empties, beside the same file on bare tokio. Both are processes with one thread, as the gateway is.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::Result;
use futures_util::future::try_join_all;

use crate::Bench;
use crate::client::{Direct, Room};
use crate::report::{Measured, Row, Unit};
use crate::servers::{Kind, Server};

/// So many clients ask at once, and each so often in a round.
const CLIENTS: [(usize, usize); 2] = [(1, 3_000), (16, 400)];

const MESSAGE: [u8; 64] = [b'x'; 64];

/// Round trips per second of some clients at once.
async fn round(server: SocketAddr, clients: usize, trips: usize) -> Result<f64> {
    let connecting = (0..clients).map(|_| Direct::connect(server, Room::Usual));
    let mut clients = try_join_all(connecting).await?;
    let began = Instant::now();
    let count = clients.len() * trips;
    let asking = clients.iter_mut().map(async |client| {
        for _ in 0..trips {
            client.trip(&MESSAGE, MESSAGE.len()).await?;
        }
        anyhow::Ok(())
    });
    try_join_all(asking).await?;
    Ok(count as f64 / began.elapsed().as_secs_f64())
}

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let bare = Server::start(Kind::BareEcho).await?;
    let tapped = Server::start(Kind::TappedEcho).await?;
    let mut rows = Vec::new();
    for (clients, trips) in CLIENTS {
        let trips = bench.many(trips, 5);
        let (mut with, mut without) = (Vec::new(), Vec::new());
        // The first round warms up.
        for turn in 0..=bench.rounds * 2 {
            let rates = [
                round(bare.address, clients, trips).await?,
                round(tapped.address, clients, trips).await?,
            ];
            if turn > 0 {
                without.push(rates[0]);
                with.push(rates[1]);
            }
        }
        let what = match clients {
            1 => "round trips of 64 B, one client".to_owned(),
            _ => format!("round trips of 64 B, {clients} clients at once"),
        };
        let without = Measured::rounds(Unit::PerSec, without);
        rows.push(
            Row::new(what, Measured::rounds(Unit::PerSec, with))
                .against("bare tokio", &without)
                .at_least(0.9),
        );
    }
    Ok(rows)
}
