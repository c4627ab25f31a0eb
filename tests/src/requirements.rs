//! What a machine may lack. `cargo lab test` names it in `WIREBOOK_SKIP`; under `CI` nothing may be skipped.

use wirebook::capture::Capture;

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

/// Whether whoever runs the tests may capture packets; says so when not.
///
/// # Panics
///
/// With `CI` set, a missing requirement is a failure.
pub fn can_capture() -> bool {
    let can = Capture::open_and_keep_privilege().source().is_ok();
    assert!(
        can || std::env::var_os("CI").is_none(),
        "packets cannot be captured, and under CI nothing may be skipped"
    );
    if !can {
        eprintln!("skipped: packets cannot be captured here");
    }
    can
}

/// Whether whoever runs the tests may make networks of their own and connect them with `ip`; says
/// so when not.
///
/// # Panics
///
/// With `CI` set, a missing requirement is a failure.
#[cfg(target_os = "linux")]
pub fn can_make_networks() -> bool {
    use nix::sched::{CloneFlags, unshare};
    if !met("ip") {
        return false;
    }
    // A thread of its own, since it would stay there.
    let tried = std::thread::spawn(|| unshare(CloneFlags::CLONE_NEWNET)).join();
    let can = matches!(tried, Ok(Ok(())));
    assert!(
        can || std::env::var_os("CI").is_none(),
        "networks cannot be made, and under CI nothing may be skipped"
    );
    if !can {
        eprintln!("skipped: networks of one's own take root");
    }
    can
}
