//! The programs of a host, each a future that is polled whenever something may have changed.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Waker};

use crate::net::{self, Shared};

/// A program, or a part of one that runs beside the others.
pub(crate) type Program = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// The programs of one host.
#[derive(Default)]
pub(crate) struct Tasks {
    /// In the order of their beginning, with their numbers.
    running: Vec<(u64, Program)>,
    /// Those that began while others were polled.
    begun: Vec<Program>,
    count: u64,
    current: Option<u64>,
}

impl Tasks {
    /// The number of the one that is polled now.
    pub(crate) fn current(&self) -> Option<u64> {
        self.current
    }

    /// The number of the one that begins next.
    pub(crate) fn next(&self) -> u64 {
        self.count + 1
    }

    /// Another one runs from now on.
    pub(crate) fn begin(&mut self, program: Program) {
        self.begun.push(program);
    }
}

/// Lets every program run until it must wait.
pub(crate) fn run(host: &Shared) {
    // Programs use the host while they run.
    let mut waiting = std::mem::take(&mut host.borrow_mut().tasks.running);
    let mut running = Vec::with_capacity(waiting.len());
    let mut context = Context::from_waker(Waker::noop());
    loop {
        for (number, mut program) in waiting {
            host.borrow_mut().tasks.current = Some(number);
            let poll = net::within(host, || program.as_mut().poll(&mut context));
            // A program that ends takes its sockets with it; what failed has been told.
            match poll.is_pending() {
                true => running.push((number, program)),
                false => drop(program),
            }
            host.borrow_mut().tasks.current = None;
        }
        let tasks = &mut host.borrow_mut().tasks;
        let begun = std::mem::take(&mut tasks.begun);
        if begun.is_empty() {
            tasks.running = running;
            return;
        }
        waiting = begun
            .into_iter()
            .map(|program| {
                tasks.count += 1;
                (tasks.count, program)
            })
            .collect();
    }
}
