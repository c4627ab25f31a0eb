//! The list of the book's labs that every page carries, for the marks in the sidebar and the progress
//! page: JSON in an attribute, because a page of a book has no other way to know of the rest.

use std::path::Path;

use crate::html::escape;

/// The pages that have labs, in order, with their labs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Course(Vec<(String, Vec<Entry>)>);

/// The name of a lab or exhibit, its hash, and how many steps it has.
pub(crate) type Entry = (String, String, usize);

impl Course {
    /// Takes note of what the chapter at `path` has, which is relative to the book's source.
    pub(crate) fn add(&mut self, path: Option<&Path>, mut labs: Vec<Entry>) {
        labs.retain(|(_, _, steps)| *steps > 0);
        if let Some(page) = path.and_then(page_of).filter(|_| !labs.is_empty()) {
            self.0.push((page, labs));
        }
    }

    /// The element for the end of every chapter; `None` for a book without labs.
    pub(crate) fn html(&self) -> Option<String> {
        let list = serde_json::to_string(&self.0).ok()?;
        (!self.0.is_empty())
            .then(|| format!("\n\n<div hidden data-course=\"{}\"></div>\n", escape(&list)))
    }
}

/// The page that mdBook makes of a chapter, from the top of the site.
fn page_of(path: &Path) -> Option<String> {
    let path = path.with_extension("html");
    let path = match path.file_stem()?.to_str()? {
        "README" => path.with_file_name("index.html"),
        _ => path,
    };
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chapter_is_known_by_the_page_that_it_becomes() {
        for (path, page) in [
            ("tcp-ok.md", "tcp-ok.html"),
            ("udp/README.md", "udp/index.html"),
        ] {
            assert_eq!(page_of(Path::new(path)).as_deref(), Some(page));
        }
    }

    #[test]
    fn a_book_without_labs_carries_no_list() {
        let mut course = Course::default();
        course.add(Some(Path::new("a.md")), Vec::new());
        assert_eq!(course.html(), None);
    }
}
