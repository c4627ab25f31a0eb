use smoltcp::socket::tcp;

use super::super::Host;
use crate::world::World;

/// The number behind the last `name: ` in what smoltcp says of itself when it is debugged.
fn number(told: &str, name: &str) -> u64 {
    let name = format!("{name}: ");
    let place = told.rfind(&name).unwrap() + name.len();
    let digits = told[place..].split(|character: char| !character.is_ascii_digit());
    digits.into_iter().next().unwrap().parse().unwrap()
}

/// Compares what is told of each socket with what smoltcp has; how many were compared.
fn compare(host: &mut Host) -> usize {
    let mut count = 0;
    for tcp in &host.tcp {
        let socket = host.sockets.get::<tcp::Socket<'_>>(tcp.handle);
        if !socket.is_active() || tcp.segments.mss.is_none() {
            continue;
        }
        let told = format!("{socket:?}");
        let (reno, rtt) = (&tcp.segments.reno, &tcp.segments.rtt);
        let threshold = reno.threshold.map_or(usize::MAX as u64, u64::from);
        let mut expected = vec![
            ("cwnd", u64::from(reno.window)),
            ("ssthresh", threshold),
            ("rto", u64::from(rtt.rto_ms)),
        ];
        if let Some((smoothed_ms, _)) = rtt.measured_ms() {
            expected.push(("srtt", smoothed_ms.into()));
        }
        for (name, value) in expected {
            assert_eq!(value, number(&told, name), "{name} {:?}", tcp.segments);
        }
        count += 1;
    }
    count
}

#[test]
fn what_is_told_of_windows_and_times_is_what_smoltcp_has() {
    for network in [
        "delay=40",
        "delay=40 loss=3 seed=2",
        "delay=40 loss=10 seed=3",
        "delay=30 jitter=20 loss=5 duplicate=10 reorder=10 corrupt=3 seed=4",
        "delay=20 bandwidth=2000 queue=5 mtu=500",
    ] {
        let mut world = World::new(network.parse().unwrap());
        let place = crate::apps::App::place("sim_source").unwrap();
        world.start(place);
        let id = world.open(place, &[]).unwrap();
        world.act();
        let send = crate::client::Command::Send(b"30000".to_vec());
        world.command(id, send).unwrap();
        world.act();
        let mut count = 0;
        while world.step().is_some() {
            count += world.with_hosts(compare);
        }
        assert!(count > 50, "{count}");
    }
}
