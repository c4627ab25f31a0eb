//! Programs as tutorials print them, unmodified, with their addresses in the source.
//!
//! They need the ports that they name. All stories share one test and one gateway, because two
//! gateways cannot have the same ports.

use anyhow::{Result, ensure};
use wirebook_tests::requirements::met;

use crate::observer::OnDefaultPorts;
use crate::program::{Program, tutorial};

#[tokio::test]
async fn programs_from_tutorials_work_unmodified() -> Result<()> {
    if !met("go") {
        return Ok(());
    }
    let gateway = OnDefaultPorts::start().await?;
    for (lesson, port) in [("tcp_ok", 9090), ("udp_echo", 9090), ("tcp_line", 8080)] {
        let observer = gateway.watch(lesson).await?;
        if observer.address().port() != port {
            // Another program has it: then the gateway rightly moved on.
            ensure!(std::env::var_os("CI").is_none(), "port {port} is taken");
            eprintln!("skipped: port {port} of this machine is taken");
            return Ok(());
        }
    }

    let mut observer = gateway.watch("tcp_ok").await?;
    let mut program = Program::start(tutorial("tcp_until_q")?, &[])?;
    program.types("hello\r\n").await?;
    assert_eq!(program.prints().await?, "ok");
    program.types("again\n").await?;
    assert_eq!(program.prints().await?, "ok");
    program.types("q\n").await?;
    program.ends().await?;
    observer
        .sees(&[
            "server accept",
            "server read \"hello\"",
            "server read \"again\"",
            "server end",
        ])
        .await?;
    observer.has_seen_an_outside_client()?;

    let mut observer = gateway.watch("udp_echo").await?;
    let mut program = Program::start(tutorial("udp_dial")?, &[])?;
    let printed = program.prints().await?;
    assert_eq!(printed, "recv:Hello server addr:127.0.0.1:9090 count:12");
    program.ends().await?;
    observer
        .sees(&[
            "server receive \"Hello server\"",
            "server send \"Hello server\"",
        ])
        .await?;
    observer.has_seen_an_outside_client()?;

    let mut observer = gateway.watch("tcp_line").await?;
    let mut program = Program::start(tutorial("localhost_8080")?, &[])?;
    assert_eq!(program.prints().await?, "Server says: Hello, client!");
    program.ends().await?;
    observer
        .sees(&[
            "server accept",
            "server read \"Hello, server!\\n\"",
            "server close",
        ])
        .await?;
    observer.has_seen_an_outside_client()
}
