//! The states of a TCP connection and the ways between them: figure 5 of RFC 9293, 3.3.2.

use std::fmt::Write;

use wire::TcpState;

/// Where each state stands: its middle. CLOSED is where a connection begins and where it ends.
const PLACES: [(TcpState, i16, i16); 12] = [
    (TcpState::Closed, 180, 18),
    (TcpState::Listen, 64, 68),
    (TcpState::SynSent, 296, 68),
    (TcpState::SynReceived, 64, 118),
    (TcpState::Established, 180, 168),
    (TcpState::FinWait1, 64, 218),
    (TcpState::CloseWait, 296, 218),
    (TcpState::FinWait2, 64, 268),
    (TcpState::Closing, 180, 268),
    (TcpState::LastAck, 296, 268),
    (TcpState::TimeWait, 64, 318),
    (TcpState::Closed, 296, 318),
];

/// A way: from one place in the table to another, how it is drawn; where its tip is, and its angle.
type Way = (usize, usize, &'static str, [i16; 3]);

const WAYS: [Way; 16] = [
    (0, 1, "M132 18H64V54", [64, 54, 90]),
    (0, 2, "M228 18H296V54", [296, 54, 90]),
    (1, 3, "M64 81V104", [64, 104, 90]),
    (2, 3, "M248 75L113 111", [113, 111, 165]),
    (2, 4, "M296 81V168H229", [229, 168, 180]),
    (3, 4, "M80 131V168H131", [131, 168, 0]),
    (3, 5, "M40 131V204", [40, 204, 90]),
    (4, 5, "M150 181L95 204", [95, 204, 157]),
    (4, 6, "M210 181L265 204", [265, 204, 23]),
    (5, 7, "M64 231V254", [64, 254, 90]),
    (5, 8, "M112 224L150 254", [150, 254, 38]),
    (6, 9, "M296 231V254", [296, 254, 90]),
    (7, 10, "M64 281V304", [64, 304, 90]),
    (8, 10, "M150 281L113 312", [113, 312, 140]),
    (9, 11, "M296 281V304", [296, 304, 90]),
    (10, 11, "M112 318H247", [247, 318, 0]),
];

/// Draws the diagram for an end that was seen in these states, one after the other.
///
/// It is made of nothing but what stands in this file, so it may be written as HTML.
pub(super) fn diagram(seen: &[TcpState]) -> String {
    let places = places(seen);
    let mut svg = String::from("<svg viewBox=\"0 0 360 336\" aria-hidden=\"true\">");
    for (from, to, path, [x, y, angle]) in WAYS {
        let is_gone = places.windows(2).any(|pair| pair == [from, to]);
        let class = if is_gone { " is-gone" } else { "" };
        let _ = write!(
            svg,
            "<path class=\"way{class}\" d=\"{path}\"/><path class=\"tip{class}\" \
             d=\"M0 0L-7 -3.5V3.5Z\" transform=\"translate({x} {y}) rotate({angle})\"/>"
        );
    }
    for (index, (state, x, y)) in PLACES.iter().enumerate() {
        let class = match places.iter().rposition(|place| *place == index) {
            None => "state",
            Some(last) if last + 1 == places.len() => "state is-seen is-now",
            Some(_) => "state is-seen",
        };
        let (left, top, base) = (x - 48, y - 13, y + 4);
        let name = state.name();
        let _ = write!(
            svg,
            "<g class=\"{class}\"><rect x=\"{left}\" y=\"{top}\" width=\"96\" height=\"26\" \
             rx=\"6\"/><text x=\"{x}\" y=\"{base}\">{name}</text></g>"
        );
    }
    svg.push_str("</svg>");
    svg
}

/// Where in the diagram an end was. CLOSED behind any other state is the end.
fn places(seen: &[TcpState]) -> Vec<usize> {
    let place = |(index, state): (usize, &TcpState)| {
        let mut found = PLACES
            .iter()
            .enumerate()
            .filter(|(_, place)| place.0 == *state);
        let found = if index == 0 {
            found.next()
        } else {
            found.next_back()
        };
        found.map(|(place, _)| place)
    };
    seen.iter().enumerate().filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_of_the_standard_has_its_place() {
        for (state, name) in TcpState::ALL {
            assert!(PLACES.iter().any(|place| place.0 == state), "{name}");
            assert!(diagram(&[]).contains(&[">", name, "<"].concat()));
        }
    }

    #[test]
    fn a_way_is_marked_only_where_both_of_its_ends_were_seen_one_after_the_other() {
        let count = |seen: &[TcpState]| diagram(seen).matches("way is-gone").count();
        assert_eq!(count(&[TcpState::Established]), 0);
        assert_eq!(count(&[TcpState::Established, TcpState::FinWait1]), 1);
        // What lies between was not seen, so nothing is said of how it came there.
        assert_eq!(count(&[TcpState::Established, TcpState::FinWait2]), 0);
        let whole = [
            TcpState::SynSent,
            TcpState::Established,
            TcpState::CloseWait,
            TcpState::LastAck,
            TcpState::Closed,
        ];
        assert_eq!(count(&whole), 4);
        assert_eq!(places(&whole), [2, 4, 6, 9, 11]);
    }

    #[test]
    fn one_state_is_the_present_one() {
        let svg = diagram(&[TcpState::Established, TcpState::CloseWait]);
        assert_eq!(svg.matches("is-now").count(), 1);
        assert_eq!(svg.matches("is-seen").count(), 2);
        assert_eq!(diagram(&[]).matches("is-now").count(), 0);
    }
}
