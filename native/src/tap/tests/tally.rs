//! What a server's workers are and do, as its tap counts it.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wire::session::Stats;

use super::{DEADLINE, World};
use crate::tap::{Tap, net::TcpListener, task};

/// One byte back for each, from a task per client.
async fn echo(listener: TcpListener) {
    while let Ok((mut stream, _peer)) = listener.accept().await {
        task::spawn(async move {
            let mut byte = [0];
            while stream.read_exact(&mut byte).await.is_ok() {
                if stream.write_all(&byte).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Waits until the stats are as `expected`.
async fn settles(tap: &Tap, expected: impl Fn(&Stats) -> bool) -> Stats {
    let settled = async {
        let mut stats = tap.stats();
        while !expected(&stats) {
            stats = tap.stats_after(&stats).await.unwrap();
        }
        stats
    };
    match tokio::time::timeout(DEADLINE, settled).await {
        Ok(stats) => stats,
        Err(_) => panic!("{:?}", tap.stats()),
    }
}

#[tokio::test]
async fn tasks_and_connections_are_counted_while_they_last() {
    let world = World::new();
    let tap = world.tap(8);
    assert_eq!(tap.stats(), Stats::default());
    let (listener, address) = world.listen(&tap).await;
    let serving = Box::pin(echo(listener));
    let size = size_of_val(&*serving) as u64;
    let serving = tokio::spawn(tap.serve(serving));
    let alone = settles(&tap, |stats| stats.workers == 1).await;
    assert_eq!((alone.connections, alone.memory_bytes), (0, size));

    let first = world.connect(address).await.unwrap();
    let second = world.connect(address).await.unwrap();
    let busy = settles(&tap, |stats| (stats.workers, stats.connections) == (3, 2)).await;
    // Two tasks of the same kind take the same.
    let each = (busy.memory_bytes - alone.memory_bytes) / 2;
    assert!(each > 0);
    drop(second);
    let one = settles(&tap, |stats| (stats.workers, stats.connections) == (2, 1)).await;
    assert_eq!(one.memory_bytes, alone.memory_bytes + each);
    drop(first);

    tap.cut();
    serving.await.unwrap();
    tap.drained().await;
    let end = tap.stats();
    assert_eq!((end.workers, end.memory_bytes), (0, 0));
    assert_eq!(tap.stats_after(&end).await, None);
}

#[tokio::test]
async fn a_task_that_waits_and_is_run_again_was_woken() {
    let world = World::new();
    let tap = world.tap(8);
    let (listener, address) = world.listen(&tap).await;
    tokio::spawn(tap.serve(Box::pin(echo(listener))));
    let mut client = world.connect(address).await.unwrap();
    for _ in 0..100 {
        client.write_all(b"x").await.unwrap();
        client.read_exact(&mut [0]).await.unwrap();
    }
    // At least one for each byte, and not many more: nothing runs that has nothing to do.
    let woken = settles(&tap, |stats| stats.wakeups >= 100).await.wakeups;
    assert!(woken < 200, "{woken}");
}
