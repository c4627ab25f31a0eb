//! A time limit that is moved on with everything that happens.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::ready;

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

pin_project! {
    /// Rings at a time that may be moved as often as one likes: to move it on costs nothing, where
    /// tokio's timers would be taken out of their wheel and put in again for every message.
    pub(super) struct Alarm {
        at: Instant,
        #[pin]
        sleep: Sleep,
    }
}

impl Alarm {
    /// One that rings at that time.
    pub(super) fn at(at: Instant) -> Self {
        Self {
            at,
            sleep: sleep_until(at),
        }
    }

    /// Moves it.
    pub(super) fn set(self: Pin<&mut Self>, at: Instant) {
        let mut this = self.project();
        *this.at = at;
        // A sleep that ends too early goes on; one that would end too late must not.
        if at < this.sleep.deadline() {
            this.sleep.as_mut().reset(at);
        }
    }

    /// Waits until it is time.
    pub(super) async fn rings(mut self: Pin<&mut Self>) {
        poll_fn(|context| {
            let mut this = self.as_mut().project();
            loop {
                ready!(this.sleep.as_mut().poll(context));
                if *this.at <= this.sleep.deadline() {
                    return std::task::Poll::Ready(());
                }
                this.sleep.as_mut().reset(*this.at);
            }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_rings_when_it_was_set_last() {
        let start = Instant::now();
        let seconds = Duration::from_secs;
        let mut alarm = pin!(Alarm::at(start + seconds(10)));
        alarm.as_mut().set(start + seconds(12));
        alarm.as_mut().set(start + seconds(25));
        alarm.as_mut().rings().await;
        assert_eq!(start.elapsed(), seconds(25));

        alarm.as_mut().set(start + seconds(60));
        alarm.as_mut().set(start + seconds(40));
        alarm.as_mut().rings().await;
        assert_eq!(start.elapsed(), seconds(40));

        // As often as it is asked, until it is set anew.
        alarm.as_mut().rings().await;
        assert_eq!(start.elapsed(), seconds(40));
    }
}
