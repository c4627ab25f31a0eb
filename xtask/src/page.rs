//! The page: `web` as WebAssembly, with the script that loads it, and `web/depth`, which the page
//! loads when it is first needed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use wasm_bindgen_cli_support::Bindgen;

use crate::cargo::{cargo, output, run, run_shown};
use crate::fold::{fold, silence};
use crate::inputs::{Inputs, hash_of};
use crate::paths::Paths;
use crate::release;
use crate::split::{self, split};
use crate::steps::Outcome;

/// The target that browsers run.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// How the page is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Small, for readers.
    Page,
    /// Quickly built, for authors.
    Dev,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Dev => "dev",
        }
    }

    /// Where cargo puts what it builds with this profile.
    fn folder(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Dev => "debug",
        }
    }
}

/// A page that was built.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The scripts and WebAssembly of both modules are in this folder and nothing else is.
    pub(crate) folder: PathBuf,
    /// The names of the scripts without their ends: each carries the hash of its module, so that
    /// script and module never skew.
    name: String,
    depth: String,
}

impl Page {
    /// The script that every page with a lab loads, from the top of the site.
    pub(crate) fn script(&self) -> String {
        format!("lab/{}.js", self.name)
    }

    /// The script of what is loaded when it is first needed, from the top of the site.
    pub(crate) fn depth(&self) -> String {
        format!("lab/{}.js", self.depth)
    }

    /// Where a page of these names is to be found, if it is there.
    fn noted(folder: &Path, names: &str) -> Option<Self> {
        let (name, depth) = names.split_once(' ')?;
        let is_there = |name: &str| {
            let mut ends = [".js", "_bg.wasm"].iter();
            ends.all(|end| folder.join(format!("{name}{end}")).is_file())
        };
        (is_there(name) && is_there(depth)).then(|| Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            depth: depth.to_owned(),
        })
    }
}

/// Builds the page if anything it is made of has changed.
pub(crate) fn build(paths: &Paths, profile: Profile) -> Result<(Page, Outcome)> {
    let inputs = Inputs::new(&paths.root)
        .word(profile.name())
        .path("web")?
        .path("wire/src")?
        .path("wire/Cargo.toml")?
        .path("xtask/src/page.rs")?
        .path("xtask/src/fold.rs")?
        .path("xtask/src/fold")?
        .path("xtask/src/release.rs")?
        .path("xtask/src/split.rs")?
        .path(".cargo/config.toml")?
        .path("Cargo.toml")?
        .path("Cargo.lock")?
        .path("rust-toolchain.toml")?
        .finish();
    let folder = paths.cache.join("page");
    let note = paths.cache.join("page.txt");
    let noted = fs::read_to_string(&note).unwrap_or_default();
    if let Some(names) = noted.strip_prefix(&format!("{inputs} "))
        && let Some(page) = Page::noted(&folder, names)
    {
        return Ok((page, Outcome::UpToDate));
    }
    ensure_target(paths)?;
    let mut command = cargo(paths, &["build", "--target", TARGET]);
    command.args(["--profile", profile.name()]);
    for package in ["wirebook-web", "wirebook-depth"] {
        command.args(["--package", package]);
    }
    if profile == Profile::Page {
        // Cargo adds them to those of .cargo/config.toml.
        let variable = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";
        release::add_flags(&mut command, variable, &release::flags(paths)?);
    }
    run(&mut command)?;
    if folder.exists() {
        fs::remove_dir_all(&folder).context("clearing the page's folder")?;
    }
    let built = paths.target.join(TARGET).join(profile.folder());
    let worker = paths.root.join("web/depth/worker.js");
    let worker = fs::read(&worker).with_context(|| format!("reading {}", worker.display()))?;
    let [web, depth] = ["web", "depth"].map(|name| built.join(format!("wirebook_{name}.wasm")));
    let page = Page {
        name: parts(&web, &paths.cache, &folder, profile)?,
        depth: name_of("depth", &depth, &worker)?,
        folder,
    };
    bind(&depth, &page.depth, &page.folder, profile)?;
    let beside = page.folder.join(format!("{}_worker.js", page.depth));
    fs::write(&beside, worker).with_context(|| format!("writing {}", beside.display()))?;
    fs::write(&note, format!("{inputs} {} {}", page.name, page.depth))?;
    Ok((page, Outcome::Done))
}

