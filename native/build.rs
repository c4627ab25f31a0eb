//! The program has the book inside: when the book changes, the program is built anew.

use std::io;
use std::path::Path;

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    // A debug build reads the book while it runs.
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        let site = Path::new("../target/site");
        // Cargo takes a missing folder for one that changes all the time.
        std::fs::create_dir_all(site)?;
        println!("cargo::rerun-if-changed={}", site.display());
    }
    Ok(())
}
