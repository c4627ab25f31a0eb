//! Writing the element that the page takes over, readable without it.
//!
//! It is one line: a blank line would end the HTML (CommonMark 0.31, 4.6), and a listing has blank
//! lines. Line ends inside a listing are written as character references, which mean the same.

pub(crate) mod exhibit;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wire::lab::{ExperimentKind, Lab, Listing, Run, Style};
use wire::session::is_simulated;
use wire::trace::Part;
use wire::{Event, NetworkSettings, Seen};

use crate::narrate;

/// Which build of the page takes the element over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// The script, from the top of the site.
    pub(crate) script: Option<String>,
    /// What it loads when it first needs it, from the top of the site.
    pub(crate) depth: Option<String>,
    /// Names the build of the book.
    pub(crate) build: Option<String>,
}

/// The placeholder for `lab`.
pub(crate) fn placeholder(lab: &Lab, page: &Page) -> Result<String, postcard::Error> {
    let spec = STANDARD.encode(postcard::to_allocvec(lab)?);
    let name = escape(&lab.name);
    let mut html = format!(
        "<section class=\"lab\" id=\"lab-{name}\" data-lab=\"{name}\" data-state=\"offline\" data-spec=\"{spec}\""
    );
    for (name, value) in [
        ("data-page", &page.script),
        ("data-depth", &page.depth),
        ("data-build", &page.build),
    ] {
        if let Some(value) = value {
            html.push_str(&format!(" {name}=\"{}\"", escape(value)));
        }
    }
    html.push_str(&format!(" aria-label=\"Lab: {name}\">"));
    let (title, how, place) = match is_simulated(&lab.server) {
        true => (
            "Simulated lab",
            "Here two hosts talk over a simulated network, which runs in this page. \
             It needs JavaScript.",
            " in the simulated network",
        ),
        false => (
            "Lab",
            "Here you talk to a real server on your own machine. To start it, run \
             <code>cargo lab</code> in a copy of Wirebook and open the link it prints.",
            "",
        ),
    };
    html.push_str(&format!(
        "<div class=\"lab-offline\"><p class=\"lab-offline-title\"><strong>{title}: \
         <code>{name}</code></strong></p><p class=\"lab-offline-how\">{how}</p>"
    ));
    if let Some(network) = &lab.network {
        html.push_str(&format!(
            "<p class=\"lab-offline-network\">{}</p>",
            link(network)
        ));
    }
    if let Some(trace) = &lab.recorded {
        html.push_str(&format!(
            "<p class=\"lab-offline-recorded\">What follows each step was observed once{place}. \
             Recorded on {} with Wirebook {}.</p>",
            escape(&trace.recorded.date),
            escape(&trace.recorded.version)
        ));
    }
    push_steps(lab, &mut html);
    push_questions(lab, &mut html);
    push_experiments(lab, &mut html);
    for listing in &lab.listings {
        push_listing(listing, &mut html);
    }
    html.push_str("</div></section>");
    Ok(html)
}

/// What a simulated link does, in a sentence.
fn link(network: &NetworkSettings) -> String {
    let mut link = format!("The link takes {} ms each way", network.delay_ms);
    for (value, before, behind) in [
        (u32::from(network.jitter_ms), "up to ", " ms more"),
        (network.bandwidth_kbit, "", " kbit per second"),
        (network.loss_percent.into(), "loses ", " of 100 packets"),
        (network.duplicate_percent.into(), "doubles ", " of 100"),
        (network.reorder_percent.into(), "holds back ", " of 100"),
        (
            network.corrupt_percent.into(),
            "changes a bit in ",
            " of 100",
        ),
    ] {
        if value > 0 {
            link.push_str(&format!(", {before}{value}{behind}"));
        }
    }
    link.push_str(&format!("; its MTU is {} bytes.", network.mtu));
    link
}

