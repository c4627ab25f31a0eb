//! Round trips: from the page's message to the event that says its client has read all of it back,
//! everything recorded on the way.

use anyhow::Result;
use wire::ConnectionId;

use crate::Bench;
use crate::client::{Direct, Page, Piped, Room};
use crate::report::{Measured, Row, Unit, percentile};
use crate::servers::{Kind, Server};

const LESSON: &str = "tcp_echo";

/// A message that goes there and back.
struct Size {
    bytes: usize,
    /// How many times the direct trip it may take.
    aim: f64,
    /// How many trips make a round.
    trips: usize,
    /// Of the page and of the direct client.
    room: Room,
    /// Behind the pipes, which do not let one choose their room, and of what they are compared with.
    server: Kind,
}

const SIZES: [Size; 2] = [
    Size {
        bytes: 64,
        aim: 1.8,
        trips: 1_000,
        room: Room::Usual,
        server: Kind::Echo,
    },
    Size {
        bytes: 16 * 1024,
        aim: 2.5,
        trips: 300,
        room: Room::Little,
        server: Kind::EchoNoDelay,
    },
];

/// One way to a server and back.
enum Way {
    Direct(Direct),
    Page(Page, ConnectionId, Look),
    Piped(Piped),
}

/// What the page is shown besides calls.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    CallsAlone,
    Packets,
    Kernel,
}

/// One way, and what was measured on it.
struct Contender {
    name: &'static str,
    way: Way,
    /// Of each round.
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Contender {
    fn new(name: &'static str, way: Way) -> Self {
        Self {
            name,
            way,
            p50: Vec::new(),
            p99: Vec::new(),
        }
    }

    async fn round(&mut self, message: &[u8], trips: usize) -> Result<()> {
        if let Way::Page(page, _, look) = &mut self.way {
            page.look(LESSON, *look == Look::Packets, *look == Look::Kernel)
                .await?;
        }
        let mut times = Vec::with_capacity(trips);
        for _ in 0..trips {
            let time = match &mut self.way {
                Way::Direct(direct) => direct.trip(message, message.len()).await?,
                Way::Page(page, connection, _) => {
                    page.trip(*connection, message, message.len()).await?
                }
                Way::Piped(piped) => piped.trip(message, message.len()).await?,
            };
            times.push(time.as_secs_f64());
        }
        self.p50.push(percentile(&times, 50));
        self.p99.push(percentile(&times, 99));
        Ok(())
    }

    fn p50(&self) -> Measured {
        Measured::rounds(Unit::Seconds, self.p50.clone())
    }

    fn p99(&self) -> Measured {
        Measured::rounds(Unit::Seconds, self.p99.clone())
    }

    fn packets(&self) -> u64 {
        match &self.way {
            Way::Page(page, ..) => page.packets,
            Way::Direct(_) | Way::Piped(_) => 0,
        }
    }
}

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let gateway = bench.gateway(&[]).await?;
    let bare = Server::start(Kind::Echo).await?;
    let mut rows = Vec::new();
    for size in &SIZES {
        let direct = Direct::connect(bare.address, size.room).await?;
        let mut contenders = vec![Contender::new("direct TCP", Way::Direct(direct))];
        for (name, look) in [
            ("page", Look::CallsAlone),
            ("packets", Look::Packets),
            ("kernel", Look::Kernel),
        ] {
            let mut page = Page::begin(&gateway.program).await?;
            let connection = page.open(LESSON, size.room).await?;
            contenders.push(Contender::new(name, Way::Page(page, connection, look)));
        }
        let behind = Server::start(size.server).await?;
        let direct = Direct::connect(behind.address, Room::Usual).await?;
        contenders.push(Contender::new("direct TCP", Way::Direct(direct)));
        let mut pipes = Vec::new();
        if let Some(program) = &bench.websocat {
            let pipe = Server::websocat(program, behind.address).await?;
            pipes.push(("websocat", pipe));
        }
        if let Some(program) = &bench.websockify {
            let pipe = Server::websockify(program, behind.address).await?;
            pipes.push(("websockify", pipe));
        }
        for (name, pipe) in &pipes {
            let piped = Piped::connect(pipe.address).await?;
            contenders.push(Contender::new(name, Way::Piped(piped)));
        }
        let message = vec![b'x'; size.bytes];
        let trips = bench.many(size.trips, 5);
        // The first round warms up.
        for round in 0..=bench.rounds {
            for contender in &mut contenders {
                contender.round(&message, trips).await?;
                if round == 0 {
                    contender.p50.clear();
                    contender.p99.clear();
                }
            }
        }
        rows.extend(rows_of(size, &contenders));
    }
    Ok(rows)
}

fn rows_of(size: &Size, contenders: &[Contender]) -> Vec<Row> {
    // In the order in which they were made.
    let [direct, page, packets, kernel, behind, pipes @ ..] = contenders else {
        return Vec::new();
    };
    let bytes = match size.bytes {
        kib if kib % 1024 == 0 => format!("{} KiB", kib / 1024),
        bytes => format!("{bytes} B"),
    };
    let what = |what: &str| format!("{bytes} there and back, {what}");
    // Nagle's algorithm holds the direct client of a textbook's server up as it likes: where messages
    // are large, what counts is the server that sends at once.
    let direct = match size.server {
        Kind::EchoNoDelay => behind,
        _ => direct,
    };
    let mut rows = vec![
        Row::new(what("p50"), page.p50())
            .against(direct.name, &direct.p50())
            .at_most(size.aim),
        Row::new(what("p99"), page.p99()).against(direct.name, &direct.p99()),
    ];
    for pipe in pipes {
        let what = what(&format!("p50 of {}, which records nothing", pipe.name));
        rows.push(Row::new(what, pipe.p50()).against(behind.name, &behind.p50()));
    }
    if packets.packets() > 0 {
        rows.push(
            Row::new(what("p50 with packets"), packets.p50())
                .against("without", &page.p50())
                .note(format!("{} packets seen", packets.packets())),
        );
    }
    rows.push(
        Row::new(what("p50 with the kernel's view"), kernel.p50()).against("without", &page.p50()),
    );
    rows
}
