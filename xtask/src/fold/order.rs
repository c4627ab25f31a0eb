//! In which order functions compress best.

use std::collections::{HashMap, VecDeque};

/// So many bytes in a row that stand elsewhere, too, are worth pointing there.
const PIECE: usize = 8;

/// How far gzip looks back, less what the pieces between take.
const WINDOW: usize = 28_000;

/// What stands in more places than this tells nothing of likeness.
const MOST: usize = 400;

/// A short function counts as a little longer: it is found near others of its kind anyway.
const LEAST: usize = 20;

/// An order in which each of `bodies` comes where most of its pieces have been seen lately.
pub(super) fn alike(bodies: &[&[u8]]) -> Vec<usize> {
    let mut numbers = HashMap::new();
    // For each piece the bodies that have it, and the other way round.
    let mut owners: Vec<Vec<usize>> = Vec::new();
    let mut pieces = vec![Vec::new(); bodies.len()];
    for (which, body) in bodies.iter().enumerate() {
        for piece in body.windows(PIECE) {
            let number = *numbers.entry(piece).or_insert_with(|| {
                owners.push(Vec::new());
                owners.len() - 1
            });
            if owners[number].last() != Some(&which) {
                owners[number].push(which);
                pieces[which].push(number);
            }
        }
    }
    let tells = |number: usize| (2..MOST).contains(&owners[number].len());
    // How many bodies in the window have a piece, and how many pieces of a body are in the window.
    let mut seen = vec![0_usize; owners.len()];
    let mut known = vec![0_usize; bodies.len()];
    let mut left: Vec<usize> = (0..bodies.len()).collect();
    let (mut order, mut window, mut length) = (Vec::new(), VecDeque::new(), 0);
    while !left.is_empty() {
        // Compared as fractions: the same on every machine.
        let size = |which: usize| (bodies[which].len() + LEAST) as u64;
        let mut best = 0;
        for place in 1..left.len() {
            let (one, other) = (left[place], left[best]);
            if known[one] as u64 * size(other) > known[other] as u64 * size(one) {
                best = place;
            }
        }
        let next = left.remove(best);
        order.push(next);
        for &number in &pieces[next] {
            seen[number] += 1;
            if seen[number] == 1 && tells(number) {
                owners[number].iter().for_each(|&which| known[which] += 1);
            }
        }
        window.push_back(next);
        length += bodies[next].len();
        while length > WINDOW && window.len() > 1 {
            let Some(old) = window.pop_front() else { break };
            length -= bodies[old].len();
            for &number in &pieces[old] {
                seen[number] -= 1;
                if seen[number] == 0 && tells(number) {
                    owners[number].iter().for_each(|&which| known[which] -= 1);
                }
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::alike;

    #[test]
    fn those_that_share_most_are_neighbours() {
        let bodies: [&[u8]; 4] = [
            b"the first of two that are alike",
            b"0123456789 nothing like the rest!",
            b"the second of two that are alike",
            b"9876 0123456789 nothing like them",
        ];
        assert_eq!(alike(&bodies), [0, 2, 1, 3]);
        assert!(alike(&[]).is_empty());
    }
}
