//! Text from a stream of tokens whose bytes may split a character.

/// Collects bytes and hands out whole characters.
///
/// ```
/// # use energy_models::Detokenizer;
/// let mut detokenizer = Detokenizer::default();
/// assert_eq!(detokenizer.push(b"caf\xc3"), "caf");
/// assert_eq!(detokenizer.push(b"\xa9"), "é");
/// assert_eq!(detokenizer.finish(), "");
/// ```
#[derive(Debug, Default, Clone)]
pub struct Detokenizer {
    pending: Vec<u8>,
}

impl Detokenizer {
    /// Adds a token's bytes and returns the text that is complete now, which
    /// may be empty. Bytes that cannot become a character are replaced.
    #[must_use = "the text is handed out once"]
    pub fn push(&mut self, piece: &[u8]) -> String {
        self.pending.extend_from_slice(piece);
        let keep = unfinished(&self.pending);
        let rest = self.pending.split_off(self.pending.len() - keep);
        let complete = std::mem::replace(&mut self.pending, rest);
        String::from_utf8_lossy(&complete).into_owned()
    }

    /// Returns the text of bytes that were never completed.
    #[must_use = "the text is handed out once"]
    pub fn finish(&mut self) -> String {
        let rest = std::mem::take(&mut self.pending);
        String::from_utf8_lossy(&rest).into_owned()
    }
}

/// Bytes at the end that are the valid beginning of a character.
fn unfinished(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last();
    let Some(invalid) = last.map(|chunk| chunk.invalid()) else {
        return 0;
    };
    let needed = match invalid.first() {
        Some(0xc2..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf4) => 4,
        _ => 0,
    };
    if invalid.len() < needed {
        invalid.len()
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_whole_or_replaced() {
        let mut detokenizer = Detokenizer::default();
        let pieces: Vec<_> = "a😀"
            .bytes()
            .map(|byte| detokenizer.push(&[byte]))
            .collect();
        assert_eq!(pieces, ["a", "", "", "", "😀"]);
        assert_eq!(detokenizer.push(b"\xffb"), "\u{fffd}b");
        assert_eq!(detokenizer.push(b"\xe2\x82"), "");
        assert_eq!(detokenizer.push(b"x"), "\u{fffd}x");
        assert_eq!(detokenizer.push(b"\xf0"), "");
        assert_eq!(detokenizer.finish(), "\u{fffd}");
    }
}
