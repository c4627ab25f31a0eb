//! A quantity over time, as the path of a drawing.

use std::fmt::Write;

/// How wide and high a chart is drawn, in its own units; it is stretched to its place.
pub(crate) const WIDTH: u64 = 600;
pub(crate) const HEIGHT: u64 = 60;

/// A value from this time on, until the next one.
pub(crate) type Point = (u64, u64);

/// The times between which charts are drawn, so that one stands under the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
}

impl Span {
    /// How far along this time is, from 0 to [`WIDTH`].
    pub(crate) fn x(self, time_ns: u64) -> u64 {
        let along = time_ns.clamp(self.from_ns, self.to_ns) - self.from_ns;
        scale(along, self.length_ns(), WIDTH)
    }

    /// How many thousandths of the way this time is.
    pub(crate) fn permille(self, time_ns: u64) -> u64 {
        let along = time_ns.clamp(self.from_ns, self.to_ns) - self.from_ns;
        scale(along, self.length_ns().max(1), 1_000)
    }

    /// The time at so many thousandths of the way.
    pub(crate) fn at(self, permille: u64) -> u64 {
        self.from_ns + scale(permille.min(1_000), 1_000, self.length_ns())
    }

    pub(crate) fn length_ns(self) -> u64 {
        self.to_ns - self.from_ns
    }
}

/// `part` of `whole`, when the whole is `size`.
fn scale(part: u64, whole: u64, size: u64) -> u64 {
    let scaled = u128::from(part) * u128::from(size) / u128::from(whole.max(1));
    u64::try_from(scaled).unwrap_or(size)
}

/// A line of steps: a value holds until another is known.
pub(crate) fn steps(points: &[Point], span: Span, max: u64) -> String {
    let mut path = String::new();
    let mut drawn = None;
    for (time_ns, value) in points {
        let (x, y) = (
            span.x(*time_ns),
            HEIGHT - scale((*value).min(max), max, HEIGHT),
        );
        let _ = match drawn {
            None => write!(path, "M{x} {y}"),
            Some((_, before)) if before == y => continue,
            // Many within the width of one line are one stroke.
            Some((at, _)) if at == x => write!(path, "V{y}"),
            Some(_) => write!(path, "H{x}V{y}"),
        };
        drawn = Some((x, y));
    }
    if drawn.is_some() {
        let _ = write!(path, "H{WIDTH}");
    }
    path
}

/// The space between two such lines: there on the upper one, back on the lower.
pub(crate) fn band(points: &[(u64, u64, u64)], span: Span, max: u64) -> String {
    let y = |value: u64| HEIGHT - scale(value.min(max), max, HEIGHT);
    let mut path = String::new();
    for (index, (time_ns, _, high)) in points.iter().enumerate() {
        let x = span.x(*time_ns);
        let _ = match index {
            0 => write!(path, "M{x} {}", y(*high)),
            _ => write!(path, "H{x}V{}", y(*high)),
        };
    }
    let mut end = WIDTH;
    for (time_ns, low, _) in points.iter().rev() {
        let _ = write!(path, "H{end}V{}", y(*low));
        end = span.x(*time_ns);
    }
    if !path.is_empty() {
        let _ = write!(path, "H{end}Z");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Span = Span {
        from_ns: 1_000,
        to_ns: 2_000,
    };

    #[test]
    fn a_value_holds_until_another_is_known() {
        let points = [(1_000, 10), (1_500, 20), (1_600, 20), (1_750, 0)];
        assert_eq!(steps(&points, SPAN, 20), "M0 30H300V0H450V60H600");
        assert_eq!(steps(&[], SPAN, 20), "");
    }

    #[test]
    fn what_is_beyond_the_edges_stays_within() {
        assert_eq!(steps(&[(0, 99), (9_000, 0)], SPAN, 20), "M0 0H600V60H600");
        let moment = Span {
            from_ns: 5,
            to_ns: 5,
        };
        assert_eq!(steps(&[(5, 1)], moment, 1), "M0 0H600");
        assert_eq!(moment.at(500), 5);
    }

    #[test]
    fn many_points_make_a_path_that_is_no_longer_than_the_drawing_is_wide() {
        let points: Vec<_> = (0..100_000).map(|at| (1_000 + at / 100, 10)).collect();
        assert_eq!(steps(&points, SPAN, 20), "M0 30H600");
    }

    #[test]
    fn a_band_is_closed() {
        let points = [(1_000, 5, 15), (1_500, 10, 20)];
        assert_eq!(band(&points, SPAN, 20), "M0 15H300V0H600V30H300V45H0Z");
    }

    #[test]
    fn a_place_in_the_drawing_is_a_time() {
        assert_eq!(SPAN.at(0), 1_000);
        assert_eq!(SPAN.at(500), 1_500);
        assert_eq!(SPAN.at(5_000), 2_000);
    }
}
