//! A reader with a real browser: Chromium, driven through WebDriver, on the real program.
//!
//! [`Program`] is `wirebook serve` as a person would start it; [`Reader`] opens chapters of it and
//! does what readers do, by the names that a person or a screen reader would go by.
//! Nothing here sleeps: a [`Reader`] waits for changes of the page itself.

mod chromium;
mod elsewhere;
mod host;
mod lab;
mod program;
mod reader;
mod site;
mod stories;

pub use elsewhere::Elsewhere;
pub use host::{Scripts, StaticHost};
pub use lab::LabOnPage;
pub use program::{Program, binary};
pub use reader::{Reader, Theme};
pub use site::Site;
pub use stories::{NARROW, WIDE, captured, hosted, live};

/// Whether browser tests can run. Without the tools they need this says so, or fails under `CI`.
pub fn available() -> bool {
    crate::requirements::met("browser")
}
