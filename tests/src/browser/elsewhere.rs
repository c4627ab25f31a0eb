//! Somebody else's web server.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The longest head of a request that is read, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// A server that answers everything with an empty page or script and lets everybody read that; ends with its
/// value.
#[derive(Debug)]
pub struct Elsewhere {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Elsewhere {
    /// Starts it on a free port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A browser that goes away in the middle is no failure.
                tokio::spawn(async move { drop(answer(stream).await) });
            }
        });
        Ok(Self { address, serving })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(mut stream: TcpStream) -> Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD_BYTES {
            bail!("a very long head");
        }
        head.push(stream.read_u8().await?);
    }
    // Whoever asks is named, since cookies and such are only sent to who lets them in by name.
    let head = String::from_utf8(head)?;
    let origin = head
        .lines()
        .find_map(|line| line.strip_prefix("Origin: "))
        .unwrap_or("*");
    let path = head.split(' ').nth(1).unwrap_or("/");
    let (kind, page) = match path.ends_with(".js") {
        true => ("text/javascript", "void 0;"),
        false => ("text/html", "<!doctype html><title>Elsewhere</title>"),
    };
    let length = page.len();
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Access-Control-Allow-Origin: {origin}\r\nAccess-Control-Allow-Credentials: true\r\n\
         Connection: close\r\n\r\n{page}"
    );
    stream.write_all(answer.as_bytes()).await?;
    Ok(stream.shutdown().await?)
}
