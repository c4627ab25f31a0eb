//! How far a reader came, as it is kept in the browser's storage.

/// Where the progress of a lab is kept: per lesson and content, so that a changed lab starts anew.
pub(crate) fn key(lesson: &str, hash: &str) -> String {
    ["wirebook.progress.", lesson, ".", hash].concat()
}

/// How many steps were done; damaged or missing values count as none.
pub(crate) fn read(saved: Option<&str>) -> usize {
    saved
        .and_then(|saved| saved.strip_prefix("1:"))
        .and_then(|done| done.parse().ok())
        .unwrap_or(0)
}

/// What to store for `done` steps; progress is never overwritten with nothing.
pub(crate) fn write(done: usize) -> Option<String> {
    (done > 0).then(|| ["1:", &done.to_string()].concat())
}

#[cfg(test)]
mod tests {
    use super::{read, write};

    #[test]
    fn progress_survives_the_round_trip_and_damage_counts_as_none() {
        assert_eq!(read(write(3).as_deref()), 3);
        assert_eq!(write(0), None);
        for damaged in [
            None,
            Some(""),
            Some("3"),
            Some("1:"),
            Some("1:-1"),
            Some("2:3"),
        ] {
            assert_eq!(read(damaged), 0);
        }
    }
}
