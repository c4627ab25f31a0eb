//! Reading rendered pages: inline scripts, links and the places they lead to.

use std::cell::RefCell;

use anyhow::{Context, Result};
use html5ever::tendril::ByteTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// What matters of a page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// The text of every inline script, as a browser hashes it for a Content-Security-Policy.
    pub(crate) scripts: Vec<String>,
    /// The values of `href`.
    pub(crate) links: Vec<String>,
    /// The values of `src`, and the script that a lab names, from the top of the site.
    pub(crate) sources: Vec<String>,
    /// The values of `id` and of `name` on anchors: what a fragment can lead to.
    pub(crate) anchors: Vec<String>,
    /// Attributes that run a script, which our policy forbids: `onclick`, ...
    pub(crate) handlers: Vec<String>,
}

/// Reads a page.
pub(crate) fn scan(page: &str) -> Result<Scan> {
    let bytes: ByteTendril = page.as_bytes().into();
    let text = bytes
        .try_reinterpret()
        .ok()
        .context("the page is not UTF-8")?;
    let queue = BufferQueue::default();
    queue.push_back(text);
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    // A script ends a feed early; the rest is fed again.
    while !queue.is_empty() {
        // The result says why it paused, which does not matter here.
        let _ = tokenizer.feed(&queue);
    }
    tokenizer.end();
    Ok(tokenizer.sink.state.into_inner().scan)
}

#[derive(Default)]
struct Sink {
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    scan: Scan,
    /// The text so far of the inline script that is being read.
    script: Option<String>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.state.borrow_mut();
        match token {
            Token::TagToken(tag) => return state.tag(&tag),
            Token::CharacterTokens(text) => {
                if let Some(script) = &mut state.script {
                    script.push_str(&text);
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl State {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name: &str = &tag.name;
        if tag.kind == TagKind::EndTag {
            if name == "script" {
                self.scan.scripts.extend(self.script.take());
            }
            return TokenSinkResult::Continue;
        }
        let mut has_source = false;
        for attribute in &tag.attrs {
            let key: &str = &attribute.name.local;
            let value = attribute.value.to_string();
            match key {
                "href" => self.scan.links.push(value),
                "src" => {
                    has_source = true;
                    self.scan.sources.push(value);
                }
                "data-page" | "data-depth" => self.scan.sources.push(format!("/{value}")),
                "id" => self.scan.anchors.push(value),
                "name" if name == "a" => self.scan.anchors.push(value),
                _ if key.starts_with("on") => self.scan.handlers.push(format!("<{name} {key}>")),
                _ => {}
            }
        }
        match name {
            "script" => {
                self.script = (!has_source).then(String::new);
                TokenSinkResult::RawData(RawKind::ScriptData)
            }
            "style" | "xmp" | "iframe" | "noembed" | "noframes" => {
                TokenSinkResult::RawData(RawKind::Rawtext)
            }
            "textarea" | "title" => TokenSinkResult::RawData(RawKind::Rcdata),
            _ => TokenSinkResult::Continue,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_scripts_are_taken_to_the_byte() {
        let page = "<script>\n let a = '<b>' && 1;\n</script><script src=x.js></script><p>";
        let scan = scan(page).unwrap();
        assert_eq!(scan.scripts, ["\n let a = '<b>' && 1;\n"]);
        assert_eq!(scan.sources, ["x.js"]);
    }

    #[test]
    fn what_looks_like_a_tag_in_text_is_none() {
        let page = "<!-- <script>a</script> --><title><script>b</script></title>\
                    <p title='<script>c</script>'>&lt;script&gt;";
        assert_eq!(scan(page).unwrap(), Scan::default());
    }

    #[test]
    fn links_and_anchors_are_decoded() {
        let scan = scan("<a href='a.html?x&amp;y#z' id=one>t</a><img src=b.png>").unwrap();
        assert_eq!(scan.links, ["a.html?x&y#z"]);
        assert_eq!(scan.sources, ["b.png"]);
        assert_eq!(scan.anchors, ["one"]);
    }

    #[test]
    fn handlers_are_told() {
        let scan = scan("<img onerror='x()'>").unwrap();
        assert_eq!(scan.handlers, ["<img onerror>"]);
    }
}
