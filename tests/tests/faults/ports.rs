//! Another program, or another Wirebook, has a port.

use std::process::Command;

use anyhow::Result;
use wire::session::Server;
use wirebook_tests::browser::binary;
use wirebook_tests::serving::{Serving, serve};

use super::echoes;

const PORTS: [&str; 2] = ["--lesson-ports", "default"];

#[tokio::test(flavor = "multi_thread")]
async fn a_second_program_moves_its_lessons_and_says_where() -> Result<()> {
    let programs = [
        Serving::start_with_options(&PORTS)?,
        Serving::start_with_options(&PORTS)?,
    ];
    let mut told: Vec<Vec<Server>> = Vec::new();
    for program in &programs {
        let mut page = program.session().await?;
        let id = page.open("tcp_echo").await?;
        echoes(&mut page, id, "at its own place").await?;
        let servers = page.welcome().servers.clone();
        let port = program.address()?.port().to_string();
        let output = Command::new(binary())
            .args(["servers", "--port", &port])
            .output()?;
        let table = String::from_utf8_lossy(&output.stdout).into_owned();
        for server in &servers {
            let (name, address) = (&server.lesson, server.address.to_dial());
            let says = |line: &str| line.starts_with(name.as_str()) && line.ends_with(&address);
            assert!(table.lines().any(says), "{name} at {address}:\n{table}");
        }
        told.push(servers);
    }
    for (first, second) in told[0].iter().zip(&told[1]) {
        assert_eq!(first.lesson, second.lesson);
        assert_ne!(first.address, second.address, "{}", first.lesson);
    }
    Ok(())
}

#[test]
fn a_second_program_on_the_same_port_is_told_what_to_do() -> Result<()> {
    let first = Serving::start()?;
    let folder = tempfile::tempdir()?;
    let port = first.address()?.port().to_string();
    let command = Command::new(binary());
    let output = serve(command, folder.path(), folder.path(), &["--port", &port])?.output()?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(&port) && error.contains("--port"), "{error}");
    Ok(())
}
