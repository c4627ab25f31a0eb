//! Bytes as text (RFC 4648): what the preprocessor wrote, and what a link carries.

const URL_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The bytes of a text in either alphabet (RFC 4648, 4 and 5), padded or not.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for character in text.trim_end_matches('=').bytes() {
        let value = match character {
            b'A'..=b'Z' => character - b'A',
            b'a'..=b'z' => character - b'a' + 26,
            b'0'..=b'9' => character - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

/// Bytes in the alphabet for links (RFC 4648, 5), without padding.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() / 3 * 4 + 4);
    for chunk in bytes.chunks(3) {
        let mut bits = 0;
        for place in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(place).copied().unwrap_or(0));
        }
        for place in 0..=chunk.len() {
            let index = bits >> (18 - 6 * place) & 63;
            text.push(char::from(URL_ALPHABET[index as usize]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{decode, encode};

    #[test]
    fn base64_is_read_with_and_without_padding() {
        assert_eq!(decode("aGVsbG8=").as_deref(), Some(&b"hello"[..]));
        assert_eq!(decode("aGVsbA==").as_deref(), Some(&b"hell"[..]));
        assert_eq!(decode("+/+/").as_deref(), Some(&b"\xfb\xff\xbf"[..]));
        assert_eq!(decode(""), Some(Vec::new()));
        assert_eq!(decode("a b"), None);
    }

    #[test]
    fn what_a_link_carries_is_read_back() {
        assert_eq!(encode(b"\xfb\xff\xbf"), "-_-_");
        for length in 0..=9 {
            let bytes: Vec<u8> = (0..length).map(|byte| (byte * 28) ^ 255).collect();
            assert_eq!(decode(&encode(&bytes)), Some(bytes));
        }
    }
}
