use wire::lab::Style;

use super::*;

const GOOD: &str = r#"server = "tcp_ok"

[[step]]
say  = "Connect. The server's `accept` returns."
play = "connect"
seen = "server accept"

[[step]]
say  = "Send **hello**."
play = ['send "hel"', 'send "lo\n"']
seen = 'client read "ok"'
hint = "Type hello."
"#;

fn fence(body: &str) -> Fence {
    Fence {
        range: 0..0,
        line: 10,
        language: "lab",
        body: body.to_owned(),
    }
}

/// Each problem of `body` as its line (the fence is line 10) and its text.
fn problems(body: &str) -> Vec<(usize, String)> {
    let mut findings = Vec::new();
    assert_eq!(parse(&fence(body), &mut findings), None);
    findings
        .into_iter()
        .map(|finding| (finding.line, finding.text))
        .collect()
}

fn check(body: &str, line: usize, expected: &str) {
    assert_eq!(problems(body), [(line, expected.to_owned())]);
}

#[test]
fn a_good_block_is_read_whole() {
    let mut findings = Vec::new();
    let block = parse(&fence(GOOD), &mut findings).unwrap();
    assert_eq!(findings, []);
    assert_eq!(block.server, "tcp_ok");
    assert_eq!(block.server_line, 11);
    assert_eq!(block.steps.len(), 2);
    let step = &block.steps[1];
    assert_eq!(step.say[1].style, Style::Strong);
    assert_eq!(
        step.play,
        [
            Act::Send(b"hel".to_vec()).into(),
            Act::Send(b"lo\n".to_vec()).into()
        ]
    );
    assert_eq!(step.seen.to_string(), "client read \"ok\"");
    assert_eq!(step.hints[0][0].text, "Type hello.");
}

#[test]
fn a_block_with_every_key_is_read_whole() {
    let body = GOOD
        .replace("\n[[step]]\nsay  = \"Connect", "name = \"tcp_ok_twice\"\ncontrols = [\"clients\", \"slicer\"]\n\n[[step]]\nsay  = \"Connect")
        .replace("\"Type hello.\"", "[\"Type hello.\", \"Then press **Send**.\"]")
        + r#"
[[question]]
ask = "What comes back?"
play = ['b: connect', 'b: send "x" * 3']

[[question.choice]]
say = "Nothing."
seen = "client nothing for 2 s"
why = "It answers *every* read."

[[question.choice]]
say = "An ok."
seen = 'client read "ok"'
why = "One read, one answer."

[[experiment]]
kind = "weird"
say = "Send bytes that are no text."
play = 'send "\xff"'

[[experiment]]
kind = "useful"
say = "Try `nc`."
"#;
    let mut findings = Vec::new();
    let block = parse(&fence(&body), &mut findings).unwrap();
    assert_eq!(findings, []);
    assert_eq!((block.name.as_str(), block.name_line), ("tcp_ok_twice", 12));
    assert_eq!(block.controls, [Control::Clients, Control::Slicer]);
    assert_eq!(block.steps[1].hints.len(), 2);
    let question = &block.questions[0];
    assert_eq!(question.play[1].client.as_deref(), Some("b"));
    assert_eq!(question.play[1].act, Act::Send(b"xxx".to_vec()));
    assert_eq!(question.choices[1].seen.to_string(), "client read \"ok\"");
    assert_eq!(question.choices[1].why[0].text, "One read, one answer.");
    assert_eq!(block.experiments[0].kind, ExperimentKind::Weird);
    assert_eq!(block.experiments[0].play[0].act, Act::Send(vec![0xff]));
    assert_eq!(block.experiments[1].play, []);
}

#[test]
fn names_and_words_are_checked() {
    let body = GOOD.replace(
        "\n\n[[step]]\nsay  = \"Connect",
        "\nname = \"A/B\"\ncontrols = \"slice\"\n\n[[step]]\nsay  = \"Connect",
    );
    let found = problems(&body);
    assert_eq!(
        found[0],
        (
            12,
            "expected a name of lower-case letters, digits and _, found `A/B`".to_owned()
        )
    );
    assert_eq!(
        found[1],
        (
            13,
            "expected one of clients, options, slicer, reading, deadline, relay, dns, stats, \
             packets, kernel, network for \
             `controls`, found `slice`"
                .to_owned()
        )
    );
}

#[test]
fn a_question_has_choices_that_can_be_told_apart() {
    let body = format!("{GOOD}\n[[question]]\nask = \"What?\"\nplay = []\n");
    check(
        &body,
        24,
        "expected two or more `[[question.choice]]`, found 0",
    );
    let choice = "[[question.choice]]\nsay = \"a\"\nseen = \"client end\"\nwhy = \"b\"\n";
    check(
        &format!("{body}{choice}{choice}"),
        24,
        "expected choices that are seen to differ, found the same `seen` twice",
    );
    check(
        &format!("{body}{choice}{}", choice.replace("why = \"b\"\n", "")),
        31,
        "expected `why = \"...\"` in this choice, found none",
    );
}

