//! The simulator, as its worker drives it.

use std::time::Duration;

use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;
use wire::session::Time;
use wire::{ToGateway, ToPage};

/// A simulated network that is said frames of [`ToGateway`] and answers with frames of [`ToPage`].
#[wasm_bindgen]
pub struct Simulator {
    inner: wirebook_sim::Simulator,
    /// Whether anything was done: before that there is nothing to wait for.
    has_begun: bool,
    is_running: bool,
    permille: u32,
}

#[wasm_bindgen]
impl Simulator {
    /// A network with this link: [`wire::NetworkSettings`].
    #[wasm_bindgen(constructor)]
    pub fn new(network: &[u8]) -> Result<Simulator, JsError> {
        Ok(Self {
            inner: wirebook_sim::Simulator::new(postcard::from_bytes(network)?),
            has_begun: false,
            is_running: true,
            permille: 1_000,
        })
    }

    /// Hands it a frame; what comes of it at once.
    pub fn say(&mut self, frame: &[u8]) -> Result<Vec<u8>, JsError> {
        let mut answer = Vec::new();
        for message in ToGateway::decode(frame)? {
            match message {
                ToGateway::Open { .. } => self.has_begun = true,
                ToGateway::Time(Time::Restart) => self.has_begun = false,
                _ => {}
            }
            let told = self.inner.say(message);
            self.tell(told, &mut answer);
        }
        Ok(answer)
    }

    /// Lets so many milliseconds of the reader's time pass.
    ///
    /// The clock stands still until a first connection is asked for. While no packet is under way there is nothing to look at: time then passes at least as fast
    /// as the reader's, up to the next thing that happens.
    pub fn run(&mut self, ms: f64) -> Vec<u8> {
        if !self.has_begun {
            return Vec::new();
        }
        let mut real = Duration::from_secs_f64(ms.clamp(0.0, 1_000.0) / 1_000.0);
        if self.permille < 1_000 && !self.inner.has_flights() {
            let next = self.inner.next_ns();
            let left = next.map(|next| next.saturating_sub(self.inner.now_ns()));
            let left = left.map_or(real, Duration::from_nanos);
            real = real.min(left) * 1_000 / self.permille.max(1);
        }
        let told = self.inner.run(real);
        let mut answer = Vec::new();
        self.tell(told, &mut answer);
        answer
    }

    /// Whether time passes.
    #[wasm_bindgen(getter)]
    pub fn is_running(&self) -> bool {
        self.is_running
    }

    /// Whether packets are under way.
    #[wasm_bindgen(getter)]
    pub fn is_busy(&self) -> bool {
        self.inner.has_flights()
    }

    fn tell(&mut self, messages: Vec<ToPage>, answer: &mut Vec<u8>) {
        for message in messages {
            if let ToPage::Now(now) = &message {
                (self.is_running, self.permille) = (now.is_running, now.permille);
            }
            message.encode(answer);
        }
    }
}
