//! `wirebook servers`: asks a running gateway where its lesson servers listen.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use wire::Address;
use wire::session::Transport;

/// A gateway on this machine answers at once or not at all.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// More than any table has; what listens on the port may be another program.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// A lesson's server.
#[derive(Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) transport: Transport,
    pub(crate) address: Address,
}

/// Prints the servers of the gateway on `port`.
pub(crate) fn show(port: u16, as_json: bool) -> anyhow::Result<()> {
    let json = ask(port)?;
    let rows: Vec<Row> = serde_json::from_str(&json)
        .with_context(|| format!("what listens on port {port} is not Wirebook"))?;
    let mut stdout = std::io::stdout().lock();
    match as_json {
        true => writeln!(stdout, "{json}")?,
        false => writeln!(stdout, "{}", table(&rows))?,
    }
    Ok(())
}

/// Columns for people.
pub(crate) fn table(rows: &[Row]) -> String {
    let name_width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let lines: Vec<_> = rows
        .iter()
        .map(|row| {
            let transport = match row.transport {
                Transport::Tcp => "tcp",
                Transport::Udp => "udp",
                Transport::Unix => "unix",
            };
            format!(
                "{:name_width$}  {transport}  {}",
                row.name,
                row.address.to_dial()
            )
        })
        .collect();
    lines.join("\n")
}

fn ask(port: u16) -> anyhow::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_TIME).with_context(|| {
        format!("no Wirebook runs on port {port}: start `wirebook serve`, or name its --port")
    })?;
    stream.set_read_timeout(Some(ANSWER_TIME))?;
    // HTTP/1.0: the answer ends with the connection, and is not chunked.
    let host = match port {
        80 => "127.0.0.1".to_owned(),
        port => format!("127.0.0.1:{port}"),
    };
    write!(stream, "GET /api/servers HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
    let mut answer = String::new();
    stream
        .take(MAX_ANSWER_BYTES)
        .read_to_string(&mut answer)
        .with_context(|| format!("what listens on port {port} is not Wirebook"))?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.split(' ').nth(1) == Some("200") => Ok(body.to_owned()),
        _ => bail!("what listens on port {port} is not Wirebook"),
    }
}
