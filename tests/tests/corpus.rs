//! Every hostile input of `tests/corpus` gets its outcome, and leaves nothing behind.

use anyhow::Result;
use wirebook_tests::corpus::{self, play_folder};

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

/// The same against the real program, whose descriptors can be counted.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn the_program_has_as_many_descriptors_as_before() -> Result<()> {
    corpus::play_against_program().await
}