fn push_steps(lab: &Lab, html: &mut String) {
    html.push_str("<ol class=\"lab-offline-steps\">");
    let mut begin = 0;
    for (index, step) in lab.steps.iter().enumerate() {
        html.push_str(&format!(
            "<li><p>{}</p><p class=\"lab-offline-seen\">Ticks when this is observed: <code>{}</code></p>",
            runs(&step.say),
            escape(&step.seen.to_string()),
        ));
        if let Some(part) = lab.recorded.as_ref().map(|trace| &trace.steps) {
            let end = part.ticks.get(index).map_or(begin, |tick| *tick as usize);
            let events = part.events.get(begin..end).unwrap_or_default();
            push_observed(part, events, &step.seen, html);
            begin = end;
        }
        html.push_str("</li>");
    }
    html.push_str("</ol>");
}

fn push_observed(part: &Part, events: &[Event], seen: &Seen, html: &mut String) {
    let sentences = narrate::sentences(part, events, seen);
    if sentences.is_empty() {
        return;
    }
    html.push_str("<ol class=\"lab-offline-observed\" aria-label=\"Observed\">");
    for sentence in sentences {
        html.push_str(&format!("<li>{sentence}</li>"));
    }
    html.push_str("</ol>");
}

fn push_questions(lab: &Lab, html: &mut String) {
    for (index, question) in lab.questions.iter().enumerate() {
        html.push_str(&format!(
            "<div class=\"lab-offline-question\"><p><strong>Predict:</strong> {}</p><ul>",
            runs(&question.ask)
        ));
        for choice in &question.choices {
            html.push_str(&format!("<li>{}</li>", runs(&choice.say)));
        }
        html.push_str("</ul>");
        let trace = lab.recorded.as_ref();
        let answered = trace.and_then(|trace| trace.questions.get(index));
        let outcome = answered.and_then(|answered| {
            let choice = question.choices.get(usize::from(answered.outcome))?;
            Some((answered, choice))
        });
        if let Some((answered, right)) = outcome {
            html.push_str("<details><summary>What happened</summary>");
            push_observed(&answered.part, &answered.part.events, &right.seen, html);
            html.push_str("<ul>");
            for choice in &question.choices {
                let verdict = if choice == right { "Right" } else { "Not so" };
                html.push_str(&format!(
                    "<li><strong>{verdict}:</strong> {} {}</li>",
                    runs(&choice.say),
                    runs(&choice.why)
                ));
            }
            html.push_str("</ul></details>");
        }
        html.push_str("</div>");
    }
}

fn push_experiments(lab: &Lab, html: &mut String) {
    if lab.experiments.is_empty() {
        return;
    }
    html.push_str("<div class=\"lab-offline-experiments\"><p><strong>To try</strong></p><ul>");
    for experiment in &lab.experiments {
        let kind = match experiment.kind {
            ExperimentKind::Useful => "Useful",
            ExperimentKind::Weird => "Weird",
            ExperimentKind::Broken => "Broken on purpose",
        };
        html.push_str(&format!(
            "<li><strong>{kind}.</strong> {}</li>",
            runs(&experiment.say)
        ));
    }
    html.push_str("</ul></div>");
}

fn push_listing(listing: &Listing, html: &mut String) {
    html.push_str(&format!(
        "<details class=\"lab-offline-listing\"><summary>{} <span class=\"lab-offline-file\">{}, from line {}</span>\
         </summary><pre><code class=\"nohighlight hljs\">",
        escape(&listing.title),
        escape(&listing.file),
        listing.first_line,
    ));
    for line in &listing.lines {
        for (class, text) in line {
            let text = escape(text);
            if class.is_empty() {
                html.push_str(&text);
            } else {
                html.push_str(&format!(
                    "<span class=\"hljs-{}\">{text}</span>",
                    escape(class)
                ));
            }
        }
        html.push_str("&#10;");
    }
    html.push_str("</code></pre></details>");
}

fn runs(runs: &[Run]) -> String {
    runs.iter()
        .map(|run| {
            let text = escape(&run.text);
            match run.style {
                Style::Plain => text,
                Style::Strong => format!("<strong>{text}</strong>"),
                Style::Emphasis => format!("<em>{text}</em>"),
                Style::Code => format!("<code>{text}</code>"),
            }
        })
        .collect()
}

