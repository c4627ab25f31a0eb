//! What a machine may lack. `cargo lab test` names it in `WIREBOOK_SKIP`; under `CI` nothing may be skipped.

/// Whether tests that need `name` can run; says so when they cannot.
///
/// # Panics
///
/// With `CI` set, a missing requirement is a failure.
pub fn met(name: &str) -> bool {
    let skipped = std::env::var("WIREBOOK_SKIP").unwrap_or_default();
    let skip = skipped.split(',').any(|skipped| skipped.trim() == name);
    assert!(
        !(skip && std::env::var_os("CI").is_some()),
        "{name} is missing, and under CI nothing may be skipped"
    );
    if skip {
        eprintln!("skipped: this machine has no {name}");
    }
    !skip
}