#[test]
fn broken_toml_is_told_with_its_line() {
    let found = problems("server = \"tcp_ok\"\nstep = = 1\n");
    assert_eq!(found[0].0, 12);
    assert!(found[0].1.starts_with("expected TOML"), "{found:?}");
    assert!(!found[0].1.contains('\n'));
}

#[test]
fn a_missing_server_is_told_at_the_fence() {
    let body = GOOD.replace("server = \"tcp_ok\"", "");
    check(&body, 10, "expected `server = \"LESSON\"`, found none");
}

#[test]
fn a_server_that_is_not_text() {
    let body = GOOD.replace("\"tcp_ok\"", "7");
    check(
        &body,
        11,
        "expected a quoted text for `server`, found the number 7",
    );
}

#[test]
fn a_lab_without_steps() {
    check(
        "server = \"tcp_ok\"",
        10,
        "expected at least one `[[step]]`, found none",
    );
    check(
        "server = \"tcp_ok\"\nstep = []",
        12,
        "expected `[[step]]` tables, found an empty array",
    );
    check(
        "server = \"tcp_ok\"\n\nstep = true",
        13,
        "expected `[[step]]` tables, found true",
    );
}

#[test]
fn unknown_keys_have_their_line() {
    let body = GOOD.replace("hint = ", "hits = ");
    check(
        &body,
        22,
        "expected a step to have say, play, seen, hint only, found `hits`",
    );
    let body = format!("port = 80\n{GOOD}");
    check(
        &body,
        11,
        "expected a lab to have name, server, network, controls, step, question, experiment only, found `port`",
    );
}

#[test]
fn missing_keys_have_the_line_of_their_step() {
    let body = GOOD.replace("play = \"connect\"\n", "");
    check(
        &body,
        13,
        "expected `play = \"...\"` in this step, found none",
    );
}

#[test]
fn phrases_are_checked_by_the_code_that_uses_them() {
    let body = GOOD.replace("server accept", "server acept");
    let found = problems(&body);
    assert_eq!(found[0].0, 16);
    assert!(
        found[0]
            .1
            .starts_with("expected a phrase for `seen`, found `server acept`: acept is none of"),
        "{found:?}"
    );
    let body = GOOD.replace("'send \"lo\\n\"'", "\n  'snd'");
    let found = problems(&body);
    assert_eq!(found[0].0, 21);
    assert!(found[0].1.contains("`snd`"), "{found:?}");
}

#[test]
fn a_query_is_one_that_can_be_sent() {
    let body = GOOD.replace("\"connect\"", "'ask \"a..b\" A'");
    let found = problems(&body);
    assert_eq!(found[0].0, 15);
    let expected = "expected a query that can be sent, found `ask \"a..b\" A`: ";
    assert!(found[0].1.starts_with(expected), "{found:?}");
}

#[test]
fn say_is_inline_markdown() {
    let body = GOOD.replace("Send **hello**.", "[a](b)");
    check(
        &body,
        19,
        "`say`: expected text with **strong**, *emphasis* and `code` only, found a link",
    );
    let body = GOOD.replace("Send **hello**.", "");
    check(&body, 19, "expected a sentence for `say`, found nothing");
}

#[test]
fn all_problems_are_told_at_once() {
    let body = GOOD
        .replace("server accept", "nobody accept")
        .replace("hint = \"Type hello.\"", "hint = 3")
        .replace("server = ", "sever = ");
    let lines: Vec<_> = problems(&body).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [11, 10, 16, 22]);
}

#[test]
fn the_worked_example_for_authors_is_a_lab() {
    let contributing = include_str!("../../../../CONTRIBUTING.md");
    let body = contributing.split("```lab\n").nth(1).unwrap();
    let body = body.split("```").next().unwrap();
    let mut findings = Vec::new();
    let block = parse(&fence(body), &mut findings);
    assert_eq!(findings, []);
    assert_eq!(block.unwrap().questions.len(), 1);
}

#[test]
fn a_network_and_what_is_done_to_it_are_for_simulated_labs() {
    let simulated = GOOD.replace("\"tcp_ok\"", "\"sim_ok\"\nnetwork = \"delay=20\"");
    let simulated = simulated.replace("\"connect\"", "['drop SYN', 'connect']");
    let block = parse(&fence(&simulated), &mut Vec::new()).unwrap();
    assert_eq!(block.network.map(|network| network.delay_ms), Some(20));
    let plain = parse(&fence(GOOD), &mut Vec::new()).unwrap();
    assert_eq!(plain.network, None);

    let real = GOOD.replace("\"connect\"", "['drop SYN', 'connect']");
    check(&real, 15, "expected `drop SYN` in a simulated lab only");
    let relayed = simulated.replace("'drop SYN'", "'relay loss=30'");
    check(&relayed, 16, "expected `relay loss=30` in a real lab only");
    let network = GOOD.replace("\"tcp_ok\"", "\"tcp_ok\"\nnetwork = \"delay=20\"");
    check(
        &network,
        12,
        "expected a `network` in a simulated lab only, whose server's name begins with sim_",
    );
}
