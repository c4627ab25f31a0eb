//! What a reader does and sees.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use thirtyfour::{Key, WebDriver};

use super::chromium::Chromium;
use super::lab::LabOnPage;
use super::program::Program;

/// How long the page may take to show what it should.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long axe-core may look at one page.
const AXE_PATIENCE: Duration = Duration::from_secs(120);

/// Finds things by the names a person goes by, and waits for changes of the page.
const HELPERS: &str = include_str!("reader.js");

/// Somebody with a browser.
pub struct Reader {
    chromium: Chromium,
    origin: String,
    fragment: String,
}

/// mdBook's themes that the book is designed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// The default.
    Light,
    /// The preferred dark theme.
    Dark,
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "navy",
        }
    }
}

impl Reader {
    /// A reader of `program` whose window is `width` pixels wide.
    pub async fn new(program: &Program, width: u32) -> Result<Self> {
        Self::with_arguments(program, width, &[]).await
    }

    /// The same with further arguments for Chromium.
    pub async fn with_arguments(program: &Program, width: u32, arguments: &[&str]) -> Result<Self> {
        Self::begin(program.origin(), program.fragment(), width, arguments).await
    }

    /// A reader of a book that no gateway serves.
    pub async fn at(origin: &str, width: u32) -> Result<Self> {
        Self::begin(origin, "", width, &[]).await
    }

    async fn begin(origin: &str, fragment: &str, width: u32, arguments: &[&str]) -> Result<Self> {
        // Headless Chromium has no windows narrower than 500 px, but it can pretend to be a phone's.
        let chromium = Chromium::start(width.max(500), 900, arguments).await?;
        chromium.driver.set_script_timeout(PATIENCE).await?;
        if width < 500 {
            emulate_width(&chromium.driver, width).await?;
        }
        Ok(Self {
            chromium,
            origin: origin.to_owned(),
            fragment: fragment.to_owned(),
        })
    }

    /// The WebDriver session, for what the verbs here do not cover.
    pub fn driver(&self) -> &WebDriver {
        &self.chromium.driver
    }

    /// Opens a page with the link's token, e.g. `tcp-ok.html`.
    pub async fn open(&self, page: &str) -> Result<()> {
        self.goto(&format!("{}/{page}{}", self.origin, self.fragment))
            .await
    }

    /// Opens a page without the token.
    pub async fn open_without_token(&self, page: &str) -> Result<()> {
        self.goto(&format!("{}/{page}", self.origin)).await
    }

    /// Opens any address.
    pub async fn goto(&self, address: &str) -> Result<()> {
        // A change of the fragment alone would not load the page.
        self.driver().goto("about:blank").await?;
        self.driver().goto(address).await?;
        Ok(())
    }

    /// Loads the page again.
    pub async fn reload(&self) -> Result<()> {
        self.driver().refresh().await?;
        Ok(())
    }

    /// Chooses a theme as mdBook's menu does, and loads the page again.
    pub async fn choose(&self, theme: Theme) -> Result<()> {
        self.run(
            "localStorage.setItem('mdbook-theme', argument); return true",
            json!(theme.name()),
        )
        .await?;
        self.reload().await?;
        self.wait(
            "the theme",
            "document.documentElement.classList.contains(argument)",
            json!(theme.name()),
        )
        .await?;
        Ok(())
    }

