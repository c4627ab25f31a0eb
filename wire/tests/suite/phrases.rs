use wire::{Play, Seen};

#[track_caller]
fn seen(phrase: &str) {
    let seen: Seen = phrase.parse().unwrap();
    assert_eq!(seen.to_string(), phrase);
}

#[track_caller]
fn seen_fails(phrase: &str, expected: &str) {
    let error = phrase.parse::<Seen>().unwrap_err();
    assert_eq!(error.to_string(), format!("`{phrase}`: {expected}"));
}

#[track_caller]
fn play_fails(phrase: &str, expected: &str) {
    let error = phrase.parse::<Play>().unwrap_err();
    assert_eq!(error.to_string(), format!("`{phrase}`: {expected}"));
}

#[test]
fn every_kind_of_seen_is_read_and_written_back() {
    for phrase in [
        "client connect",
        "server accept",
        "server end",
        "client half-close",
        "server close",
        "client reset",
        "client read",
        "client read \"ok\"",
        "server write \"a\\nb\"",
        "server receive \"\\\"quoted\\\"\"",
        "client send",
        "server wait",
        "server wait read",
        "server wait receive",
        "client cancel connect",
        "client error",
        "client error refused",
        "client nothing for 2 s",
    ] {
        seen(phrase);
    }
}

#[test]
fn a_wrong_seen_says_what_was_expected() {
    seen_fails("", "expected client or server, found the end");
    seen_fails("wire syn", "wire is none of client, server");
    seen_fails(
        "client \"ok\"",
        "expected what is seen, e.g. accept, read \"ok\", wait read, found a quoted text",
    );
    seen_fails(
        "client reads",
        "reads is none of connect, accept, read, write, receive, send, end, half-close, close, \
         reset, wait, cancel, error, nothing",
    );
    seen_fails("client read \"ok", "the quoted text has no closing \"");
    seen_fails(
        "client read ok",
        "expected a quoted text as in \"hello\\n\", found ok",
    );
    seen_fails("client read \"ok\" now", "now is one word too many");
    seen_fails("server accept \"x\"", "there is a quoted text too many");
    seen_fails(
        "client read \"\\q\"",
        "\\q means nothing here: use \\n, \\r, \\t, \\0, \\xNN, or \\\\ for a backslash",
    );
    seen_fails(
        "server wait walk",
        "walk is none of connect, accept, read, write, receive, send, half-close",
    );
    for secs in ["0", "61", "two", "-1"] {
        seen_fails(
            &format!("client nothing for {secs} s"),
            &format!("{secs} is not a whole number of seconds from 1 to 60"),
        );
    }
    seen_fails(
        "client nothing for 2 min",
        "expected `nothing for SECONDS s`, as in `nothing for 2 s`",
    );
}

#[test]
fn every_kind_of_play_is_read_and_written_back() {
    for phrase in [
        "connect",
        "send \"hello\\n\"",
        "send \"\"",
        "half-close",
        "close",
        "reset",
    ] {
        let play: Play = phrase.parse().unwrap();
        assert_eq!(play.to_string(), phrase);
    }
}

#[test]
fn a_wrong_play_says_what_was_expected() {
    let all = "connect, send, half-close, close or reset";
    play_fails("", &format!("expected {all}, found the end"));
    play_fails("shout", &format!("expected {all}, found shout"));
    play_fails("send", "send wants a quoted text, as in send \"hello\\n\"");
    play_fails("close now", "now is one word too many");
}
