//! What the slicer promises about the pieces it cuts.

use wire::slicer::Slicer;

/// The lengths of the pieces of `total` bytes.
fn pieces(seed: u64, total: usize) -> Vec<usize> {
    let mut slicer = Slicer::new(seed);
    let mut waiting = total;
    let mut lengths = Vec::new();
    while waiting > 0 {
        let length = slicer.next_length(waiting);
        assert!((1..=waiting).contains(&length), "{length} of {waiting}");
        lengths.push(length);
        waiting -= length;
    }
    lengths
}

#[test]
fn the_same_seed_cuts_alike_and_another_one_does_not() {
    for seed in 0..50 {
        assert_eq!(pieces(seed, 100), pieces(seed, 100));
    }
    let different: std::collections::BTreeSet<_> = (0..50).map(|seed| pieces(seed, 100)).collect();
    assert!(different.len() > 45, "{}", different.len());
}

#[test]
fn little_is_cut_into_short_pieces_and_much_into_few() {
    for seed in 0..50 {
        assert!(pieces(seed, 40).iter().all(|length| *length <= 10));
        assert!(pieces(seed, 40).len() >= 4);
        let many = pieces(seed, 64 * 1024).len();
        assert!(many <= 200, "{many} pieces");
    }
}

#[test]
fn nothing_is_cut_into_nothing() {
    assert_eq!(Slicer::new(7).next_length(0), 0);
    assert_eq!(pieces(7, 1), [1]);
}
