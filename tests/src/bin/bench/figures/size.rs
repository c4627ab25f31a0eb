//! What travels to the reader: the modules of the page, and the program itself.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use wirebook_tests::browser::binary;

use crate::Bench;
use crate::report::{Measured, Row, Unit};

/// Of the module that every page loads, gzipped, in bytes.
const AIM: f64 = 200_000.0;

pub(crate) async fn measure(_bench: &Bench) -> Result<Vec<Row>> {
    let folder = site().join("lab");
    let mut modules = Vec::new();
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            modules.push(path);
        }
    }
    // The page's own module first.
    modules.sort_by_key(|path| (!is_first(path), path.clone()));
    let mut rows = Vec::new();
    // Of the page's first module and all that it loads when it is needed.
    let mut whole = 0.0;
    for path in modules {
        let bytes = fs::read(&path)?;
        let name = name_of(&path);
        let gzipped = gzipped(&bytes)? as f64;
        if name.starts_with("page") {
            whole += gzipped;
        }
        let gzipped = Measured::once(Unit::Bytes, gzipped);
        let row = Row::new(format!("{name}.wasm, gzip -9"), gzipped)
            .note(format!("{} bytes as it is", bytes.len()));
        let row = match is_first(&path) {
            true => row.at_most(AIM),
            false => row,
        };
        rows.push(row);
        if let Some(brotli) = brotli(&path) {
            let brotli = Measured::once(Unit::Bytes, brotli as f64);
            rows.push(Row::new(format!("{name}.wasm, brotli -q 11"), brotli));
        }
    }
    let whole = Measured::once(Unit::Bytes, whole);
    rows.push(Row::new("page.wasm and all its parts, gzip -9", whole));
    let program = fs::metadata(binary())?.len();
    let program = Measured::once(Unit::Bytes, program as f64);
    rows.push(Row::new("the program with the whole book", program));
    Ok(rows)
}

/// The site that the program has inside: `WIREBOOK_SITE`, or where `cargo lab build` leaves it.
fn site() -> PathBuf {
    std::env::var_os("WIREBOOK_SITE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/site"),
        PathBuf::from,
    )
}

/// The name of a module without the hash in it, as in `page` and `page/inspector`.
fn name_of(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let (name, rest) = name.split_once('-').unwrap_or((&name, ""));
    match rest.split_once('_') {
        None | Some((_, "bg")) => name.to_owned(),
        Some((_, part)) => [name, "/", part].concat(),
    }
}

/// Whether every page loads it.
fn is_first(path: &Path) -> bool {
    name_of(path) == "page"
}

fn gzipped(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}

/// How small brotli makes it, where it is installed.
fn brotli(path: &Path) -> Option<usize> {
    let output = Command::new("brotli")
        .args(["--stdout", "--quality=11"])
        .arg(path)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then_some(output.stdout.len())
}
