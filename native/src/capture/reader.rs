//! The thread that reads packets while somebody looks.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tracing::warn;

use super::Source;
use crate::gateway::limits::PACKET_GATHER_TIME;
use crate::tap::Clock;

/// Packets that were read together, in the order of their time.
#[derive(Debug, Default)]
pub struct Batch {
    /// What came.
    pub packets: Vec<Packet>,
    /// How many packets the system had no room for.
    pub lost: u64,
}

/// A packet at its place among the events.
#[derive(Debug)]
pub struct Packet {
    /// See [`wire::Event::sequence`].
    pub sequence: u64,
    /// See [`wire::Event::time_ns`].
    pub time_ns: u64,
    /// The same moment as the program's other parts tell it.
    pub at: Instant,
    /// What was kept of it, beginning with its Ethernet header.
    pub bytes: Vec<u8>,
    /// How long it was.
    pub length: usize,
}

/// Reads in a thread of its own, so that nobody waits for it. Ends with the last handle.
#[derive(Clone)]
pub struct Reader(Arc<Inner>);

struct Inner {
    source: Arc<dyn Source>,
    wish: Arc<Wish>,
    is_running: watch::Receiver<bool>,
}

/// What the thread should do.
#[derive(Default)]
struct Wish {
    lookers: AtomicUsize,
    ends: AtomicBool,
}

/// While there is one, packets are read.
pub struct Looker(Weak<Inner>);

impl Reader {
    /// Starts the thread, which gives every batch to `take`. It reads nothing yet.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub fn start(
        source: Arc<dyn Source>,
        clock: Clock,
        take: impl FnMut(Batch) + Send + 'static,
    ) -> io::Result<Self> {
        let wish = Arc::<Wish>::default();
        let (running, is_running) = watch::channel(false);
        let thread = Thread {
            source: Arc::clone(&source),
            wish: Arc::clone(&wish),
            running,
            places: Places::new(clock),
        };
        thread::Builder::new()
            .name("packets".to_owned())
            .spawn(move || thread.run(take))?;
        Ok(Self(Arc::new(Inner {
            source,
            wish,
            is_running,
        })))
    }

    /// Begins to look. Every packet after this is read, until the result is dropped.
    pub async fn look(&self) -> Looker {
        self.0.wish.lookers.fetch_add(1, Ordering::SeqCst);
        let looker = Looker(Arc::downgrade(&self.0));
        self.0.source.wake();
        let mut is_running = self.0.is_running.clone();
        // An error means that the thread has ended: then nothing will come.
        let _ = is_running.wait_for(|is_running| *is_running).await;
        looker
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        if let Some(inner) = self.0.upgrade() {
            inner.wish.lookers.fetch_sub(1, Ordering::SeqCst);
            inner.source.wake();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.wish.ends.store(true, Ordering::SeqCst);
        self.source.wake();
    }
}

struct Thread {
    source: Arc<dyn Source>,
    wish: Arc<Wish>,
    running: watch::Sender<bool>,
    places: Places,
}

impl Thread {
    fn run(mut self, mut take: impl FnMut(Batch)) {
        while !self.wish.ends.load(Ordering::SeqCst) {
            if let Err(error) = self.turn(&mut take) {
                warn!(%error, "packets cannot be read");
                // What fails at once is not tried again at once.
                thread::sleep(FAILURE_PAUSE);
            }
        }
    }

    fn turn(&mut self, take: &mut impl FnMut(Batch)) -> io::Result<()> {
        let is_wanted = self.wish.lookers.load(Ordering::SeqCst) > 0;
        if is_wanted != *self.running.borrow() {
            match is_wanted {
                true => self.source.resume()?,
                false => self.source.pause()?,
            }
            self.running.send_replace(is_wanted);
        }
        self.source.wait()?;
        if !is_wanted {
            return Ok(());
        }
        // An exchange is a handful of packets, and to be woken for each would cost both sides.
        thread::sleep(PACKET_GATHER_TIME);
        loop {
            let (batch, has_more) = self.read()?;
            if !batch.packets.is_empty() || batch.lost > 0 {
                take(batch);
            }
            if !has_more {
                return Ok(());
            }
        }
    }

    fn read(&mut self) -> io::Result<(Batch, bool)> {
        let mut read = Vec::new();
        let has_more = self.source.read(&mut |captured| {
            read.push((captured.time, captured.bytes.to_vec(), captured.length));
        })?;
        // Two processors may each have passed on a packet at the same moment.
        read.sort_by_key(|(time, ..)| *time);
        self.places.synchronise();
        let packets = (read.into_iter())
            .map(|(time, bytes, length)| {
                let (sequence, time_ns, at) = self.places.place(time);
                Packet {
                    sequence,
                    time_ns,
                    at,
                    bytes,
                    length,
                }
            })
            .collect();
        let lost = self.source.lost()?;
        Ok((Batch { packets, lost }, has_more))
    }
}

const FAILURE_PAUSE: Duration = Duration::from_millis(500);

/// Turns the system's clock into the gateway's. The system's may be set at any time, so how far
/// they are apart is asked again for every batch.
struct Places {
    clock: Clock,
    now_ns: u64,
    /// The system's clock less the gateway's.
    apart_ns: i128,
    last_sequence: u64,
}

impl Places {
    fn new(clock: Clock) -> Self {
        Self {
            clock,
            now_ns: 0,
            apart_ns: 0,
            last_sequence: 0,
        }
    }

    fn synchronise(&mut self) {
        let ask = || {
            let before = self.clock.now_ns();
            let system_ns = since_epoch_ns(SystemTime::now());
            let after = self.clock.now_ns();
            (
                after - before,
                after,
                system_ns - i128::from(before.midpoint(after)),
            )
        };
        // Another thread may run in between; the quickest answer is the truest.
        let (_, now_ns, apart_ns) = [ask(), ask(), ask()].into_iter().min().unwrap_or_else(ask);
        self.now_ns = self.now_ns.max(now_ns);
        self.apart_ns = apart_ns;
    }

    /// Sequence and time of what happened then.
    fn place(&mut self, time: SystemTime) -> (u64, u64, Instant) {
        let time_ns = u64::try_from(since_epoch_ns(time) - self.apart_ns)
            .unwrap_or(0)
            .min(self.now_ns);
        let sequence = (time_ns | 1).max(self.last_sequence + 2);
        self.last_sequence = sequence;
        (sequence, time_ns, self.clock.instant(time_ns))
    }
}

fn since_epoch_ns(time: SystemTime) -> i128 {
    let ns = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => ns(after),
        Err(before) => -ns(before.duration()),
    }
}
