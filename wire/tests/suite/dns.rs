use wire::dissect::{Field, dns};
use wire::dns::{QueryError, query};

/// Every field below `fields`, as `A / B / C: value`.
fn paths(fields: &[Field], above: &str, found: &mut Vec<String>) {
    for field in fields {
        let path = format!("{above}{}", field.name);
        found.push(format!("{path}: {}", field.value));
        paths(&field.parts, &format!("{path} / "), found);
    }
}

fn all(bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    paths(&dns(bytes), "", &mut found);
    found
}

/// The answer to `www.wirebook.test A`: an alias, and the address of what it stands for.
const ANSWER: &[u8] = b"\x00\x07\x85\x00\x00\x01\x00\x02\x00\x00\x00\x00\
    \x03www\x08wirebook\x04test\x00\x00\x01\x00\x01\
    \xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c\x00\x02\xc0\x10\
    \xc0\x10\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc0\x00\x02\x01";

#[test]
fn a_query_is_what_the_standard_prints() {
    let message = query(0x1234, "wirebook.test", "aaaa").unwrap();
    assert_eq!(
        message,
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x08wirebook\x04test\x00\x00\x1c\x00\x01"
    );
    assert_eq!(query(0x1234, "wirebook.test.", "AAAA"), Ok(message));
    assert_eq!(query(0, ".", "NS").unwrap().len(), 12 + 1 + 4);
}

#[test]
fn names_that_cannot_be_asked_for_are_refused() {
    let long = "a".repeat(64);
    let longest = ["a".repeat(63).as_str(); 4].join(".");
    for (name, kind, expected) in [
        ("a..b", "A", QueryError::EmptyLabel),
        (".a", "A", QueryError::EmptyLabel),
        (&long, "A", QueryError::LongLabel),
        (&longest, "A", QueryError::LongName),
        ("a", "B", QueryError::UnknownType),
    ] {
        assert_eq!(query(1, name, kind), Err(expected), "{name} {kind}");
    }
}

#[test]
fn an_answer_is_unpacked_down_to_its_bits() {
    let found = all(ANSWER);
    for expected in [
        "Header / Id: 7",
        "Header / Flags / QR: answer",
        "Header / Flags / AA: yes",
        "Header / Flags / RA: no",
        "Header / Flags / RCODE: 0 NOERROR",
        "Question 1: www.wirebook.test A",
        "Question 1 / Name / Label: wirebook",
        "Answer 1: www.wirebook.test CNAME wirebook.test",
        "Answer 1 / Name / Pointer: byte 12",
        "Answer 1 / Data / Name: wirebook.test",
        "Answer 2: wirebook.test A 192.0.2.1",
        "Answer 2 / TTL: 60",
        "Answer 2 / Data / Address: 192.0.2.1",
    ] {
        assert!(
            found.iter().any(|line| line == expected),
            "{expected} is not in {found:#?}"
        );
    }
}

#[test]
fn pointers_that_go_in_circles_end_with_a_word_about_it() {
    // The question's name points at itself.
    let circle = b"\0\0\0\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01";
    let fields = dns(circle);
    assert_eq!(fields[1].parts[0].note, "a pointer that does not lead back");
    // Two that point at each other.
    let circle = b"\0\0\0\0\0\x02\0\0\0\0\0\0\xc0\x12\0\x01\0\x01\xc0\x0c\0\x01\0\x01";
    let found = all(circle);
    assert!(
        found
            .iter()
            .any(|line| line == "Question 2 / Name / Pointer: byte 12")
    );
}

#[test]
fn a_name_without_an_end_is_cut_at_its_limit() {
    let mut message = b"\0\0\0\0\0\x01\0\0\0\0\0\0".to_vec();
    message.extend(b"\x01a".repeat(10_000));
    let fields = dns(&message);
    assert!(fields[1].parts[0].note.starts_with("longer than 255 bytes"));
}

#[test]
fn numbers_that_promise_more_than_there_is_are_told() {
    let found = all(b"\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_eq!(
        found.last().unwrap(),
        "Question 1 / Name / Cut off: End: 1 byte, of which 0 are here"
    );
    assert_eq!(
        all(b""),
        [
            "Header: ",
            "Header / Cut off: Id: 2 bytes, of which 0 are here"
        ]
    );
}
