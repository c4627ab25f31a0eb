//! How many packets per second the simulator does in Chromium, everything told, and natively in the
//! same run: `cargo run --release -p wirebook-tests --example simulator_speed` after
//! `cargo lab build --static target/static`.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use wire::session::ToPage;
use wire::{Action, NetworkSettings, ToGateway};
use wirebook_sim::Simulator;
use wirebook_tests::browser::{Reader, Scripts, StaticHost};

/// How many bytes the server sends.
const BYTES: &[u8] = b"10000000";

/// In such slices.
const SLICE_MS: u64 = 10;

/// Does the same in the page, with the module that simulated labs use.
const IN_THE_PAGE: &str = "
    const [network, frames, slices, ms] = arguments[0];
    const done = arguments[1];
    const script = document.querySelector('[data-depth]').dataset.depth;
    import(new URL(script, document.baseURI)).then(async depth => {
        await depth.default();
        const simulator = new depth.Simulator(Uint8Array.from(network));
        frames.forEach(frame => simulator.say(Uint8Array.from(frame)));
        const began = performance.now();
        let bytes = 0;
        for (let slice = 0; slice < slices; slice += 1) {
            bytes += simulator.run(ms).length;
        }
        done([performance.now() - began, bytes]);
    }).catch(error => done(String(error)));
";

#[tokio::main]
async fn main() -> Result<()> {
    let network: NetworkSettings = "delay=1 loss=1".parse()?;
    let lesson = "sim_source".to_owned();
    let look = ToGateway::Look {
        lesson: lesson.clone(),
        packets: true,
        kernel: true,
    };
    let open = ToGateway::Open {
        request: 1,
        lesson,
        options: Vec::new(),
    };
    let mut simulator = Simulator::new(network);
    simulator.say(look.clone());
    let opened = simulator.say(open.clone());
    let mut opened = opened.into_iter().filter_map(|message| match message {
        ToPage::Opened { connection, .. } => Some(connection),
        _ => None,
    });
    let connection = opened.next().context("no connection")?;
    let bytes = BYTES.to_vec();
    let send = ToGateway::Send { connection, bytes };
    simulator.say(send.clone());

    let began = Instant::now();
    let (mut packets, mut slices, mut told_bytes) = (0_u64, 0_u64, 0);
    while simulator.next_ns().is_some() {
        let mut frame = Vec::new();
        for message in simulator.run(Duration::from_millis(SLICE_MS)) {
            if let ToPage::Event { event, .. } = &message {
                packets += u64::from(matches!(event.action, Action::Packet(_)));
            }
            message.encode(&mut frame);
        }
        told_bytes += frame.len();
        slices += 1;
    }
    let native = began.elapsed();

    let host = StaticHost::start("book", Scripts::Run).await?;
    let reader = Reader::at(&host.origin(), 1280).await?;
    reader.open("index.html").await?;
    reader
        .driver()
        .set_script_timeout(Duration::from_secs(300))
        .await?;
    let mut frames = Vec::new();
    for message in [look, open, send] {
        let mut frame = Vec::new();
        message.encode(&mut frame);
        frames.push(frame);
    }
    let arguments = json!([postcard::to_allocvec(&network)?, frames, slices, SLICE_MS]);
    let answer = reader
        .driver()
        .execute_async(IN_THE_PAGE, vec![arguments])
        .await?;
    let answer: Value = answer.json().clone();
    let page_ms = answer[0]
        .as_f64()
        .with_context(|| format!("the page says {answer}"))?;
    println!(
        "{packets} packets, {told_bytes} bytes told, and {} in the page",
        answer[1]
    );
    println!(
        "natively    {:>9.0} packets per second",
        packets as f64 / native.as_secs_f64()
    );
    println!(
        "in Chromium {:>9.0} packets per second",
        packets as f64 / (page_ms / 1_000.0)
    );
    reader.leave().await
}
