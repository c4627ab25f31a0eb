//! The corpus of hostile inputs: one file each in `tests/corpus`, with the outcome it must get.
//!
//! - [`input`]: what a file says;
//! - `play`: sends it, byte by byte, and listens;
//! - `speaker`: what is sent, part by part;
//! - `heard`: what came back, and whether it is what had to come;
//! - `bystander`: a page that does nothing wrong and must not notice;
//! - `target`: the gateway, and what it holds.

mod bystander;
mod heard;
pub mod input;
mod play;
mod raw;
mod speaker;
mod target;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;

use self::bystander::Bystander;
use self::input::{Input, To};
use self::target::{Holds, Target};

/// The folders whose files are played here.
pub const FOLDERS: [&str; 6] = ["addresses", "frames", "http", "peers", "session", "upgrade"];

/// Where the corpus is.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// Plays every file of a folder against one gateway in this process. After each one it must have
/// the tasks, sessions and connections it had before.
pub async fn play_folder(name: &str) -> Result<()> {
    play_all(&Target::here().await?, &files(name)?).await
}

/// Plays the whole corpus against the real program, the folders at once. In the end the program must
/// have the descriptors it had in the beginning.
pub async fn play_against_program() -> Result<()> {
    let target = Target::program().await?;
    let idle = target.settles().await?;
    let folders = FOLDERS.map(|name| {
        let target = &target;
        async move {
            let mut failures = Vec::new();
            for path in files(name)? {
                let played = play_beside_bystander(target, &path).await;
                failures.extend(played.err().map(|error| failure(&path, &error)));
            }
            ensure!(failures.is_empty(), "\n{}", failures.join("\n"));
            Ok(())
        }
    });
    try_join_all(folders).await?;
    target.comes_back_to(idle).await
}

fn files(name: &str) -> Result<Vec<PathBuf>> {
    let folder = folder().join(name);
    let mut files = std::fs::read_dir(&folder)
        .with_context(|| folder.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.sort();
    ensure!(!files.is_empty(), "{} is empty", folder.display());
    Ok(files)
}

async fn play_all(target: &Target, files: &[PathBuf]) -> Result<()> {
    let idle = target.settles().await?;
    let bystander = Bystander::at(target).await?;
    let attended = target.settles().await?;
    drop(bystander);
    target.comes_back_to(idle).await?;
    // Every file counts, so none ends it all.
    let mut failures = Vec::new();
    for path in files {
        let played = play_file(target, path, attended).await;
        failures.extend(played.err().map(|error| failure(path, &error)));
        let left = target.comes_back_to(idle).await;
        left.with_context(|| format!("what {} left behind", path.display()))?;
    }
    ensure!(failures.is_empty(), "\n{}", failures.join("\n"));
    Ok(())
}

fn failure(path: &Path, error: &anyhow::Error) -> String {
    let name = path.strip_prefix(folder()).unwrap_or(path).display();
    format!("{name}: {error:#}")
}

/// Plays one file; afterwards the gateway holds what it did when only the bystander was there.
async fn play_file(target: &Target, path: &Path, attended: Holds) -> Result<()> {
    let bystander = play_beside_bystander(target, path).await?;
    target.comes_back_to(attended).await?;
    drop(bystander);
    Ok(())
}

/// Plays one file, and gives back the bystander, who has not noticed.
async fn play_beside_bystander(target: &Target, path: &Path) -> Result<Bystander> {
    let input = Input::read(path)?;
    let mut bystander = Bystander::at(target).await?;
    play::play(&input, target, &mut bystander).await?;
    bystander.works().await?;
    if !matches!(input.to, To::Lesson(_) | To::Process(_)) {
        bystander.knows_only_its_own()?;
    }
    Ok(bystander)
}
