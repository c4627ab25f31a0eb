//! One Chromium and its driver, both ended with the value.

use std::net::TcpListener;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use thirtyfour::common::log::LoggingPrefsLogLevel;
use thirtyfour::{ChromiumLikeCapabilities, DesiredCapabilities, WebDriver};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A browser of its own, with an empty profile.
pub(super) struct Chromium {
    pub(super) driver: WebDriver,
    // Ending the driver ends the browser; both before the profile's folder goes.
    _chromedriver: Child,
    _profile: tempfile::TempDir,
}

impl Chromium {
    pub(super) async fn start(width: u32, height: u32, arguments: &[&str]) -> Result<Self> {
        let (chromedriver, port) = start_driver().await?;
        let profile = tempfile::tempdir()?;
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--force-prefers-reduced-motion",
            &format!("--window-size={width},{height}"),
            &format!("--user-data-dir={}", profile.path().display()),
        ] {
            capabilities.add_arg(argument)?;
        }
        for argument in arguments {
            capabilities.add_arg(argument)?;
        }
        capabilities.set_browser_log_level(LoggingPrefsLogLevel::All)?;
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await?;
        Ok(Self {
            driver,
            _chromedriver: chromedriver,
            _profile: profile,
        })
    }
}

/// How often the driver is started if it ends at once.
const TRIES: usize = 10;

/// Starts the driver on a free port. Left to itself it takes one of IPv6 and wants the same of IPv4,
/// which may be in use: so it is told one that just was free. If somebody else was quicker, it ends,
/// and another one is started.
async fn start_driver() -> Result<(Child, u16)> {
    for _ in 0..TRIES {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut chromedriver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting chromedriver")?;
        let stdout = chromedriver.stdout.take().context("stdout is piped")?;
        let mut lines = BufReader::new(stdout).lines();
        while let Some(line) = lines.next_line().await? {
            if line.contains("started successfully") {
                // Keep reading, so that it never waits for somebody who does.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok((chromedriver, port));
            }
        }
    }
    bail!("chromedriver ended before it told its port, {TRIES} times")
}
