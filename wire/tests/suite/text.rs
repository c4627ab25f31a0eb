use wire::text::{TextError, from_escaped, from_hex, to_escaped, to_hex};

#[track_caller]
fn check(bytes: &[u8], expected: &str) {
    assert_eq!(to_escaped(bytes), expected);
    assert_eq!(from_escaped(expected).as_deref(), Ok(bytes));
}

#[test]
fn bytes_become_text_and_come_back() {
    check(b"hello", "hello");
    check(b"a\r\n\t\0\\\"", "a\\r\\n\\t\\0\\\\\\\"");
    check("grüße, 世界".as_bytes(), "grüße, 世界");
    check(b"\xff\xfe ok", "\\xff\\xfe ok");
    check(b"\x1b[31mred", "\\x1b[31mred");
    check("\u{85}".as_bytes(), "\\xc2\\x85");
}

#[test]
fn what_could_deceive_the_eye_is_spelled_out() {
    check("\u{202e}".as_bytes(), "\\xe2\\x80\\xae");
    check("\u{200b}".as_bytes(), "\\xe2\\x80\\x8b");
    // Blank, though it is called a symbol; and marks that pile up on what stands before them.
    check("\u{2800}".as_bytes(), "\\xe2\\xa0\\x80");
    check("a\u{489}".as_bytes(), "a\\xd2\\x89");
    check("a\u{1dff}".as_bytes(), "a\\xe1\\xb7\\xbf");
    check("\u{feff}".as_bytes(), "\\xef\\xbb\\xbf");
    check("\u{2028}".as_bytes(), "\\xe2\\x80\\xa8");
    check("\u{a0}".as_bytes(), "\\xc2\\xa0");
    check("e\u{301}".as_bytes(), "e\\xcc\\x81");
    check("<img onerror=x>".as_bytes(), "<img onerror=x>");
}

#[test]
fn every_byte_and_every_pair_of_bytes_survives_the_round_trip() {
    for first in 0..=255 {
        for second in 0..=255 {
            let bytes = [first, second];
            assert_eq!(from_escaped(&to_escaped(&bytes)).as_deref(), Ok(&bytes[..]));
            assert_eq!(from_hex(&to_hex(&bytes)).as_deref(), Ok(&bytes[..]));
        }
    }
}

#[test]
fn a_wrong_escape_says_what_is_wrong() {
    assert_eq!(
        from_escaped("ab\\q"),
        Err(TextError::UnknownEscape {
            offset: 2,
            found: Some('q')
        })
    );
    assert_eq!(
        from_escaped("ab\\"),
        Err(TextError::UnknownEscape {
            offset: 2,
            found: None
        })
    );
    for text in ["\\x", "\\x1", "\\xg0", "\\x0ü"] {
        assert_eq!(
            from_escaped(text),
            Err(TextError::BadHexEscape { offset: 0 }),
            "{text}"
        );
    }
}

#[test]
fn hexadecimal_text_takes_the_usual_separators() {
    for text in ["0a0B ff", "0a:0b:ff", "0A, 0b, FF", " 0a\n0b\tff "] {
        assert_eq!(from_hex(text).as_deref(), Ok(&[10, 11, 255][..]), "{text}");
    }
    assert_eq!(from_hex(""), Ok(Vec::new()));
    assert_eq!(from_hex("0"), Err(TextError::HalfByte));
    assert_eq!(from_hex("0 a"), Err(TextError::HalfByte));
    assert_eq!(
        from_hex("0x"),
        Err(TextError::NotHex {
            offset: 1,
            found: 'x'
        })
    );
}
