//! Takes the page's WebAssembly apart: what is marked with `wasm_split` in `web`, and all that
//! nothing else uses, becomes modules of their own, which the page loads when it first needs them.
//! They share its memory and its table of functions.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use wasm_split_cli_support::{Options, transform};

/// What the tool calls the modules that it makes.
const PREFIXES: [&str; 2] = ["split_", "chunk_"];

/// A module that was taken apart.
pub(crate) struct Split {
    /// What is left of it; wasm-bindgen has yet to bind it.
    pub(crate) main: PathBuf,
    /// The script that loads the parts, and each part's file and the name it is loaded by.
    pub(crate) script: String,
    pub(crate) parts: Vec<(PathBuf, String)>,
}

/// The script that loads the parts of the module `name`.
pub(crate) fn script(name: &str) -> String {
    format!("{name}_parts.js")
}

/// Takes a module apart in `folder`, which is made anew; the parts' names begin with `name`.
pub(crate) fn split(wasm: &[u8], name: &str, folder: &Path) -> Result<Split> {
    if folder.exists() {
        fs::remove_dir_all(folder).context("clearing the folder of the page's parts")?;
    }
    fs::create_dir_all(folder).context("making the folder of the page's parts")?;
    let main = folder.join("main.wasm");
    let (link, page) = (format!("./{}", script(name)), format!("./{name}.js"));
    let mut options = Options::new(wasm);
    options.output_dir = folder;
    options.main_out_path = &main;
    options.link_name = &link;
    options.main_module = &page;
    let made = transform(options).map_err(|error| anyhow!("taking the page apart: {error:#}"))?;
    let path = folder.join(script(name));
    let mut script =
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut parts = Vec::new();
    for part in made.split_modules {
        let file = part.file_name().and_then(|file| file.to_str());
        let file = file.with_context(|| format!("the name of {}", part.display()))?;
        let mut short = PREFIXES
            .iter()
            .filter_map(|prefix| file.strip_prefix(prefix));
        let hashed = format!("{name}_{}", short.next().unwrap_or(file));
        script = script.replace(&format!("\"./{file}\""), &format!("\"./{hashed}\""));
        parts.push((part, hashed));
    }
    parts.sort();
    Ok(Split {
        main,
        script,
        parts,
    })
}
