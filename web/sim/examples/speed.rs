//! How many packets per second are simulated, with everything told: `cargo run --release -p
//! wirebook-sim --example speed`.

use std::time::Instant;

use wire::session::ToPage;
use wire::{Action, ToGateway};
use wirebook_sim::Simulator;

/// How many bytes the server sends.
const BYTES: &str = "10000000";

/// In such slices of the simulated time.
const SLICE_NS: u64 = 10_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut simulator = Simulator::new("delay=1 loss=1".parse()?);
    let lesson = || "sim_source".to_owned();
    simulator.say(ToGateway::Look {
        lesson: lesson(),
        packets: true,
        kernel: true,
    });
    let mut messages = simulator.say(ToGateway::Open {
        request: 1,
        lesson: lesson(),
        options: Vec::new(),
    });
    let opened = messages.iter().find_map(|message| match message {
        ToPage::Opened { connection, .. } => Some(*connection),
        _ => None,
    });
    let connection = opened.ok_or("no connection")?;
    let bytes = BYTES.as_bytes().to_vec();
    messages.extend(simulator.say(ToGateway::Send { connection, bytes }));
    let began = Instant::now();
    let (mut packets, mut events, mut frame_bytes) = (0_u64, 0_u64, 0);
    while simulator.next_ns().is_some() {
        for message in simulator.run_until(simulator.now_ns() + SLICE_NS) {
            if let ToPage::Event { event, .. } = &message {
                events += 1;
                packets += u64::from(matches!(event.action, Action::Packet(_)));
            }
            let mut frame = Vec::new();
            message.encode(&mut frame);
            frame_bytes += frame.len();
        }
    }
    let took = began.elapsed();
    let per_second = packets as f64 / took.as_secs_f64();
    println!("{packets} packets, {events} events, {frame_bytes} bytes told, in {took:?}");
    println!("{per_second:.0} packets per second");
    Ok(())
}
