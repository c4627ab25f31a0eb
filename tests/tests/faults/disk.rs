//! There is no room for the token, or no folder.

use std::process::Command;

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use wirebook_tests::browser::binary;
use wirebook_tests::serving::{Serving, serve};

/// The program where no file can grow, as on a full disk.
fn on_a_full_disk() -> Command {
    let mut command = Command::new("sh");
    command
        // Without the trap the system would end it for trying (setrlimit(2)).
        .args(["-c", r#"trap '' XFSZ; ulimit -f 0 && exec "$0" "$@""#])
        .arg(binary());
    command
}

fn sentence_of(command: Command, folder: &TempDir, state: &str) -> Result<String> {
    let state = folder.path().join(state);
    let output = serve(command, folder.path(), &state, &[])?.output()?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    let path = state.to_str().context("a path that is text")?;
    assert!(error.contains(path), "{error}");
    Ok(error)
}

#[test]
fn a_token_that_is_there_is_enough_on_a_full_disk() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let first = Serving::start_in(&folder, Command::new(binary()), &[])?;
    let token = first.token()?.to_owned();
    drop(first);
    let second = Serving::start_in(&folder, on_a_full_disk(), &[])?;
    assert_eq!(second.token()?, token);
    Ok(())
}

#[test]
fn no_room_for_a_token_is_a_sentence() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let error = sentence_of(on_a_full_disk(), &folder, "state")?;
    assert!(error.contains("cannot keep the token"), "{error}");
    Ok(())
}

#[test]
fn a_folder_that_is_none_is_a_sentence() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("state"), "a file")?;
    let error = sentence_of(Command::new(binary()), &folder, "state")?;
    assert!(error.contains("cannot"), "{error}");
    Ok(())
}
