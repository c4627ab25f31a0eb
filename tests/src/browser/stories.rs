//! What a browser test begins with, and what every page has to fulfil.

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{LabOnPage, Program, Reader, Scripts, StaticHost, available};
use crate::requirements;

/// The width of a phone, in CSS pixels.
pub const NARROW: u32 = 390;
/// The width of a laptop.
pub const WIDE: u32 = 1280;

/// Runs a story with a gateway of its own, if there is a browser.
pub async fn live<F>(width: u32, story: F) -> Result<()>
where
    F: AsyncFnOnce(&mut Program, &Reader) -> Result<()>,
{
    if !available() {
        return Ok(());
    }
    let state = tempfile::tempdir()?;
    let mut program = Program::start(state.path()).await?;
    let reader = Reader::new(&program, width).await?;
    let told = story(&mut program, &reader).await;
    reader.leave().await?;
    told
}

/// The same with a gateway that captures packets, if this machine lets it.
pub async fn captured<F>(width: u32, story: F) -> Result<()>
where
    F: AsyncFnOnce(&mut Program, &Reader) -> Result<()>,
{
    if !requirements::can_capture() {
        return Ok(());
    }
    live(width, story).await
}

/// The same on a book that lies on a host of plain files, somewhere below its root.
pub async fn hosted<F>(width: u32, story: F) -> Result<()>
where
    F: AsyncFnOnce(&StaticHost, &Reader) -> Result<()>,
{
    if !available() {
        return Ok(());
    }
    let host = StaticHost::start("some/where", Scripts::Run).await?;
    let reader = Reader::at(&host.origin(), width).await?;
    let told = story(&host, &reader).await;
    reader.leave().await?;
    told
}

impl Reader {
    /// The browser's console says nothing.
    pub async fn has_no_complaints(&self) -> Result<()> {
        let complaints = self.complaints().await?;
        ensure!(complaints.is_empty(), "the console says: {complaints:#?}");
        Ok(())
    }

    /// axe finds nothing.
    pub async fn has_no_violations(&self) -> Result<()> {
        let violations = self.accessibility_violations().await?;
        ensure!(violations.is_empty(), "{}", violations.join("\n"));
        Ok(())
    }

    /// The page is not wider than its window.
    pub async fn has_room(&self) -> Result<()> {
        let overflow = self.overflow().await?;
        ensure!(overflow <= 0, "the page is {overflow} px too wide");
        Ok(())
    }
}

impl LabOnPage<'_> {
    /// What the lab puts on the clipboard when `button` is pressed.
    pub async fn copies(&self, reader: &Reader, button: &str) -> Result<String> {
        reader
            .run(
                "window.copied = null;
                 navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); };
                 return true",
                Value::Null,
            )
            .await?;
        self.click(button).await?;
        let text = reader.run("return window.copied", Value::Null).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }
}
