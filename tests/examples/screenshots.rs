//! Takes a picture of every chapter, with its labs played, at both widths in both themes:
//! `cargo run -p wirebook-tests --example screenshots -- FOLDER` after `cargo lab build`.
//! For looking at; nothing here judges.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use wirebook_tests::browser::{Program, Reader, Theme};

/// A taller picture is cut: it would not be looked at.
const MAX_HEIGHT: u64 = 8_000;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let folder: PathBuf = arguments
        .next()
        .context("say where the pictures go")?
        .into();
    let only = arguments.next().and_then(|only| only.into_string().ok());
    std::fs::create_dir_all(&folder)?;
    let state = tempfile::tempdir()?;
    let program = Program::start(state.path()).await?;
    for width in [1280, 390] {
        for (theme, name) in [(Theme::Light, "light"), (Theme::Dark, "dark")] {
            let reader = Reader::new(&program, width).await?;
            reader.open("").await?;
            reader.choose(theme).await?;
            for page in reader.pages().await? {
                if only
                    .as_ref()
                    .is_some_and(|only| !page.contains(only.as_str()))
                {
                    continue;
                }
                reader.open(&page).await?;
                for lab in reader.labs().await? {
                    lab.is_ready().await?;
                    lab.follow_all_steps().await?;
                }
                let file = folder.join(format!(
                    "{}-{width}-{name}.png",
                    page.trim_end_matches(".html")
                ));
                std::fs::write(&file, picture(&reader, width).await?)?;
                println!("{}", file.display());
            }
            reader.leave().await?;
        }
    }
    Ok(())
}

/// The whole page, as tall as it is.
async fn picture(reader: &Reader, width: u32) -> Result<Vec<u8>> {
    let height = reader
        .run("return document.documentElement.scrollHeight", Value::Null)
        .await?;
    let height = height.as_u64().context("a height")?.min(MAX_HEIGHT);
    let metrics = |height: u64| json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
    let cdp = reader.driver().cdp();
    cdp.send_raw("Emulation.setDeviceMetricsOverride", metrics(height))
        .await?;
    let picture = reader.driver().screenshot_as_png().await;
    cdp.send_raw("Emulation.setDeviceMetricsOverride", metrics(900))
        .await?;
    Ok(picture?)
}
