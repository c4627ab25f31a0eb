//! `cargo lab dist`: one archive to give away: the program, the licences of all that is in it, and
//! beside it a checksum. The same commit gives the same bytes.

mod licences;

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use crate::build;
use crate::cargo::{cargo, output};
use crate::paths::Paths;
use crate::release::Commit;
use crate::steps::{Outcome, Steps};

/// Files of the repository that go along.
const BESIDE: [&str; 5] = [
    "README.md",
    "CHANGELOG.md",
    "SECURITY.md",
    "LICENSE-APACHE",
    "LICENSE-MIT",
];

/// The licences of everything that others made.
const LICENCES: &str = "THIRD-PARTY.txt";

/// A file of the archive.
struct File {
    name: String,
    content: Vec<u8>,
    mode: u32,
}

/// Builds everything and packs it.
pub(crate) fn run(paths: &Paths) -> Result<()> {
    let mut steps = Steps::new(build::STEPS + 2);
    let program = build::in_steps(paths, &mut steps)?;
    let host = host(paths)?;
    let commit = Commit::current(paths);
    let name = format!("wirebook-{}-{host}", env!("CARGO_PKG_VERSION"));
    let mut files = Vec::new();
    steps.run("Gathering licences", || {
        files.push(File {
            name: LICENCES.to_owned(),
            content: licences::all(paths, &host)?.into_bytes(),
            mode: 0o644,
        });
        Ok(Outcome::Done)
    })?;
    let mut written = PathBuf::new();
    steps.run("Packing", || {
        let content =
            fs::read(&program).with_context(|| format!("reading {}", program.display()))?;
        names_no_folder(paths, &content)?;
        files.push(File {
            name: format!("wirebook{}", std::env::consts::EXE_SUFFIX),
            content,
            mode: 0o755,
        });
        for beside in BESIDE {
            files.push(File {
                name: beside.to_owned(),
                content: fs::read(paths.root.join(beside))
                    .with_context(|| format!("reading {beside}"))?,
                mode: 0o644,
            });
        }
        let time_s = commit.as_ref().map_or(0, |commit| commit.time_s);
        written = write(paths, &name, &pack(&name, files, time_s)?)?;
        Ok(Outcome::Done)
    })?;
    eprintln!("{}\n{}.sha256", written.display(), written.display());
    Ok(())
}

/// The archive: files in order, of nobody, from the time of the commit.
fn pack(folder: &str, mut files: Vec<File>, time_s: u64) -> Result<Vec<u8>> {
    files.sort_unstable_by(|one, other| one.name.cmp(&other.name));
    // Without a name and a time in its own header, as flate2 leaves it.
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::best()));
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.content.len() as u64);
        header.set_mode(file.mode);
        header.set_mtime(time_s);
        archive.append_data(
            &mut header,
            format!("{folder}/{}", file.name),
            file.content.as_slice(),
        )?;
    }
    Ok(archive.into_inner()?.finish()?)
}

/// Writes the archive, and its checksum as `sha256sum --check` reads it.
fn write(paths: &Paths, name: &str, archive: &[u8]) -> Result<PathBuf> {
    let folder = paths.root.join("target/dist");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let path = folder.join(format!("{name}.tar.gz"));
    fs::write(&path, archive).with_context(|| format!("writing {}", path.display()))?;
    let hash: String = Sha256::digest(archive)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut checksum = fs::File::create(folder.join(format!("{name}.tar.gz.sha256")))?;
    writeln!(checksum, "{hash}  {name}.tar.gz")?;
    Ok(path)
}

/// What names a folder of this machine is not the same on another, and tells who built it.
fn names_no_folder(paths: &Paths, program: &[u8]) -> Result<()> {
    let home = std::env::var("HOME").unwrap_or_default();
    for folder in [paths.root.to_string_lossy().into_owned(), home] {
        // `/` is in everything.
        if folder.len() > 1 {
            let found = program
                .windows(folder.len() + 1)
                .find(|part| part.starts_with(folder.as_bytes()) && part.ends_with(b"/"));
            ensure!(found.is_none(), "the program names the folder {folder}");
        }
    }
    Ok(())
}

/// What the program runs on, e.g. `x86_64-unknown-linux-gnu`.
fn host(paths: &Paths) -> Result<String> {
    let version = output(&mut cargo(paths, &["--version", "--verbose"]))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("cargo does not tell its host")?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn file(name: &str, mode: u32) -> File {
        File {
            name: name.to_owned(),
            content: name.as_bytes().to_vec(),
            mode,
        }
    }

    #[test]
    fn an_archive_is_the_same_however_its_files_came() {
        let one = pack("a", vec![file("x", 0o755), file("b", 0o644)], 9).unwrap();
        let other = pack("a", vec![file("b", 0o644), file("x", 0o755)], 9).unwrap();
        assert_eq!(one, other);
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(one.as_slice()));
        let found: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut content = String::new();
                entry.read_to_string(&mut content).unwrap();
                let header = entry.header();
                let mode = (header.mode().unwrap(), header.mtime().unwrap());
                (entry.path().unwrap().into_owned(), content, mode)
            })
            .collect();
        let expected = [("a/b", "b", (0o644, 9)), ("a/x", "x", (0o755, 9))];
        let expected = expected.map(|(path, content, of)| (path.into(), content.to_owned(), of));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_program_that_names_a_folder_is_found() {
        let paths = Paths::new();
        names_no_folder(&paths, b"/rustc/1234/library").unwrap();
        let inside = format!("\0{}/native\0", paths.root.display());
        names_no_folder(&paths, inside.as_bytes()).unwrap_err();
    }
}
