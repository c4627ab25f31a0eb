//! Every hostile input of `tests/corpus` gets its outcome, and leaves nothing behind.

use anyhow::Result;
use wirebook_tests::corpus::{self, FOLDERS, play_folder};

#[tokio::test(flavor = "multi_thread")]
async fn http_that_is_wrong() -> Result<()> {
    play_folder("http").await
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_that_are_wrong() -> Result<()> {
    play_folder("upgrade").await
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_wrong() -> Result<()> {
    play_folder("frames").await
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_misbehave() -> Result<()> {
    play_folder("session").await
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_misbehave() -> Result<()> {
    play_folder("peers").await
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_pages_name() -> Result<()> {
    play_folder("addresses").await
}

#[test]
fn no_folder_is_forgotten() -> Result<()> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(corpus::folder())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.file_name());
        }
    }
    folders.sort();
    // What is shown in a page is played in a browser.
    folders.retain(|folder| folder != "bytes");
    assert_eq!(folders, FOLDERS);
    Ok(())
}

/// The same against the real program, whose descriptors can be counted.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_program_has_as_many_descriptors_as_before() -> Result<()> {
    corpus::play_against_program().await
}
