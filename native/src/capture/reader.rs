//! The thread that reads packets while somebody looks.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
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
    state: watch::Receiver<State>,
}

/// What the thread should do.
#[derive(Default)]
struct Wish {
    lookers: AtomicUsize,
    /// How often somebody began to look.
    looks: AtomicU64,
    ends: AtomicBool,
}

/// What the thread does.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct State {
    is_running: bool,
    /// Who looks since as many looks or fewer is heard. One who comes while the thread is about to
    /// pause for want of lookers would otherwise take it for running.
    looks: u64,
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
        let (told, state) = watch::channel(State::default());
        let thread = Thread {
            source: Arc::clone(&source),
            wish: Arc::clone(&wish),
            told,
            places: Places::new(clock),
        };
        thread::Builder::new()
            .name("packets".to_owned())
            .spawn(move || thread.run(take))?;
        Ok(Self(Arc::new(Inner {
            source,
            wish,
            state,
        })))
    }

    /// Begins to look. Every packet after this is read, until the result is dropped.
    pub async fn look(&self) -> Looker {
        self.0.wish.lookers.fetch_add(1, Ordering::SeqCst);
        let looker = Looker(Arc::downgrade(&self.0));
        let look = self.0.wish.looks.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.source.wake();
        let mut state = self.0.state.clone();
        // An error means that the thread has ended: then nothing will come.
        let _ = state
            .wait_for(|state| state.is_running && state.looks >= look)
            .await;
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
    told: watch::Sender<State>,
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
        // In this order: who has looked before is counted.
        let looks = self.wish.looks.load(Ordering::SeqCst);
        let is_wanted = self.wish.lookers.load(Ordering::SeqCst) > 0;
        let state = *self.told.borrow();
        if is_wanted != state.is_running {
            match is_wanted {
                true => self.source.resume()?,
                false => self.source.pause()?,
            }
        }
        let is_running = is_wanted;
        let now = State { is_running, looks };
        if now != state {
            self.told.send_replace(now);
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

/// A system's clock that differs by more has been set; by less it is only being corrected.
const SET_NS: i128 = 100_000_000;

/// Turns the system's clock into the gateway's. The system's may be set at any time, so how far
/// they are apart is asked again for every batch.
struct Places {
    clock: Clock,
    now_ns: u64,
    /// The system's clock less the gateway's.
    apart_ns: i128,
    /// The same before the system's clock was last set.
    apart_before_ns: i128,
    last_sequence: u64,
}

impl Places {
    fn new(clock: Clock) -> Self {
        Self {
            clock,
            now_ns: 0,
            apart_ns: 0,
            apart_before_ns: 0,
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
        self.found(now_ns, apart_ns);
    }

    /// Takes note of how far the clocks are apart now.
    fn found(&mut self, now_ns: u64, apart_ns: i128) {
        self.now_ns = self.now_ns.max(now_ns);
        if (apart_ns - self.apart_ns).abs() > SET_NS {
            self.apart_before_ns = self.apart_ns;
        }
        self.apart_ns = apart_ns;
    }

    /// Sequence and time of what happened then.
    fn place(&mut self, time: SystemTime) -> (u64, u64, Instant) {
        let system_ns = since_epoch_ns(time);
        // A packet may have been stamped before the system's clock was set. It is read soon after
        // it came: of the two moments that it may mean, it is the later that is not to come.
        let not_to_come = |ns: &i128| *ns <= i128::from(self.now_ns) + SET_NS;
        let time_ns = [self.apart_ns, self.apart_before_ns]
            .map(|apart_ns| system_ns - apart_ns)
            .into_iter()
            .filter(not_to_come)
            .max()
            .map_or(self.now_ns, |ns| u64::try_from(ns).unwrap_or(0))
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::sync::{Condvar, Mutex};

    use super::*;
    use crate::capture::{Captured, Endpoint};

    const SECOND: i128 = 1_000_000_000;
    const HOUR: i128 = 3_600 * SECOND;

    /// Of a system whose clock shows so much more than the gateway's.
    fn places(apart_ns: i128) -> Places {
        let mut places = Places::new(Clock::new());
        places.found(0, apart_ns);
        places
    }

    fn system(ns: i128) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_nanos(u64::try_from(ns).unwrap())
    }

    #[test]
    fn a_packet_keeps_its_time_when_the_clock_is_set() {
        let apart = 1_000_000 * HOUR;
        for set in [HOUR, -HOUR, 400 * HOUR, SECOND] {
            let mut places = places(apart);
            let at = |ns: u64| i128::from(ns) + apart;
            places.found(20_000_000_000, apart);
            assert_eq!(places.place(system(at(19_999_000_000))).1, 19_999_000_000);

            // One that came before the clock was set is read together with one that came after.
            places.found(30_000_000_000, apart + set);
            let before = places.place(system(at(29_998_000_000)));
            let after = places.place(system(at(29_999_000_000) + set));
            assert_eq!(before.1, 29_998_000_000, "set by {set}");
            assert_eq!(after.1, 29_999_000_000, "set by {set}");
            assert!(before.0 < after.0);
            // And one is left over, also when the clocks are compared again.
            places.found(30_000_100_000, apart + set + 50);
            assert_eq!(places.place(system(at(30_000_000_000))).1, 30_000_000_000);
            let last = system(at(30_000_050_000) + set + 50);
            assert_eq!(places.place(last).1, 30_000_050_000);
        }
    }

    #[test]
    fn no_packet_comes_before_the_start_or_after_now() {
        let mut places = places(HOUR);
        places.found(1_000, HOUR);
        assert_eq!(places.place(system(0)).1, 0);
        assert_eq!(places.place(system(HOUR + 2_000)).1, 1_000);
        assert_eq!(places.place(system(9 * HOUR)).1, 1_000);
    }

    /// A source that is held in the middle of pausing.
    struct Slow {
        woken: Mutex<bool>,
        wake: Condvar,
        is_resumed: AtomicBool,
        pausing: mpsc::SyncSender<()>,
        go_on: Mutex<mpsc::Receiver<()>>,
    }

    impl Source for Slow {
        fn admit(&self, _: &[Endpoint]) -> io::Result<()> {
            Ok(())
        }
        fn resume(&self) -> io::Result<()> {
            self.is_resumed.store(true, Ordering::SeqCst);
            Ok(())
        }
        fn pause(&self) -> io::Result<()> {
            // Both ends are the test's; without it there is nothing to wait for.
            let _ = self.pausing.send(());
            let _ = self.go_on.lock().unwrap().recv();
            self.is_resumed.store(false, Ordering::SeqCst);
            Ok(())
        }
        fn wait(&self) -> io::Result<()> {
            let woken = self.woken.lock().unwrap();
            *self.wake.wait_while(woken, |woken| !*woken).unwrap() = false;
            Ok(())
        }
        fn wake(&self) {
            *self.woken.lock().unwrap() = true;
            self.wake.notify_all();
        }
        fn read(&self, _: &mut dyn FnMut(Captured<'_>)) -> io::Result<bool> {
            Ok(false)
        }
        fn lost(&self) -> io::Result<u64> {
            Ok(0)
        }
    }

    #[tokio::test]
    async fn who_looks_again_at_once_sees_every_packet() {
        let (pausing, is_pausing) = mpsc::sync_channel(1);
        let (go, go_on) = mpsc::channel();
        let source = Arc::new(Slow {
            woken: Mutex::new(false),
            wake: Condvar::new(),
            is_resumed: AtomicBool::new(false),
            pausing,
            go_on: Mutex::new(go_on),
        });
        let reader = Reader::start(Arc::clone(&source) as _, Clock::new(), |_| {}).unwrap();
        let first = reader.look().await;
        assert!(source.is_resumed.load(Ordering::SeqCst));

        drop(first);
        is_pausing.recv().unwrap();
        // The thread has found nobody, and has not yet said so.
        let mut second = std::pin::pin!(reader.look());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let is_ready = second.as_mut().poll(&mut context).is_ready();
        assert!(
            !is_ready,
            "it would miss what comes before the thread resumes"
        );
        go.send(()).unwrap();
        let _second = second.await;
        assert!(source.is_resumed.load(Ordering::SeqCst));
        drop(go);
    }
}
