use std::fs;
use std::path::PathBuf;

use mdbook_preprocessor::book::BookItem;
use mdbook_preprocessor::config::Config;

use super::*;

/// A repository with one lesson, gone at the end of the test.
struct Repository(PathBuf);

impl Repository {
    fn new(name: &str) -> Self {
        let top = std::env::temp_dir().join(format!("wirebook-labs-{}-{name}", std::process::id()));
        let repository = Self(top);
        repository.write(
            "native/src/lessons/tcp_ok.rs",
            "use x;\n// ANCHOR: listing\nfn serve() {\n\n}\n// ANCHOR_END: listing\n",
        );
        repository.write("native/src/lessons/mod.rs", "mod tcp_ok;\n");
        repository
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Runs with labs of which nothing was recorded.
    fn run(&self, chapters: &[(&str, &str)], config: &str) -> Result<Vec<String>> {
        let config = format!("[preprocessor.lab]\nunrecorded = true\n{config}");
        self.run_with(chapters, &config)
    }

    fn run_with(&self, chapters: &[(&str, &str)], config: &str) -> Result<Vec<String>> {
        let config: Config = config.parse().unwrap();
        let context = PreprocessorContext::new(self.0.join("book"), config, "html".to_owned());
        let items = chapters.iter().map(|(path, content)| {
            let content = (*content).to_owned();
            BookItem::Chapter(Chapter::new("Title", content, *path, Vec::new()))
        });
        let book = Labs.run(&context, Book::new_with_items(items.collect()))?;
        Ok(book
            .chapters()
            .map(|chapter| chapter.content.clone())
            .collect())
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        // Nothing can be done about a folder that stays.
        fs::remove_dir_all(&self.0).ok();
    }
}

const LAB: &str = "```lab\nserver = \"tcp_ok\"\n[[step]]\nsay = \"Go.\"\nplay = \"connect\"\nseen = \"server accept\"\n```";

#[test]
fn a_lab_becomes_html_and_the_rest_stays() {
    let repository = Repository::new("html");
    let chapter = format!("# A\n\nbefore\n{LAB}\nafter\n");
    let book = repository.run(&[("a.md", &chapter)], "").unwrap();
    let html = &book[0];
    assert!(
        html.starts_with(
            "# A\n\nbefore\n\n\n<section class=\"lab\" id=\"lab-tcp_ok\" data-lab=\"tcp_ok\""
        ),
        "{html}"
    );
    assert!(html.contains("</section>\n\n\nafter\n"), "{html}");
    assert!(html.contains("native/src/lessons/tcp_ok.rs, from line 3"));
}

#[test]
fn every_chapter_carries_the_list_of_all_labs() {
    let repository = Repository::new("course");
    let chapters = [("a.md", "# A\n"), ("b/c.md", LAB)];
    let book = repository.run(&chapters, "").unwrap();
    let list = "<div hidden data-course=\"[[&quot;b/c.html&quot;,[[&quot;tcp_ok&quot;,&quot;";
    assert!(
        book[0].starts_with(&format!("# A\n\n\n{list}")),
        "{}",
        book[0]
    );
    assert!(book[1].contains(list), "{}", book[1]);
}

#[test]
fn the_page_comes_from_the_configuration() {
    let repository = Repository::new("page");
    let config = "page = \"lab/page-1.js\"\ndepth = \"lab/depth-3.js\"\nbuild = \"2\"\n";
    let book = repository.run(&[("a.md", LAB)], config).unwrap();
    assert!(
        book[0]
            .contains("data-page=\"lab/page-1.js\" data-depth=\"lab/depth-3.js\" data-build=\"2\"")
    );
}

#[test]
fn go_files_are_found_by_name() {
    let repository = Repository::new("go");
    repository.write("book/go/tcp_ok/client/main.go", "package main\n");
    let book = repository.run(&[("a.md", LAB)], "").unwrap();
    assert!(book[0].contains("Client in Go"));
    assert!(!book[0].contains("Server in Go"));
}

#[test]
fn all_problems_of_a_book_are_told_at_once() {
    let repository = Repository::new("problems");
    repository.write("native/src/lessons/bare.rs", "fn serve() {}\n");
    let first = format!("# A\n\n{}\n", LAB.replace("tcp_ok", "tcp_no"));
    let second = LAB.replace("server accept", "server dance");
    let third = LAB.replace("tcp_ok", "bare");
    let chapters = [("b/a.md", &*first), ("c.md", &*second), ("d.md", &*third)];
    let error = repository.run(&chapters, "").unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 4, "{error}");
    assert_eq!(lines[0], "3 problems in the book's labs");
    assert_eq!(
        lines[1],
        "book/src/b/a.md:4: expected the name of a file in native/src/lessons (bare, tcp_ok), \
         found `tcp_no`"
    );
    assert!(
        lines[2].starts_with("book/src/c.md:6: expected a phrase for `seen`, found `server dance`")
    );
    assert_eq!(
        lines[3],
        "native/src/lessons/bare.rs:1: expected `// ANCHOR: listing` and \
         `// ANCHOR_END: listing`, found none"
    );
}

#[test]
fn a_server_is_a_name_and_never_a_path() {
    let repository = Repository::new("path");
    for server in ["../lessons/tcp_ok", "mod", "", "/etc/passwd"] {
        let chapter = LAB.replace("tcp_ok", server);
        let error = repository.run(&[("a.md", &chapter)], "").unwrap_err();
        let expected = format!("found `{server}`");
        assert!(error.to_string().ends_with(&expected), "{error}");
    }
}

