use wire::dissect::{Field, cut, datagram, stream};

fn print(fields: &[Field], depth: usize, into: &mut String) {
    for field in fields {
        into.push_str(&format!(
            "{:depth$}{} {:?} {}\n",
            "", field.name, field.range, field.value
        ));
        print(&field.parts, depth + 1, into);
    }
}

#[track_caller]
fn check(fields: &[Field], expected: &str) {
    let mut found = String::new();
    print(fields, 0, &mut found);
    assert_eq!(found, expected);
}

#[test]
fn a_stream_is_lines_with_their_endings() {
    check(
        &stream(b"GET /\r\nhi\nrest"),
        "Line 1 0..7 GET /\n Text (ASCII) 0..5 GET /\n Ending 5..7 \\r\\n (CR LF)\n\
         Line 2 7..10 hi\n Text (ASCII) 7..9 hi\n Ending 9..10 \\n (LF)\n\
         Line 3 10..14 rest\n Text (ASCII) 10..14 rest\n Ending 14..14 none in these bytes\n",
    );
    check(&stream(b""), "");
}

#[test]
fn bytes_that_are_not_text_say_so() {
    check(
        &datagram(b"\xc3\xbc\xff"),
        "Datagram 0..3 3 bytes\n Line 1 0..3 ü\\xff\n  Text (UTF-8) 0..2 ü\n  Not UTF-8 2..3 ff\n  \
         Ending 3..3 none in these bytes\n",
    );
    check(&datagram(b""), "Datagram 0..0 0 bytes\n");
}

/// Every part lies inside its whole, and parts follow each other without a hole.
fn check_ranges(fields: &[Field], start: usize, end: usize) {
    let mut at = start;
    for field in fields {
        assert_eq!(field.range.start, at);
        assert!(field.range.end <= end);
        at = field.range.end;
        if !field.parts.is_empty() {
            check_ranges(&field.parts, field.range.start, field.range.end);
        }
    }
    if !fields.is_empty() {
        assert_eq!(at, end);
    }
}

#[test]
fn any_bytes_are_covered_without_holes_and_within_bounds() {
    let mut state = 1_u32;
    for length in 0..600 {
        let bytes: Vec<u8> = (0..length)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                b"\n\r\xff\xc3\xbca\0\xe4\xb8\x96"[(state >> 16) as usize % 10]
            })
            .collect();
        check_ranges(&stream(&bytes), 0, length);
    }
    let newlines = stream(&[b'\n'; 16 * 1024]);
    assert_eq!(newlines.len(), 129);
    check_ranges(&newlines, 0, 16 * 1024);
}

#[test]
fn a_cut_never_splits_a_character() {
    assert_eq!(cut("aü".as_bytes(), 2), (&b"a"[..], true));
    assert_eq!(cut("aü".as_bytes(), 3), ("aü".as_bytes(), false));
    assert_eq!(cut(&[0x80; 9], 4), (&[0x80; 4][..], true));
}