    /// The names of the labs on this page, in order.
    pub async fn labs(&self) -> Result<Vec<LabOnPage<'_>>> {
        let names = self
            .run(
                "return [...document.querySelectorAll('[data-lab]')].map(lab => lab.dataset.lab)",
                Value::Null,
            )
            .await?;
        let names: Vec<String> = serde_json::from_value(names)?;
        Ok(names.into_iter().map(|name| self.lab(name)).collect())
    }

    /// The lab of this lesson on this page.
    pub fn lab(&self, name: impl Into<String>) -> LabOnPage<'_> {
        LabOnPage {
            reader: self,
            name: name.into(),
        }
    }

    /// Every page that the sidebar leads to.
    pub async fn pages(&self) -> Result<Vec<String>> {
        let pages = self
            .wait(
                "links in the sidebar",
                "(() => { const links = [...document.querySelectorAll('#mdbook-sidebar a[href], nav.sidebar a[href]')]
                     .map(link => new URL(link.href).pathname.slice(1)).filter(page => page.endsWith('.html'));
                   return links.length ? [...new Set(links)] : null })()",
                Value::Null,
            )
            .await?;
        Ok(serde_json::from_value(pages)?)
    }

    /// Types keys to whatever has the focus.
    pub async fn press(&self, keys: impl AsRef<str>) -> Result<()> {
        self.driver()
            .action_chain()
            .send_keys(keys.as_ref())
            .perform()
            .await?;
        Ok(())
    }

    /// Moves the focus on with the Tab key until `name`, or a row of the list `name`, has it.
    pub async fn tab_to(&self, lab: &str, name: &str) -> Result<()> {
        for _ in 0..400 {
            self.press(Key::Tab.value().to_string()).await?;
            let focused = self
                .run(
                    "const focused = document.activeElement;
                     const lab = focused?.closest('[data-lab]')?.dataset.lab;
                     return lab === argument[0] && [focused, focused.closest('ol, ul, [role=list]')]
                       .some(element => element && nameOf(element) === argument[1])",
                    json!([lab, name]),
                )
                .await?;
            if focused == json!(true) {
                return Ok(());
            }
        }
        bail!("{name} of the lab {lab} cannot be reached with the Tab key");
    }

    /// What the console has said since it was last asked, but for plain information.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        let entries = self.driver().get_log("browser").await?;
        Ok(entries
            .into_iter()
            .filter(|entry| matches!(entry.level.as_str(), "SEVERE" | "WARNING"))
            .map(|entry| entry.message)
            .collect())
    }

    /// What axe-core finds wrong on this page, a line each.
    pub async fn accessibility_violations(&self) -> Result<Vec<String>> {
        let path = std::env::var_os("WIREBOOK_AXE").unwrap_or_else(|| {
            concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../target/peers/node_modules/axe-core/axe.min.js"
            )
            .into()
        });
        let axe = std::fs::read_to_string(Path::new(&path))
            .with_context(|| format!("reading axe-core from {}", Path::new(&path).display()))?;
        self.driver().execute(axe, Vec::new()).await?;
        // Looking at every element of a long page takes a while.
        self.driver().set_script_timeout(AXE_PATIENCE).await?;
        let found = self
            .driver()
            .execute_async(
                "const done = arguments[0];
                 axe.run(document, { resultTypes: ['violations'] }).then(
                   result => done(result.violations.flatMap(violation => violation.nodes.map(node =>
                     `${violation.id}: ${node.target.join(' ')}: ${node.failureSummary.replaceAll('\\n', ' ')}`))),
                   error => done([`axe failed: ${error}`]))",
                Vec::new(),
            )
            .await?;
        self.driver().set_script_timeout(PATIENCE).await?;
        Ok(serde_json::from_value(found.json().clone())?)
    }

    /// How many pixels the page is wider than its window.
    pub async fn overflow(&self) -> Result<i64> {
        let overflow = self
            .run(
                "const root = document.documentElement; return root.scrollWidth - root.clientWidth",
                Value::Null,
            )
            .await?;
        overflow.as_i64().context("a number of pixels")
    }

    /// Runs a function body in the page, with the helpers and `argument` in scope.
    pub async fn run(&self, body: &str, argument: Value) -> Result<Value> {
        let script = format!("{HELPERS}\nconst argument = arguments[0];\n{body}");
        let returned = self.driver().execute(script, vec![argument]).await?;
        Ok(returned.json().clone())
    }

    /// What comes of everything that the open page can try on the server at `target`: reading,
    /// embedding, framing, a session. `image` and `script` are paths of things that are there.
    pub async fn attempts(&self, target: &str, image: &str, script: &str) -> Result<Value> {
        const ATTEMPTS: &str = include_str!("attempts.js");
        let tried = format!("{ATTEMPTS}\nattempts(...arguments);");
        let arguments: Vec<Value> = [target, image, script].map(Value::from).into();
        let outcome = self.driver().execute_async(tried, arguments).await?;
        Ok(outcome.json().clone())
    }

    /// Waits until `expression` is true in the page, and returns its value.
    pub async fn wait(&self, what: &str, expression: &str, argument: Value) -> Result<Value> {
        let script = format!(
            "{HELPERS}\nconst argument = arguments[0];\n\
             whenever(() => ({expression}), arguments[arguments.length - 1]);"
        );
        let mut asked = self
            .driver()
            .execute_async(script.clone(), vec![argument.clone()])
            .await;
        // A page that loads itself anew takes the question with it: ask the new one.
        while asked
            .as_ref()
            .is_err_and(|error| error.to_string().contains("document unloaded"))
        {
            asked = self
                .driver()
                .execute_async(script.clone(), vec![argument.clone()])
                .await;
        }
        match asked {
            Ok(returned) => Ok(returned.json().clone()),
            Err(error) => {
                let shown = self
                    .run(
                        "return document.querySelector('main')?.innerText ?? ''",
                        Value::Null,
                    )
                    .await
                    .unwrap_or_default();
                let complaints = self.complaints().await.unwrap_or_default();
                bail!(
                    "the page never showed {what}: {error}\nconsole: {complaints:?}\nit shows:\n{}",
                    shown.as_str().unwrap_or_default()
                )
            }
        }
    }

    /// Ends the browser; without this it ends when the value is dropped, less gently.
    pub async fn leave(self) -> Result<()> {
        self.chromium.driver.quit().await?;
        Ok(())
    }
}

async fn emulate_width(driver: &WebDriver, width: u32) -> Result<()> {
    let metrics = json!({
        "width": width, "height": 844, "deviceScaleFactor": 1, "mobile": false,
    });
    driver
        .cdp()
        .send_raw("Emulation.setDeviceMetricsOverride", metrics)
        .await?;
    Ok(())
}
