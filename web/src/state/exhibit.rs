//! What a reader has found in an exhibit.

use wire::classify::Fact;
use wire::exhibit::{Exhibit, Wanted};

use super::base64;

/// The exhibit that a placeholder's `data-spec` stands for; `None` if it is damaged.
pub(crate) fn decode_exhibit(spec: &str) -> Option<Exhibit> {
    postcard::from_bytes(&base64::decode(spec)?).ok()
}

/// Whether what is wanted is what was selected or typed.
pub(crate) fn is_found(wanted: &Wanted, selected: Option<usize>, facts: &[Fact]) -> bool {
    match wanted {
        Wanted::Field(place) => selected == Some(*place as usize),
        Wanted::Classes(classes) => classes
            .iter()
            .all(|class| facts.iter().any(|fact| fact.class == *class)),
    }
}

#[cfg(test)]
mod tests {
    use wire::classify::{Class, classify};

    use super::*;

    #[test]
    fn a_field_is_found_by_selecting_it_and_no_other() {
        let wanted = Wanted::Field(3);
        assert!(is_found(&wanted, Some(3), &[]));
        assert!(!is_found(&wanted, Some(4), &[]));
        assert!(!is_found(&wanted, None, &[]));
    }

    #[test]
    fn an_address_is_found_when_all_of_its_classes_are() {
        let wanted = Wanted::Classes(vec![Class::Mapped, Class::Private]);
        let found = |text: &str| is_found(&wanted, None, &classify(text).unwrap().facts);
        assert!(found("::ffff:10.0.0.1"));
        assert!(!found("10.0.0.1"));
        assert!(!found("::ffff:127.0.0.1"));
    }
}
