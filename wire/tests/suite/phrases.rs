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
        "relay lose \"3\"",
        "relay hold",
        "relay duplicate",
        "client option",
        "client option no-delay",
        "server accept 3 times",
        "server read \"ok\" 2 times",
        "server read like \"GET * HTTP/1.?\"",
        "server read \"\\0\\x05\"",
        "server wait poll",
        "client nothing for 2 s",
        "wire SYN",
        "wire SYN-ACK from server",
        "wire any 3 times",
        "wire data from client 2 times",
        "wire drop SYN-ACK",
        "wire arrive any",
        "wire duplicate data from server",
        "client state TIME-WAIT",
        "server state FIN-WAIT-1",
    ] {
        seen(phrase);
    }
}

#[test]
fn a_wrong_seen_says_what_was_expected() {
    seen_fails("", "expected client, server, relay or wire, found the end");
    seen_fails("proxy read", "proxy is none of client, server, relay, wire");
    seen_fails(
        "wire syn",
        "syn is none of SYN, SYN-ACK, ACK, FIN, RST, data, UDP, ICMP, retransmission, \
         duplicate-ack, zero-window, window-update, probe, out-of-order",
    );
    seen_fails("wire SYN client", "client is one word too many");
    seen_fails(
        "client state OPEN",
        "OPEN is none of LISTEN, SYN-SENT, SYN-RECEIVED, ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2, \
         CLOSE-WAIT, CLOSING, LAST-ACK, TIME-WAIT, CLOSED",
    );
    seen_fails(
        "client \"ok\"",
        "expected what is seen, e.g. accept, read \"ok\", wait read, found a quoted text",
    );
    seen_fails(
        "client reads",
        "reads is none of connect, accept, read, write, receive, send, end, lose, hold, \
         duplicate, half-close, close, reset, option, wait, cancel, error, state, \
         nothing",
    );
    seen_fails("client read \"ok", "the quoted text has no closing \"");
    seen_fails(
        "client read ok",
        "expected bytes as in \"hello\\n\", hex \"00 05\" or like \"GET *\"",
    );
    seen_fails("client read \"ok\" now", "now is one word too many");
    seen_fails("server accept \"x\"", "there is a quoted text too many");
    seen_fails(
        "client read \"\\q\"",
        "\\q means nothing here: use \\n, \\r, \\t, \\0, \\xNN, or \\\\ for a backslash",
    );
    seen_fails(
        "server wait walk",
        "walk is none of connect, accept, read, write, receive, send, half-close, poll, option",
    );
    seen_fails(
        "server read hex \"0\"",
        "a byte has two hexadecimal digits, and the last one here has one",
    );
    seen_fails(
        "server accept 0 times",
        "0 is no number of times from 1 to 65535",
    );
    seen_fails(
        "client nothing for 2 s 2 times",
        "silence is not counted: leave out `times`",
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
        "b: connect",
        "b: send \"x\"",
        "send \"x\" * 70",
        "ask \"www.wirebook.test\" AAAA",
        "option linger -1",
        "slicer 7",
        "slicer off",
        "pause",
        "resume",
        "deadline 2000 ms",
        "deadline off",
        "relay",
        "relay seed=7 loss=30 duplicate=1 reorder=2 delay=50",
        "network",
        "network seed=7 delay=20 jitter=5 bandwidth=1000 mtu=576 loss=1 duplicate=2 reorder=3 \
         corrupt=4 queue=8",
        "drop SYN-ACK",
        "drop SYN from client 20 times",
        "delay data 300 ms from server",
        "duplicate any",
    ] {
        let play: Play = phrase.parse().unwrap();
        assert_eq!(play.to_string(), phrase);
    }
}

#[test]
fn a_wrong_play_says_what_was_expected() {
    let all = "connect, send, half-close, close, reset, ask, option, slicer, pause, resume, \
               deadline, relay, network, drop, delay or duplicate";
    play_fails("", &format!("expected {all}, found the end"));
    play_fails("shout", &format!("expected {all}, found shout"));
    play_fails("send", "send wants a quoted text, as in send \"hello\\n\"");
    play_fails("close now", "now is one word too many");
    play_fails(
        ": connect",
        "a client's name is 1 to 16 letters or digits, as in b: connect",
    );
    play_fails("send \"x\" * 70000", "one send takes at most 65520 bytes");
    play_fails(
        "relay loss=101",
        "loss=101 is none of seed=N, loss=PERCENT, duplicate=PERCENT, reorder=PERCENT, \
         delay=MILLISECONDS",
    );
    play_fails("deadline 2 s", "expected `deadline NUMBER ms`");
    play_fails("delay data 2 s", "expected `delay KIND NUMBER ms`");
    play_fails("drop SYN to server", "to is one word too many");
    play_fails(
        "network mtu=20",
        "mtu=20 is none of seed=N, delay=MS, jitter=MS, bandwidth=KBIT, mtu=BYTES (from 68), \
         loss=PERCENT, duplicate=PERCENT, reorder=PERCENT, corrupt=PERCENT, queue=PACKETS (from 1)",
    );
}
