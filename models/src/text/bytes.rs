//! The alphabet of byte-level vocabularies: one printable character per byte.
//!
//! Bytes that are printable in Latin-1 stand for themselves; the other 68
//! take the characters from U+0100 on, in order. So a space is `Ġ` (U+0120).

use std::collections::HashMap;
use std::sync::LazyLock;

static BYTES: LazyLock<HashMap<char, u8>> =
    LazyLock::new(|| (0..=255).map(|byte| (encode(byte), byte)).collect());

/// Whether a byte stands for itself.
fn is_printable(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

/// The character of a byte.
pub(crate) fn encode(byte: u8) -> char {
    if is_printable(byte) {
        return char::from(byte);
    }
    let rank = (0..byte).filter(|other| !is_printable(*other)).count();
    char::from_u32(0x100 + rank as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The bytes of a token; characters outside of the alphabet keep their UTF-8.
pub(super) fn decode(token: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(token.len());
    for character in token.chars() {
        match BYTES.get(&character) {
            Some(byte) => bytes.push(*byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_has_one_character_per_byte() {
        assert_eq!(BYTES.len(), 256);
        assert_eq!(encode(b' '), 'Ġ');
        assert_eq!(encode(b'\n'), 'Ċ');
        assert_eq!(decode("ĠHÃ©"), " H\u{e9}".as_bytes());
    }
}
