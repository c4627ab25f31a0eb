//! A plain file server, as any static host is one, with the book at a path below its top.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The longest head of a request that is read, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Whether pages may run their scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scripts {
    /// As anywhere.
    Run,
    /// As in a browser whose reader has switched them off.
    Blocked,
}

/// A host of the book as `cargo lab build --static` writes it; ends with its value.
#[derive(Debug)]
pub struct StaticHost {
    address: SocketAddr,
    path: String,
    folder: PathBuf,
    misses: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl StaticHost {
    /// Serves the book at `path`, e.g. `some/path`.
    pub async fn start(path: &str, scripts: Scripts) -> Result<Self> {
        let folder = std::env::var_os("WIREBOOK_STATIC").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/static"),
            PathBuf::from,
        );
        ensure!(
            folder.join("index.html").is_file(),
            "there is no book in {}: `cargo lab build --static target/static` writes it",
            folder.display()
        );
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let misses = Arc::default();
        let files = Files {
            top: format!("/{path}/"),
            folder: folder.clone(),
            scripts,
            misses: Arc::clone(&misses),
        };
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let files = files.clone();
                // A browser that goes away in the middle is no failure.
                tokio::spawn(async move { drop(files.answer(stream).await) });
            }
        });
        Ok(Self {
            address,
            path: path.to_owned(),
            folder,
            misses,
            serving,
        })
    }

    /// The address of the book, without the last slash.
    pub fn origin(&self) -> String {
        format!("http://{}/{}", self.address, self.path)
    }

    /// The names of all pages but the one for printing.
    pub fn pages(&self) -> Result<Vec<String>> {
        let mut pages = Vec::new();
        for entry in std::fs::read_dir(&self.folder).context("listing the book")? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name.ends_with(".html") && !["print.html", "toc.html"].contains(&name.as_str()) {
                pages.push(name);
            }
        }
        pages.sort();
        Ok(pages)
    }

    /// What was asked for and is not there, but for what browsers ask of their own accord.
    pub fn misses(&self) -> Vec<String> {
        let misses = self.misses.lock().unwrap_or_else(PoisonError::into_inner);
        let is_ours = |miss: &&String| *miss != "/favicon.ico";
        misses.iter().filter(is_ours).cloned().collect()
    }
}

impl Drop for StaticHost {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The files and where they are served.
#[derive(Clone)]
struct Files {
    top: String,
    folder: PathBuf,
    scripts: Scripts,
    misses: Arc<Mutex<Vec<String>>>,
}

impl Files {
    /// Answers one request and closes.
    async fn answer(&self, mut stream: TcpStream) -> Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") && head.len() < MAX_HEAD_BYTES {
            head.push(stream.read_u8().await?);
        }
        let head = String::from_utf8(head)?;
        let path = head.split(' ').nth(1).context("a request has a path")?;
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let found = self.file(path).and_then(|name| {
            let content = std::fs::read(self.folder.join(&name)).ok()?;
            Some((content_type(&name), content))
        });
        let (status, kind, content) = match found {
            Some((kind, content)) => ("200 OK", kind, content),
            None => {
                let mut misses = self.misses.lock().unwrap_or_else(PoisonError::into_inner);
                misses.push(path.to_owned());
                ("404 Not Found", "text/plain", b"not here".to_vec())
            }
        };
        let policy = match self.scripts {
            Scripts::Run => "",
            Scripts::Blocked => "Content-Security-Policy: script-src 'none'\r\n",
        };
        let length = content.len();
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             {policy}Connection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&content).await?;
        Ok(stream.shutdown().await?)
    }

    /// The name of the file that a path stands for.
    fn file(&self, path: &str) -> Option<String> {
        let name = path.strip_prefix(&self.top)?;
        let is_inside = name.split('/').all(|part| part != "..");
        let name = match name {
            "" => "index.html",
            name => name,
        };
        is_inside.then(|| name.to_owned())
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("svg") => "image/svg+xml",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}
