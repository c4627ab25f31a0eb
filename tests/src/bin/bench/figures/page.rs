//! The page in a real browser: how soon its first lab can be used, how long frames take while events
//! stream, and what thousands of events that are held cost.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;
use wire::ToPage;
use wirebook_tests::browser::{Program, Reader};
use wirebook_tests::gateway::servers;

use crate::Bench;
use crate::report::{Measured, Row, Unit, percentile};

/// Chapters with a lab: a short one and a long one.
const CHAPTERS: [&str; 2] = ["tcp-ok.html", "layers.html"];

/// In seconds, from the start of the navigation.
const USABLE_AIM: f64 = 1.0;

/// A chapter, its lab, and that lab's lesson.
const STREAM: &str = "socket.html";
const LAB: &str = "tcp_echo";
const LESSON: &str = "tcp_echo";

/// In seconds, of the 95th percentile.
const FRAME_AIM: f64 = 0.050;

const EVENTS_PER_SEC: u64 = 2_000;
const STREAM_TIME: Duration = Duration::from_secs(10);

/// How often so many messages are sent that the events come to [`EVENTS_PER_SEC`].
const TICK: Duration = Duration::from_millis(10);

/// What a lab keeps, with room to spare: its rows, their text and what they are drawn from.
const MEMORY_AIM: f64 = 64.0 * 1024.0 * 1024.0;

const PROBE: &str = include_str!("page.js");

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    if !wirebook_tests::browser::available() {
        return Ok(Vec::new());
    }
    let gateway = bench.gateway(&[]).await?;
    let mut rows = Vec::new();
    for chapter in CHAPTERS {
        let (mut cold, mut warm) = (Vec::new(), Vec::new());
        for _ in 0..bench.many(5, 1) {
            // A profile of its own: nothing is cached, nothing compiled.
            let reader = probed(&gateway.program).await?;
            cold.push(usable(&reader, chapter).await?);
            warm.push(usable(&reader, chapter).await?);
            reader.leave().await?;
        }
        let row = |what, times| {
            let times = Measured::rounds(Unit::Seconds, times);
            Row::new(format!("{chapter}: {what}"), times).at_most(USABLE_AIM)
        };
        rows.push(row("first visit until its first lab can be used", cold));
        rows.push(row("the same on the next visit", warm));
    }
    let reader = probed(&gateway.program).await?;
    rows.extend(stream(bench, &gateway.program, &reader).await?);
    reader.leave().await?;
    Ok(rows)
}

async fn probed(program: &Program) -> Result<Reader> {
    let reader = Reader::new(program, 1280).await?;
    let cdp = reader.driver().cdp();
    let source = json!({ "source": PROBE });
    cdp.send_raw("Page.addScriptToEvaluateOnNewDocument", source)
        .await?;
    cdp.send_raw("Performance.enable", json!({})).await?;
    Ok(reader)
}

/// How long after the start of the navigation the first lab of a chapter could be used, in seconds.
async fn usable(reader: &Reader, chapter: &str) -> Result<f64> {
    reader.open(chapter).await?;
    let at_ms = reader
        .wait("a lab that can be used", "bench.usable", Value::Null)
        .await?;
    Ok(at_ms.as_f64().context("a time")? / 1e3)
}

/// What the page tells of a while.
#[derive(Deserialize)]
struct Watched {
    frames: Vec<f64>,
    received: Vec<Vec<u8>>,
}

impl Watched {
    /// Events that came, and events that the gateway says were lost.
    fn events(&self) -> Result<(u64, u64)> {
        let (mut came, mut lost) = (0, 0);
        for frame in &self.received {
            for message in ToPage::decode(frame)? {
                match message {
                    ToPage::Event { .. } => came += 1,
                    ToPage::Gap { count } => lost += count,
                    _ => {}
                }
            }
        }
        Ok((came, lost))
    }

    /// In seconds.
    fn frame(&self, percent: usize) -> f64 {
        percentile(&self.frames, percent) / 1e3
    }
}

