//! Bytes that a server pours out, as they reach the page: the lesson `tcp_source`, and the same
//! file on plain tokio behind a pipe.
//!
//! Counted is what the events of the client's reads carry. The page gets the server's writes on top
//! of that, with the same bytes once more, and of each call its place in the source; a pipe tells
//! the bytes alone.

use std::time::Duration;

use anyhow::Result;

use crate::Bench;
use crate::client::{Direct, Page, Piped, Room};
use crate::report::{Measured, Row, Unit};
use crate::servers::{Kind, Server};

/// What `tcp_source` sends in all, on each connection.
const TRANSFER_BYTES: usize = 256 * 1024;

/// Transfers of one round.
const TRANSFERS: usize = 40;

/// Where bytes come from.
enum Way<'a> {
    Page(&'a mut Page),
    Piped(&'a Server),
    Direct(&'a Server),
}

impl Way<'_> {
    /// Bytes per second of one round: from the byte that asks for them to the last that comes.
    async fn round(&mut self, transfers: usize) -> Result<f64> {
        let mut total = Duration::ZERO;
        for _ in 0..transfers {
            total += match self {
                Self::Page(page) => {
                    let connection = page.open("tcp_source", Room::Usual).await?;
                    let time = page.trip(connection, b"x", TRANSFER_BYTES).await?;
                    page.close(connection).await?;
                    time
                }
                Self::Piped(pipe) => {
                    let mut piped = Piped::connect(pipe.address).await?;
                    piped.trip(b"x", TRANSFER_BYTES).await?
                }
                Self::Direct(server) => {
                    let mut direct = Direct::connect(server.address, Room::Usual).await?;
                    direct.trip(b"x", TRANSFER_BYTES).await?
                }
            };
        }
        Ok((transfers * TRANSFER_BYTES) as f64 / total.as_secs_f64())
    }
}

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let gateway = bench.gateway(&[]).await?;
    let server = Server::start(Kind::Source).await?;
    let mut page = Page::begin(&gateway.program).await?;
    let websocat = match &bench.websocat {
        Some(program) => Some(Server::websocat(program, server.address).await?),
        None => None,
    };
    let websockify = match &bench.websockify {
        Some(program) => Some(Server::websockify(program, server.address).await?),
        None => None,
    };
    let mut contenders = vec![("page", Way::Page(&mut page))];
    contenders.push(("direct TCP", Way::Direct(&server)));
    contenders.extend(websocat.iter().map(|pipe| ("websocat", Way::Piped(pipe))));
    contenders.extend(
        websockify
            .iter()
            .map(|pipe| ("websockify", Way::Piped(pipe))),
    );

    let transfers = bench.many(TRANSFERS, 2);
    let mut rates = vec![Vec::new(); contenders.len()];
    // The first round warms up.
    for round in 0..=bench.rounds {
        for ((_, way), rates) in contenders.iter_mut().zip(&mut rates) {
            let rate = way.round(transfers).await?;
            if round > 0 {
                rates.push(rate);
            }
        }
    }
    let names: Vec<_> = contenders.iter().map(|(name, _)| *name).collect();
    drop(contenders);
    let rates = rates
        .into_iter()
        .map(|rates| Measured::rounds(Unit::BytesPerSec, rates));
    let mut rates = names.into_iter().zip(rates);
    let Some((_, ours)) = rates.next() else {
        return Ok(Vec::new());
    };
    let rows = rates.map(|(name, theirs)| {
        let row = Row::new("what the client reads", ours.clone()).against(name, &theirs);
        match name {
            "websocat" => row.at_least(1.0),
            _ => row,
        }
    });
    Ok(rows.collect())
}
