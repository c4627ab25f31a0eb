use wire::classify::{Class, classify};

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let classified = classify(text).unwrap();
    let words: Vec<_> = classified
        .facts
        .iter()
        .map(|fact| fact.class.word())
        .collect();
    assert_eq!(words, expected, "{text}");
}

#[test]
fn addresses_are_classified_by_their_ranges() {
    for (text, word) in [
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "reserved"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("10.255.0.1", "private"),
        ("172.15.255.255", "global"),
        ("172.16.0.0", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.0", "global"),
        ("192.168.1.1", "private"),
        ("100.63.255.255", "global"),
        ("100.64.0.0", "shared"),
        ("100.127.255.255", "shared"),
        ("169.254.169.254", "link-local"),
        ("192.0.2.1", "documentation"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.1", "documentation"),
        ("198.19.0.1", "reserved"),
        ("224.0.0.251", "multicast"),
        ("239.255.255.255", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("8.8.8.8", "global"),
    ] {
        check(text, &["ipv4", word]);
    }
    for (text, word) in [
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("0:0:0:0:0:0:0:1", "loopback"),
        ("::2", "reserved"),
        ("fe80::1", "link-local"),
        ("febf::1", "link-local"),
        ("fec0::1", "reserved"),
        ("fc00::1", "unique-local"),
        ("fd12:3456::1", "unique-local"),
        ("ff02::fb", "multicast"),
        ("2001:db8::1", "documentation"),
        ("2606:4700::1111", "global"),
        ("4000::1", "reserved"),
    ] {
        check(text, &["ipv6", word]);
    }
}

#[test]
fn a_mapped_address_is_also_what_it_maps() {
    check("::ffff:127.0.0.1", &["ipv6", "mapped", "loopback"]);
    check(
        "[::ffff:7f00:1]:80",
        &["ipv6", "mapped", "loopback", "system-port"],
    );
    assert!(
        classify("::ffff:10.0.0.1")
            .unwrap()
            .is_all(&[Class::Mapped, Class::Private])
    );
}

#[test]
fn ports_have_three_ranges_and_two_bytes() {
    check("127.0.0.1:1023", &["ipv4", "loopback", "system-port"]);
    check(":1024", &["user-port"]);
    check(":49151", &["user-port"]);
    check("[::1]:49152", &["ipv6", "loopback", "dynamic-port"]);
    let classified = classify("127.0.0.1:9090").unwrap();
    assert_eq!(classified.bytes, [127, 0, 0, 1, 0x23, 0x82]);
    assert_eq!(classified.written, "127.0.0.1");
    assert_eq!(classify("0:0::0:1").unwrap().written, "::1");
}

#[test]
fn what_is_no_address_is_told_why() {
    for (text, why) in [
        ("", "Type an address"),
        ("256.0.0.1", "Each of the four numbers"),
        ("127.0.0.01", "Each of the four numbers"),
        ("127.1", "An IPv4 address has four"),
        ("2130706433", "An IPv4 address has four"),
        ("1::2::3", "An IPv6 address has eight"),
        ("fe80::1%eth0", "What follows %"),
        ("localhost", "This is a name"),
        ("localhost:80", "This is a name"),
        ("127.0.0.1:65536", "A port is a number"),
        ("127.0.0.1:+80", "A port is a number"),
        (":", "A port is a number"),
        ("[::1]80", "An IPv6 address has eight"),
        ("[::1", "An IPv6 address has eight"),
        (&"1".repeat(65), "No address is so long"),
    ] {
        let found = classify(text).unwrap_err();
        assert!(found.starts_with(why), "{text}: {found}");
    }
}
