//! What a client still has to write, and how it is cut.

use std::collections::VecDeque;
use std::io;

use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use wire::slicer::Slicer;

use super::stream::Writer;
use super::{Command, Held, later};
use crate::gateway::limits::{SLICER_GATHER_TIME, SLICER_PAUSE};

/// What waits for its turn to be written.
#[derive(Default)]
pub(super) struct Writes {
    waiting: VecDeque<Held>,
    /// How much of the first one is written.
    written: usize,
    knife: Option<Knife>,
}

/// The slicer at work.
struct Knife {
    slicer: Slicer,
    /// What is left of the piece in hand.
    piece: usize,
    /// Not before this is the next piece written.
    not_before: Instant,
}

impl Writes {
    pub(super) fn push(&mut self, held: Held) {
        if let Some(knife) = &mut self.knife
            && self.waiting.is_empty()
        {
            // What is said together is cut together.
            knife.not_before = knife.not_before.max(later(SLICER_GATHER_TIME));
        }
        self.waiting.push_back(held);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// From now on what is written is cut with this seed, or as it was said.
    pub(super) fn slice(&mut self, seed: Option<u64>) {
        self.knife = seed.map(|seed| Knife {
            slicer: Slicer::new(seed),
            piece: 0,
            not_before: Instant::now(),
        });
    }

    /// Makes one system call for the first in line. Nothing is lost when this is dropped.
    pub(super) async fn advance(&mut self, half: &mut impl Writer) -> io::Result<()> {
        if let Some(knife) = &self.knife {
            tokio::time::sleep_until(knife.not_before).await;
        }
        let Some(Command::Send(first)) = self.waiting.front().map(|held| &held.command) else {
            if !self.waiting.is_empty() {
                half.shutdown().await?;
                self.forget_first();
            }
            return Ok(());
        };
        let written = match &mut self.knife {
            None => half.write(&first[self.written..]).await?,
            Some(knife) => {
                let said = said(&self.waiting, self.written);
                let waiting = said.clone().map(<[u8]>::len).sum();
                let piece = knife.cut(said, waiting);
                let written = half.write(&piece).await?;
                knife.piece -= written;
                knife.not_before = later(SLICER_PAUSE);
                written
            }
        };
        self.forget(written);
        Ok(())
    }

    /// Gives up the first in line.
    pub(super) fn forget_first(&mut self) {
        self.waiting.pop_front();
        self.written = 0;
    }

    /// Takes `count` written bytes from the front.
    fn forget(&mut self, count: usize) {
        self.written += count;
        while let Some(Command::Send(first)) = self.waiting.front().map(|held| &held.command)
            && self.written >= first.len()
        {
            self.written -= first.len();
            self.waiting.pop_front();
        }
    }
}

/// All that is to be sent before anything else is done, less what is written of the first.
fn said(waiting: &VecDeque<Held>, written: usize) -> impl Iterator<Item = &[u8]> + Clone {
    waiting
        .iter()
        .map_while(|held| match &held.command {
            Command::Send(bytes) => Some(bytes.as_slice()),
            _ => None,
        })
        .enumerate()
        .map(move |(index, bytes)| match index {
            0 => &bytes[written.min(bytes.len())..],
            _ => bytes,
        })
}

impl Knife {
    /// The next piece of what was said.
    fn cut<'a>(&mut self, said: impl Iterator<Item = &'a [u8]>, waiting: usize) -> Vec<u8> {
        if self.piece == 0 {
            self.piece = self.slicer.next_length(waiting);
        }
        self.piece = self.piece.min(waiting);
        let mut piece = Vec::with_capacity(self.piece);
        for bytes in said {
            let missing = self.piece - piece.len();
            piece.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        }
        piece
    }
}
