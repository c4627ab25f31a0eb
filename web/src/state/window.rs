//! Which rows of a long list are in sight, so that only those are drawn.

use std::ops::Range;

/// Rows drawn beyond each edge, so that a small scroll shows no hole.
const OVERSCAN: usize = 6;

/// A list of rows of one height in a box that scrolls; all lengths in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    /// How many rows there are.
    pub(crate) rows: usize,
    /// Of each row.
    pub(crate) row_height: f64,
    /// Of the box.
    pub(crate) height: f64,
    /// How far the box is scrolled.
    pub(crate) top: f64,
}

impl Window {
    /// The rows to draw.
    pub(crate) fn range(&self) -> Range<usize> {
        if self.row_height <= 0.0 {
            return 0..self.rows.min(OVERSCAN);
        }
        let first = (self.top.max(0.0) / self.row_height) as usize;
        let count = (self.height / self.row_height) as usize + 1;
        let end = (first + count + OVERSCAN).min(self.rows);
        first.saturating_sub(OVERSCAN).min(end)..end
    }

    /// Whether the last row is in sight: only then the list follows what is new.
    pub(crate) fn is_at_end(&self) -> bool {
        self.top + self.height >= self.rows as f64 * self.row_height - self.row_height / 2.0
    }
}

/// Where to scroll so that row `index` is in sight, moving as little as possible.
pub(crate) fn scroll_to(window: Window, index: usize) -> Option<f64> {
    let top = index as f64 * window.row_height;
    if top < window.top {
        Some(top)
    } else if top + window.row_height > window.top + window.height {
        Some(top + window.row_height - window.height)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{Window, scroll_to};

    const WINDOW: Window = Window {
        rows: 10_000,
        row_height: 30.0,
        height: 300.0,
        top: 3_000.0,
    };

    #[test]
    fn only_what_is_near_is_drawn() {
        assert_eq!(WINDOW.range(), 94..117);
        assert_eq!(Window { top: 0.0, ..WINDOW }.range(), 0..17);
        assert_eq!(
            Window {
                rows: 3,
                top: 0.0,
                ..WINDOW
            }
            .range(),
            0..3
        );
        assert_eq!(Window { rows: 0, ..WINDOW }.range(), 0..0);
        assert_eq!(Window { rows: 3, ..WINDOW }.range(), 3..3);
        assert_eq!(
            Window {
                row_height: 0.0,
                ..WINDOW
            }
            .range(),
            0..6
        );
        assert_eq!(
            Window {
                top: -40.0,
                ..WINDOW
            }
            .range(),
            0..17
        );
    }

    #[test]
    fn the_end_is_recognised() {
        assert!(!WINDOW.is_at_end());
        let bottom = 10_000.0 * 30.0 - 300.0;
        assert!(
            Window {
                top: bottom,
                ..WINDOW
            }
            .is_at_end()
        );
        assert!(
            Window {
                top: bottom - 10.0,
                ..WINDOW
            }
            .is_at_end()
        );
        assert!(
            !Window {
                top: bottom - 30.0,
                ..WINDOW
            }
            .is_at_end()
        );
        assert!(
            Window {
                rows: 2,
                top: 0.0,
                ..WINDOW
            }
            .is_at_end()
        );
    }

    #[test]
    fn a_row_out_of_sight_is_scrolled_to_by_the_shortest_way() {
        assert_eq!(scroll_to(WINDOW, 105), None);
        assert_eq!(scroll_to(WINDOW, 99), Some(2_970.0));
        assert_eq!(scroll_to(WINDOW, 110), Some(3_030.0));
    }
}