#[test]
fn rewording_a_step_keeps_the_hash_and_changing_it_does_not() {
    let hash_of = |text: &str| {
        let mut findings = Vec::new();
        let fences = fence::find(text, &mut findings);
        let block = block::parse(&fences[0], &mut findings).unwrap();
        hash(&block)
    };
    let original = hash_of(LAB);
    assert_eq!(original.len(), 16);
    assert_eq!(hash_of(&LAB.replace("Go.", "Start.")), original);
    assert_ne!(hash_of(&LAB.replace("accept", "close")), original);
}

#[test]
fn a_name_belongs_to_one_lab_of_the_book() {
    let repository = Repository::new("names");
    let named = LAB.replace("[[step]]", "name = \"other\"\n[[step]]");
    let chapters = [("a.md", LAB), ("b.md", &*named), ("c.md", LAB)];
    let error = repository.run(&chapters, "").unwrap_err().to_string();
    assert_eq!(
        error,
        "1 problem in the book's labs\nbook/src/c.md:2: expected a name that no other lab has \
         (`name = \"...\"`), found `tcp_ok`, which book/src/a.md:2 has"
    );
    let book = repository.run(&chapters[..2], "").unwrap();
    assert!(book[1].contains("data-lab=\"other\""));
}

/// A recorded exchange in which each of these events is a close at the client.
fn trace(ticks: &[u32], events: usize) -> String {
    let event = r#"{"sequence":1,"time_ns":0,"connection":1,"end":"client","action":"close","worker":null,"source":null}"#;
    format!(
        r#"{{"version":1,"lab":"tcp_ok","recorded":{{"date":"2026-11-21","version":"0.1.0"}},
        "server":{{"lesson":"tcp_ok","transport":"tcp","address":"127.0.0.1:9090"}},
        "steps":{{"clients":[],"ticks":{ticks:?},"events":[{}]}},"questions":[]}}"#,
        vec![event; events].join(",")
    )
}

#[test]
fn what_was_recorded_stands_under_its_step_and_travels_with_the_lab() {
    let repository = Repository::new("recorded");
    repository.write("book/traces/tcp_ok.json", &trace(&[1], 1));
    let book = repository.run_with(&[("a.md", LAB)], "").unwrap();
    assert!(
        book[0].contains("Recorded on 2026-11-21 with Wirebook 0.1.0."),
        "{}",
        book[0]
    );
    assert!(book[0].contains("<li>The client closed its socket.</li></ol></li></ol>"));
    let folder = repository.0.join("book");
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/a.md"), LAB).unwrap();
    let found = labs_of(&folder).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].file, "book/src/a.md");
    assert_eq!(found[0].line, 1);
    let recorded = found[0].lab.recorded.as_ref().unwrap();
    assert_eq!(recorded.steps.ticks, [1]);
    let text = recorded.to_json().unwrap();
    assert_eq!(
        serde_json::from_str::<wire::Trace>(&text).unwrap(),
        *recorded
    );
}

#[test]
fn an_exchange_that_is_not_recorded_or_of_other_steps_is_a_problem() {
    let repository = Repository::new("unrecorded");
    let told = |repository: &Repository| {
        let error = repository.run_with(&[("a.md", LAB)], "").unwrap_err();
        error.to_string().lines().nth(1).unwrap_or("").to_owned()
    };
    assert_eq!(
        told(&repository),
        "book/traces/tcp_ok.json:1: expected a recorded exchange, found none; \
         run `cargo lab record tcp_ok`"
    );
    repository.write("book/traces/tcp_ok.json", &trace(&[1, 1], 1));
    assert_eq!(
        told(&repository),
        "book/traces/tcp_ok.json:1: expected a recorded exchange whose number of steps is 1, \
         found 2; run `cargo lab record tcp_ok`"
    );
    for (damaged, problem) in [
        (trace(&[2], 1), "expected ticks in the order of the events"),
        (
            "{".to_owned(),
            "expected a recorded exchange, found: reading",
        ),
    ] {
        repository.write("book/traces/tcp_ok.json", &damaged);
        let told = told(&repository);
        assert!(told.contains(problem), "{told}");
    }
}

#[test]
fn only_html_is_made() {
    assert!(Labs.supports_renderer("html").unwrap());
    assert!(!Labs.supports_renderer("markdown").unwrap());
}

#[test]
fn a_simulated_lab_has_its_network_its_label_and_its_listing() {
    let repository = Repository::new("simulated");
    repository.write(
        "web/sim/src/apps/echo.rs",
        "use y;\n// ANCHOR: listing\nfn serve() {}\n// ANCHOR_END: listing\n",
    );
    let lab = LAB.replace("\"tcp_ok\"", "\"sim_echo\"\nnetwork = \"delay=20 loss=30\"");
    let chapter = repository.run(&[("a.md", &lab)], "").unwrap().remove(0);
    for expected in [
        "Simulated lab: <code>sim_echo</code>",
        "The link takes 20 ms each way, loses 30 of 100 packets; its MTU is 1500 bytes.",
        "web/sim/src/apps/echo.rs, from line 3",
    ] {
        assert!(chapter.contains(expected), "{chapter}");
    }
    let wrong = LAB.replace("\"tcp_ok\"", "\"sim_nothing\"");
    let error = repository.run(&[("a.md", &wrong)], "").unwrap_err();
    let expected = "expected the name of a file in web/sim/src/apps (echo), found `nothing`";
    assert!(error.to_string().contains(expected), "{error}");
}
