//! The page for addresses that lead nowhere, which is shown in place of any address, however deep.
//!
//! mdBook gives it a `<base>`, which our Content-Security-Policy forbids; its addresses are made to
//! start at the top of the site instead.

use anyhow::{Result, ensure};

/// What comes before a relative address, in the markup and in mdBook's inline script.
const BEFORE: [&str; 4] = [
    " href=\"",
    " src=\"",
    "const path_to_root = \"",
    "window.path_to_searchindex_js = \"",
];

const BASE: &str = "<base href=\"/\">";

/// The page without its `<base>`.
pub(crate) fn readable_anywhere(page: &str) -> Result<String> {
    ensure!(
        page.matches(BASE).count() == 1,
        "expected {BASE} once in 404.html: mdBook writes it differently now"
    );
    let mut page = page.replace(BASE, "");
    for before in BEFORE {
        let mut parts = page.split(before);
        let mut absolute = parts.next().unwrap_or("").to_owned();
        for part in parts {
            absolute.push_str(before);
            if is_relative(part) {
                absolute.push('/');
            }
            absolute.push_str(part);
        }
        page = absolute;
    }
    Ok(page)
}

/// Whether the address that ends at the next quote depends on where the page is.
fn is_relative(text: &str) -> bool {
    let address = text.split('"').next().unwrap_or("");
    !(address.starts_with('/') || address.starts_with('#') || address.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_starts_at_the_top() {
        let page = "<base href=\"/\">\n<link href=\"css/a.css\"><script src=\"b.js\"></script>\
                    <script>const path_to_root = \"\"; window.path_to_searchindex_js = \"s.js\";</script>";
        assert_eq!(
            readable_anywhere(page).unwrap(),
            "\n<link href=\"/css/a.css\"><script src=\"/b.js\"></script>\
             <script>const path_to_root = \"/\"; window.path_to_searchindex_js = \"/s.js\";</script>"
        );
    }

    #[test]
    fn what_is_absolute_stays() {
        let page = "<base href=\"/\"><a href=\"#x\"><a href=\"/y\"><a href=\"https://e.org\"><img src=\"data:z\">";
        assert_eq!(readable_anywhere(page).unwrap(), page.replace(BASE, ""));
    }

    #[test]
    fn another_mdbook_is_noticed() {
        assert!(readable_anywhere("<p>").is_err());
    }
}