/// Text that stays text: in an element, in an attribute, in one line of Markdown, and past mdBook's
/// own `{{#...}}` directives, which are looked for after this.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '{' => escaped.push_str("&#123;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            _ => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use wire::Act;
    use wire::lab::Step;

    use super::*;

    fn lab(text: &str) -> Lab {
        Lab {
            name: "tcp_ok".to_owned(),
            server: "tcp_ok".to_owned(),
            controls: Vec::new(),
            questions: Vec::new(),
            experiments: Vec::new(),
            recorded: None,
            network: None,
            hash: "abc".to_owned(),
            steps: vec![Step {
                say: vec![
                    Run {
                        style: Style::Plain,
                        text: text.to_owned(),
                    },
                    Run {
                        style: Style::Code,
                        text: text.to_owned(),
                    },
                ],
                play: vec![Act::Connect.into()],
                seen: "client read \"<b>\"".parse().unwrap(),
                hints: Vec::new(),
            }],
            listings: vec![Listing {
                title: "Server in Rust".to_owned(),
                language: "rust".to_owned(),
                file: "native/src/lessons/tcp_ok.rs".to_owned(),
                first_line: 7,
                lines: vec![
                    vec![
                        ("keyword".to_owned(), "fn".to_owned()),
                        (String::new(), format!(" {text}")),
                    ],
                    Vec::new(),
                    vec![(String::new(), "}".to_owned())],
                ],
            }],
        }
    }

    #[test]
    fn the_placeholder_carries_the_whole_lab() {
        let lab = lab("hello");
        let html = placeholder(&lab, &Page::default()).unwrap();
        let spec = html.split("data-spec=\"").nth(1).unwrap();
        let spec = STANDARD.decode(spec.split('"').next().unwrap()).unwrap();
        assert_eq!(postcard::from_bytes::<Lab>(&spec).unwrap(), lab);
        assert!(html.starts_with(
            "<section class=\"lab\" id=\"lab-tcp_ok\" data-lab=\"tcp_ok\" data-state=\"offline\""
        ));
        assert!(html.contains("aria-label=\"Lab: tcp_ok\">"));
        assert!(!html.contains("data-page"));
        assert!(!html.contains("data-build"));
    }

    #[test]
    fn the_page_and_its_build_are_named_when_there_is_one() {
        let page = Page {
            script: Some("lab/page-12.js".to_owned()),
            depth: Some("lab/depth-56.js".to_owned()),
            build: Some("34".to_owned()),
        };
        let html = placeholder(&lab("x"), &page).unwrap();
        assert!(html.contains(
            " data-page=\"lab/page-12.js\" data-depth=\"lab/depth-56.js\" data-build=\"34\" "
        ));
    }

    #[test]
    fn a_simulated_lab_says_so() {
        let mut lab = lab("hello");
        lab.server = "sim_ok".to_owned();
        let html = placeholder(&lab, &Page::default()).unwrap();
        assert!(html.contains("Simulated lab: <code>tcp_ok</code>"));
        assert!(html.contains("simulated network"));
        assert!(!html.contains("real server"));
    }

    #[test]
    fn nothing_in_a_lab_becomes_markup() {
        let html =
            placeholder(&lab("</code><script>\"'&{{#include x}}"), &Page::default()).unwrap();
        assert!(!html.contains("<script>"));
        assert!(!html.contains("{{"));
        assert!(
            html.contains("&lt;/code&gt;&lt;script&gt;&quot;&#39;&amp;&#123;&#123;#include x}}")
        );
        assert!(html.contains("<code>client read &quot;&lt;b&gt;&quot;</code>"));
    }

    #[test]
    fn it_is_one_line_whatever_it_holds() {
        let html = placeholder(&lab("two\n\nlines\r\n"), &Page::default()).unwrap();
        assert!(!html.contains('\n') && !html.contains('\r'));
        assert!(html.contains(
            "<span class=\"hljs-keyword\">fn</span> two&#10;&#10;lines&#13;&#10;&#10;&#10;}&#10;</code>"
        ));
    }
}