async fn stream(bench: &Bench, program: &Program, reader: &Reader) -> Result<Vec<Row>> {
    usable(reader, STREAM).await?;
    let lab = reader.lab(LAB);
    lab.becomes("live").await?;
    let into_view =
        "document.querySelector(`[data-lab=${argument}]`).scrollIntoView(); return true";
    reader.run(into_view, json!(LAB)).await?;
    let before = Memory::of(reader).await?;

    let mut client = Client::connect(program).await?;
    // How many events a message is, as the page itself was told.
    let per_message = {
        watch(reader).await?;
        client.trips(10).await?;
        let told = "rowsOf(lab).some(row => row.textContent.includes(argument.value))";
        client.trip(b"the last\n").await?;
        lab.wait("the last message", told, json!("the last"))
            .await?;
        let (events, _) = stop(reader).await?.events()?;
        (events / 11).max(1)
    };

    let time = match bench.many(1, 0) {
        0 => Duration::from_secs(1),
        _ => STREAM_TIME,
    };
    watch(reader).await?;
    let sent = client.stream(per_message, time).await?;
    let streamed = stop(reader).await?;
    let (events, lost) = streamed.events()?;
    ensure!(sent > 0 && events > 0, "nothing streamed");
    let rate = events as f64 / time.as_secs_f64();

    // The oldest and the newest row and back, as fast as the page draws.
    watch(reader).await?;
    let scroll = "
        const list = [...document.querySelectorAll(`[data-lab=${argument}] *`)]
            .filter(element => element.scrollHeight > 4 * element.clientHeight && element.clientHeight > 0
                && ['auto', 'scroll'].includes(getComputedStyle(element).overflowY))
            .sort((one, other) => other.scrollHeight - one.scrollHeight)[0];
        const turns = 60;
        for (let turn = 0; turn <= turns; turn += 1) {
            list.scrollTop = list.scrollHeight * Math.abs(1 - 2 * turn / turns);
            await new Promise(requestAnimationFrame);
        }";
    let scroll = format!(
        "const argument = arguments[0]; const done = arguments[1]; (async () => {{ {scroll} done(true) }})().catch(error => done(String(error)))"
    );
    let scrolled = reader
        .driver()
        .execute_async(scroll, vec![json!(LAB)])
        .await?;
    ensure!(*scrolled.json() == json!(true), "{}", scrolled.json());
    let scrolled = stop(reader).await?;
    let after = Memory::of(reader).await?;

    let seconds = |number| Measured::once(Unit::Seconds, number);
    let bytes = |number| Measured::once(Unit::Bytes, number);
    let note = format!(
        "{rate:.0} events a second for {} s, {lost} lost; longest {:.0} ms",
        time.as_secs(),
        streamed.frame(100) * 1e3
    );
    Ok(vec![
        Row::new(
            "frames while events stream, p95",
            seconds(streamed.frame(95)),
        )
        .note(note)
        .at_most(FRAME_AIM),
        Row::new(
            "frames while the reader scrolls through them, p95",
            seconds(scrolled.frame(95)),
        )
        .note(format!("longest {:.0} ms", scrolled.frame(100) * 1e3))
        .at_most(FRAME_AIM),
        Row::new(
            "what the page holds more with them",
            bytes(after.bytes - before.bytes),
        )
        .note(format!(
            "{events} events; {:.0} elements, before {:.0}",
            after.nodes, before.nodes
        ))
        .at_most(MEMORY_AIM),
    ])
}

async fn watch(reader: &Reader) -> Result<()> {
    reader
        .run("bench.watch(); return true", Value::Null)
        .await?;
    Ok(())
}

async fn stop(reader: &Reader) -> Result<Watched> {
    let watched = reader.run("return bench.stop()", Value::Null).await?;
    Ok(serde_json::from_value(watched)?)
}

/// What the page takes.
struct Memory {
    /// Of its scripts after a collection, and of its WebAssembly.
    bytes: f64,
    /// Of its document.
    nodes: f64,
}

impl Memory {
    async fn of(reader: &Reader) -> Result<Self> {
        let cdp = reader.driver().cdp();
        cdp.send_raw("HeapProfiler.collectGarbage", json!({}))
            .await?;
        let metrics = cdp.send_raw("Performance.getMetrics", json!({})).await?;
        let metric = |name: &str| {
            let metrics = metrics["metrics"].as_array().into_iter().flatten();
            let mut values = metrics
                .filter(|metric| metric["name"] == name)
                .filter_map(|metric| metric["value"].as_f64());
            values.next().with_context(|| format!("no metric {name}"))
        };
        let module = "return bench.memory?.buffer.byteLength ?? 0";
        let module = reader.run(module, Value::Null).await?;
        Ok(Self {
            bytes: metric("JSHeapUsedSize")? + module.as_f64().unwrap_or_default(),
            nodes: metric("Nodes")?,
        })
    }
}

/// A program of the reader's own that talks to the lesson.
struct Client {
    stream: TcpStream,
}

impl Client {
    async fn connect(program: &Program) -> Result<Self> {
        let servers = servers(program.address()?).await?;
        let mut found = servers.iter().filter(|(lesson, _)| lesson == LESSON);
        let (_, address) = found.next().context("the lesson runs")?;
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream })
    }

    async fn trip(&mut self, message: &[u8]) -> Result<()> {
        self.stream.write_all(message).await?;
        let mut answer = vec![0; message.len()];
        self.stream.read_exact(&mut answer).await?;
        Ok(())
    }

    async fn trips(&mut self, count: u64) -> Result<()> {
        for _ in 0..count {
            self.trip(b"0123456789abcdef").await?;
        }
        Ok(())
    }

    /// So many trips that the events come to [`EVENTS_PER_SEC`]; how many there were.
    async fn stream(&mut self, events_per_trip: u64, time: Duration) -> Result<u64> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (ticks_in_all, mut sent) = (time.as_millis() / TICK.as_millis(), 0);
        for tick in 1..=ticks_in_all as u64 {
            ticks.tick().await;
            let passed_ms = tick * TICK.as_millis() as u64;
            let due = EVENTS_PER_SEC * passed_ms / 1000 / events_per_trip;
            self.trips(due - sent).await?;
            sent = due;
        }
        Ok(sent)
    }
}
