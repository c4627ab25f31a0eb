//! A session that watches a lesson and opens nothing: all it sees, programs outside have done.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;
use wire::{Action, Progress, Seen};
use wirebook::capture::Capture;
use wirebook::gateway::limits::Limits;
use wirebook::gateway::{Config, Gateway, LessonPorts, SiteSource};
use wirebook_tests::gateway::TestGateway;
use wirebook_tests::session::{Session, transcript};

/// Watches one lesson.
pub(crate) struct Observer {
    session: Session,
    address: SocketAddr,
    // Ends with its observer, unless it is shared.
    _gateway: Option<TestGateway>,
}

/// A gateway on the ports that tutorials name.
pub(crate) struct OnDefaultPorts {
    gateway: Gateway,
    _folder: TempDir,
}

impl OnDefaultPorts {
    pub(crate) async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let site = folder.path().join("site");
        std::fs::create_dir(&site)?;
        let gateway = Gateway::start(Config {
            port: 0,
            lesson_ports: LessonPorts::Default,
            state_dir: folder.path().join("state"),
            site: SiteSource::Folder(site),
            capture: Capture::missing("not asked for"),
            author: false,
            limits: Limits::default(),
        })
        .await?;
        Ok(Self {
            gateway,
            _folder: folder,
        })
    }

    /// Watches one lesson of it.
    pub(crate) async fn watch(&self, lesson: &str) -> Result<Observer> {
        let link = self.gateway.link();
        let (_, token) = link.split_once("#token=").context("a link has a token")?;
        let session = Session::begin(self.gateway.address(), token).await?;
        Observer::begin(session, lesson, None).await
    }
}

impl Observer {
    /// Watches `lesson` at a gateway of its own.
    pub(crate) async fn of(lesson: &str) -> Result<Self> {
        let gateway = TestGateway::start().await?;
        let session = gateway.session().await?;
        Self::begin(session, lesson, Some(gateway)).await
    }

    async fn begin(
        mut session: Session,
        lesson: &str,
        gateway: Option<TestGateway>,
    ) -> Result<Self> {
        session.watch(lesson).await?;
        let mut servers = session.welcome().servers.iter();
        let address = servers
            .find(|server| server.lesson == lesson)
            .and_then(|server| server.address.ip())
            .with_context(|| format!("no server for {lesson}"))?;
        Ok(Self {
            session,
            address,
            _gateway: gateway,
        })
    }

    /// Where the server of the lesson listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until all of this was observed, in this order since the beginning.
    pub(crate) async fn sees(&mut self, phrases: &[&str]) -> Result<()> {
        let steps = phrases
            .iter()
            .map(|phrase| phrase.parse())
            .collect::<Result<Vec<Seen>, _>>()?;
        self.session
            .when(|session| {
                let mut progress = Progress::new(steps.iter().cloned(), 0);
                for event in session.events() {
                    progress.observe(&event);
                }
                progress.is_complete().then_some(())
            })
            .await
            .with_context(|| format!("it should see {phrases:#?}"))
    }

    /// Whether a client was named by this address.
    pub(crate) fn has_seen(&self, address: SocketAddr) -> Result<()> {
        ensure!(
            self.clients().contains(&address),
            "no client {address} in\n{}",
            transcript(&self.session.events())
        );
        Ok(())
    }

    /// Whether any client was named by an address.
    pub(crate) fn has_seen_an_outside_client(&self) -> Result<()> {
        let clients = self.clients();
        ensure!(!clients.is_empty(), "no client was named");
        ensure!(
            clients
                .iter()
                .all(|client| client.ip().is_loopback() && client.port() != 0),
            "not addresses of this machine: {clients:?}"
        );
        Ok(())
    }

    fn clients(&self) -> Vec<SocketAddr> {
        let events = self.session.events();
        events
            .iter()
            .filter_map(|event| match &event.action {
                Action::Accept { peer } | Action::Receive { peer, .. } => peer.ip(),
                _ => None,
            })
            .collect()
    }
}
