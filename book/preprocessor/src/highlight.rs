//! Colours for listings, as the few highlight.js classes that mdBook's themes know.

use std::sync::LazyLock;

use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxSet};

/// What a scope of a Sublime syntax is called in highlight.js; the first row that matches the
/// innermost scope wins, then the scopes around it.
const CLASSES: [(&str, &str); 22] = [
    ("comment", "comment"),
    ("punctuation.definition.comment", "comment"),
    ("meta.annotation", "meta"),
    ("variable.annotation", "meta"),
    ("constant.character", "string"),
    ("string", "string"),
    ("punctuation.definition.string", "string"),
    ("constant.numeric", "number"),
    ("constant.language", "literal"),
    ("support.macro", "built_in"),
    ("support.function", "built_in"),
    ("support.type", "type"),
    ("storage.type.function", "keyword"),
    ("storage.type.struct", "keyword"),
    ("storage.type.enum", "keyword"),
    ("storage.type.primitive", "type"),
    ("storage.type.numeric", "type"),
    ("entity.name.function", "title"),
    ("entity.name", "title"),
    ("keyword.operator", ""),
    ("keyword", "keyword"),
    ("storage", "keyword"),
];

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

static SCOPES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    CLASSES
        .iter()
        .filter_map(|(scope, class)| Some((Scope::new(scope).ok()?, *class)))
        .collect()
});

/// The lines of `text` as runs of (class, characters); plain if the language is not known.
pub(crate) fn highlight(text: &str, language: &str) -> Vec<Vec<(String, String)>> {
    let syntax = SYNTAXES
        .find_syntax_by_token(language)
        .unwrap_or_else(|| SYNTAXES.find_syntax_plain_text());
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    text.lines()
        .map(|line| {
            let line = format!("{line}\n");
            // A line that the syntax cannot handle is printed without colours, not dropped.
            let changes = state.parse_line(&line, &SYNTAXES).unwrap_or_default();
            let mut runs = Vec::new();
            let mut start = 0;
            for (offset, change) in changes {
                push(&mut runs, class(&stack), &line[start..offset]);
                start = offset;
                if stack.apply(&change).is_err() {
                    stack = ScopeStack::new();
                }
            }
            push(&mut runs, class(&stack), &line[start..]);
            runs
        })
        .collect()
}

fn class(stack: &ScopeStack) -> &'static str {
    stack
        .as_slice()
        .iter()
        .rev()
        .find_map(|scope| {
            SCOPES
                .iter()
                .find(|(prefix, _)| prefix.is_prefix_of(*scope))
                .map(|(_, class)| *class)
        })
        .unwrap_or("")
}

fn push(runs: &mut Vec<(String, String)>, class: &str, text: &str) {
    let text = text.trim_end_matches('\n');
    if text.is_empty() {
        return;
    }
    // White space has no colour: it joins what stands before it.
    match runs.last_mut() {
        Some((last, before)) if last == class || text.trim().is_empty() => before.push_str(text),
        _ => runs.push((class.to_owned(), text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes_of(text: &str, language: &str, word: &str) -> Vec<String> {
        highlight(text, language)
            .into_iter()
            .flatten()
            .filter(|(_, text)| text.trim() == word)
            .map(|(class, _)| class)
            .collect()
    }

    const RUST: &str = r#"/// Serves.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let n: usize = 512; // how many
    println!("got {n}\n");

    loop {}
}"#;

    #[test]
    fn rust_gets_the_classes_of_the_theme() {
        let class = |word: &str| classes_of(RUST, "rust", word);
        assert_eq!(class("pub"), ["keyword"]);
        assert_eq!(class("fn"), ["keyword"]);
        assert_eq!(class("serve"), ["title"]);
        assert_eq!(class("512"), ["number"]);
        assert_eq!(class("loop"), ["keyword"]);
        assert_eq!(class("/// Serves."), ["comment"]);
        assert_eq!(class("// how many"), ["comment"]);
        assert_eq!(class("\"got {n}\\n\""), ["string"]);
    }

    #[test]
    fn go_gets_the_classes_of_the_theme() {
        let go = "package main\n\nfunc main() {\n\tx := \"a\" // b\n}\n";
        assert_eq!(classes_of(go, "go", "package"), ["keyword"]);
        assert_eq!(classes_of(go, "go", "func"), ["keyword"]);
        assert_eq!(classes_of(go, "go", "\"a\""), ["string"]);
        assert_eq!(classes_of(go, "go", "// b"), ["comment"]);
    }

    #[test]
    fn no_character_is_lost() {
        for language in ["rust", "go", "unknown"] {
            let lines: Vec<String> = highlight(RUST, language)
                .into_iter()
                .map(|runs| runs.into_iter().map(|(_, text)| text).collect())
                .collect();
            assert_eq!(lines.join("\n"), RUST);
        }
    }
}
