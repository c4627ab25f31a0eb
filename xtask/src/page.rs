//! The page: `web` as WebAssembly, with the script that loads it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

use crate::cargo::{cargo, output, run, run_shown};
use crate::fold::fold;
use crate::inputs::{Inputs, hash_of};
use crate::paths::Paths;
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
    /// Its script and WebAssembly are in this folder and nothing else is.
    pub(crate) folder: PathBuf,
    /// The name of both without their ends: carries the hash, so that they never skew.
    pub(crate) name: String,
}

impl Page {
    /// The script, from the top of the site.
    pub(crate) fn script(&self) -> String {
        format!("lab/{}.js", self.name)
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
        .path(".cargo/config.toml")?
        .path("Cargo.toml")?
        .path("Cargo.lock")?
        .path("rust-toolchain.toml")?
        .finish();
    let folder = paths.cache.join("page");
    let note = paths.cache.join("page.txt");
    if let Some(name) = fs::read_to_string(&note)
        .ok()
        .and_then(|text| text.strip_prefix(&format!("{inputs} ")).map(str::to_owned))
        && folder.join(format!("{name}.js")).is_file()
        && folder.join(format!("{name}_bg.wasm")).is_file()
    {
        return Ok((Page { folder, name }, Outcome::UpToDate));
    }
    ensure_target(paths)?;
    let mut command = cargo(paths, &["build", "--package", "wirebook-web"]);
    command.args(["--target", TARGET, "--profile", profile.name()]);
    run(&mut command)?;
    let wasm = paths
        .target
        .join(TARGET)
        .join(profile.folder())
        .join("wirebook_web.wasm");
    let name = bind(&wasm, &folder)?;
    if profile == Profile::Page {
        let wasm = folder.join(format!("{name}_bg.wasm"));
        let bytes = fs::read(&wasm).with_context(|| format!("reading {}", wasm.display()))?;
        fs::write(&wasm, fold(&bytes)?).with_context(|| format!("writing {}", wasm.display()))?;
    }
    fs::write(&note, format!("{inputs} {name}"))?;
    Ok((Page { folder, name }, Outcome::Done))
}

/// Writes the script beside the WebAssembly; returns the name of both.
fn bind(wasm: &PathBuf, folder: &PathBuf) -> Result<String> {
    let bytes = fs::read(wasm).with_context(|| format!("reading {}", wasm.display()))?;
    let name = format!("page-{}", hash_of(&bytes));
    if folder.exists() {
        fs::remove_dir_all(folder).context("clearing the page's folder")?;
    }
    Bindgen::new()
        .input_path(wasm)
        .out_name(&name)
        .web(true)?
        .typescript(false)
        // The script itself knows the name of its WebAssembly.
        .omit_default_module_path(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(folder)
        .context("binding the page's WebAssembly")?;
    Ok(name)
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
