//! What is attacked: a gateway in this process, or the real program.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::browser::Program;
use crate::gateway::{TestGateway, servers, until, write_site};
use crate::serving::Process;
use crate::session::Session;

/// How often in a row, 10 ms apart, a gateway must hold the same for nothing to be under way; enough
/// for a busy machine.
const QUIET_TURNS: usize = 60;

/// A running gateway.
pub(super) struct Target {
    gateway: Running,
    pub(super) address: SocketAddr,
    pub(super) token: String,
    servers: Vec<(String, SocketAddr)>,
}

enum Running {
    Here(TestGateway),
    Program { program: Program, _state: TempDir },
}

/// What a gateway has that could leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// Tasks of this process, sessions, connections.
    Tasks(usize, usize, usize),
    /// Descriptors of the program.
    Descriptors(usize),
}

impl Target {
    /// A gateway in this process, whose tasks can be counted.
    pub(super) async fn here() -> Result<Self> {
        let gateway = TestGateway::start_with(|limits| {
            // What is waited for comes sooner, and still late enough for a busy machine.
            limits.hello = Duration::from_secs(2);
            limits.http_head = Duration::from_secs(2);
            limits.write = Duration::from_secs(3);
        })
        .await?;
        let servers = gateway
            .servers()
            .iter()
            .filter_map(|server| Some((server.lesson.clone(), server.address.ip()?)));
        Ok(Self {
            address: gateway.address(),
            token: gateway.token()?,
            servers: servers.collect(),
            gateway: Running::Here(gateway),
        })
    }

    /// The program as a person starts it, whose descriptors can be counted.
    pub(super) async fn program() -> Result<Self> {
        let state = tempfile::tempdir()?;
        // The same small book as in this process, whatever the program has inside.
        let site = state.path().join("site");
        write_site(&site)?;
        let arguments = vec!["--site".into(), site.into()];
        let program = Program::start_with(state.path(), arguments).await?;
        let address = program.address()?;
        let token = program.token().to_owned();
        Ok(Self {
            servers: servers(address).await?,
            address,
            token,
            gateway: Running::Program {
                program,
                _state: state,
            },
        })
    }

    /// Where this lesson's server listens.
    pub(super) fn server(&self, lesson: &str) -> Result<SocketAddr> {
        let server = self.servers.iter().find(|(name, _)| name == lesson);
        let (_, address) = server.with_context(|| format!("no server for {lesson}"))?;
        Ok(*address)
    }

    /// A well-behaved page.
    pub(super) async fn session(&self) -> Result<Session> {
        Session::begin(self.address, &self.token).await
    }

    /// What it has now.
    pub(super) fn holds(&self) -> Result<Holds> {
        Ok(match &self.gateway {
            Running::Here(gateway) => {
                let tasks = tokio::runtime::Handle::current()
                    .metrics()
                    .num_alive_tasks();
                let (sessions, connections) = gateway.counts();
                Holds::Tasks(tasks, sessions, connections)
            }
            Running::Program { program, .. } => {
                let id = program.id().context("the program has ended")?;
                Holds::Descriptors(Process(id).descriptors()?)
            }
        })
    }

    /// What it has when nothing changes any more.
    pub(super) async fn settles(&self) -> Result<Holds> {
        let (mut before, mut quiet_turns) = (self.holds()?, 0);
        // What has started says so to nobody, and neither does what has ended.
        while quiet_turns < QUIET_TURNS {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let now = self.holds()?;
            quiet_turns = match now == before {
                true => quiet_turns + 1,
                false => 0,
            };
            before = now;
        }
        Ok(before)
    }

    /// Waits until it has no more than this, and no less.
    pub(super) async fn comes_back_to(&self, before: Holds) -> Result<()> {
        until(|| Ok(self.holds()? == before))
            .await
            .with_context(|| format!("it held {before:?} before, and now {:?}", self.holds()))
    }
}