/// The name of a module's files, which changes with the module and with what stands `beside` it.
fn name_of(kind: &str, wasm: &Path, beside: &[u8]) -> Result<String> {
    let bytes = fs::read(wasm).with_context(|| format!("reading {}", wasm.display()))?;
    Ok(format!("{kind}-{}", hash_of(&[&bytes, beside].concat())))
}

/// Writes the page's first module and the parts that it loads later; returns their name.
fn parts(wasm: &Path, cache: &Path, folder: &Path, profile: Profile) -> Result<String> {
    let bytes = fs::read(wasm).with_context(|| format!("reading {}", wasm.display()))?;
    let name = name_of("page", wasm, &[])?;
    // Before it is taken apart, so that what only panics need goes into no part.
    let silent = match profile {
        Profile::Page => silence(&bytes).context("cutting panics of the page")?,
        Profile::Dev => bytes,
    };
    let split = split(&silent, &name, &cache.join("parts"))?;
    bind(&split.main, &name, folder, profile)?;
    let script = folder.join(split::script(&name));
    fs::write(&script, split.script).with_context(|| format!("writing {}", script.display()))?;
    for (part, file) in split.parts {
        let to = folder.join(&file);
        fs::copy(&part, &to).with_context(|| format!("writing {}", to.display()))?;
        shrink(&to, profile)?;
    }
    Ok(name)
}

/// Writes the script and the WebAssembly of one module under a name.
fn bind(wasm: &Path, name: &str, folder: &Path, profile: Profile) -> Result<()> {
    Bindgen::new()
        .input_path(wasm)
        .out_name(name)
        .web(true)?
        .typescript(false)
        // The script itself knows the name of its WebAssembly.
        .omit_default_module_path(false)
        // Parts that are loaded later share what the linker exports.
        .keep_lld_exports(true)
        // Folding looks for names, and leaves none.
        .remove_name_section(profile != Profile::Page)
        .remove_producers_section(true)
        .generate(folder)
        .with_context(|| format!("binding {}", wasm.display()))?;
    shrink(&folder.join(format!("{name}_bg.wasm")), profile)
}

/// Makes a module that readers get smaller.
fn shrink(wasm: &Path, profile: Profile) -> Result<()> {
    if profile == Profile::Page {
        let bytes = fs::read(wasm).with_context(|| format!("reading {}", wasm.display()))?;
        let folded = fold(&bytes).with_context(|| format!("folding {}", wasm.display()))?;
        let name = wasm.file_stem().unwrap_or_default().to_string_lossy();
        eprint!(
            " {} {:.1} KB gzipped,",
            called(&name),
            f64::from(gzipped(&folded)?) / 1024.0
        );
        fs::write(wasm, folded).with_context(|| format!("writing {}", wasm.display()))?;
    }
    Ok(())
}

/// What a module is called without the hash: `page`, `depth`, `inspector`.
fn called(stem: &str) -> &str {
    match stem.split_once('_') {
        Some((hashed, "bg")) => hashed.split('-').next().unwrap_or(hashed),
        Some((_, part)) => part,
        None => stem,
    }
}

/// How many bytes travel to the reader.
fn gzipped(bytes: &[u8]) -> Result<u32> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(u32::try_from(encoder.finish()?.len())?)
}

/// Installs the standard library for browsers if it is missing.
pub(crate) fn ensure_target(paths: &Paths) -> Result<()> {
    let mut rustc = std::process::Command::new("rustc");
    rustc
        .current_dir(&paths.root)
        .args(["--print", "target-libdir", "--target", TARGET]);
    let libraries = output(&mut rustc)?;
    if PathBuf::from(libraries).is_dir() {
        return Ok(());
    }
    eprintln!("\n      Installing the target {TARGET} (rustup target add {TARGET})");
    let mut rustup = std::process::Command::new("rustup");
    rustup
        .current_dir(&paths.root)
        .args(["target", "add", TARGET]);
    run_shown(&mut rustup).with_context(|| format!("the page needs the target {TARGET}"))
}
