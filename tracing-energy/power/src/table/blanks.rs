//! Removes blanks around quoted fields. A CSV reader accepts a quote at the first byte of a
//! field only: ` "core"` would be a name that contains quotes.
//!
//! ```text
//! 0.1,  "core, 0" , 12        0.1,"core, 0", 12
//! ```

use std::io::Read;

/// Position within a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlankPlace {
    /// At the start of a field, or after blanks at its start.
    Start,
    Unquoted,
    Quoted,
    /// After a closing quote, or between the two quotes of an escaped one.
    Closed,
}

/// Copies text without these blanks.
pub(super) struct Blanks<R> {
    input: R,
    separator: u8,
    place: BlankPlace,
    /// Blanks that are kept or removed depending on the next byte.
    held: Vec<u8>,
    /// Pending output, from `taken` on.
    ready: Vec<u8>,
    taken: usize,
}

impl<R> Blanks<R> {
    pub(super) const fn new(input: R, separator: u8) -> Self {
        Self {
            input,
            separator,
            place: BlankPlace::Start,
            held: Vec::new(),
            ready: Vec::new(),
            taken: 0,
        }
    }

    fn push(&mut self, byte: u8) {
        let is_blank = (byte == b' ' || byte == b'\t') && byte != self.separator;
        let is_end = byte == self.separator || byte == b'\n' || byte == b'\r';
        self.place = match (self.place, byte) {
            (BlankPlace::Start | BlankPlace::Closed, _) if is_blank => return self.held.push(byte),
            (BlankPlace::Start, b'"') => {
                self.held.clear();
                BlankPlace::Quoted
            }
            (BlankPlace::Quoted, b'"') => BlankPlace::Closed,
            (BlankPlace::Quoted, _) => BlankPlace::Quoted,
            // An escaped quote.
            (BlankPlace::Closed, b'"') if self.held.is_empty() => BlankPlace::Quoted,
            (BlankPlace::Closed, _) if is_end => {
                self.held.clear();
                BlankPlace::Start
            }
            (_, _) if is_end => BlankPlace::Start,
            _ => BlankPlace::Unquoted,
        };
        self.ready.append(&mut self.held);
        self.ready.push(byte);
    }
}

impl<R: Read> Read for Blanks<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.taken == self.ready.len() {
            (self.taken, self.ready) = (0, std::mem::take(&mut self.ready));
            self.ready.clear();
            let mut chunk = [0; 8 << 10];
            let length = self.input.read(&mut chunk)?;
            chunk[..length].iter().for_each(|byte| self.push(*byte));
            if length == 0 {
                self.ready.append(&mut self.held);
                break;
            }
        }
        let left = &self.ready[self.taken..];
        let length = left.len().min(buffer.len());
        buffer[..length].copy_from_slice(&left[..length]);
        self.taken += length;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(text: &str, separator: u8) -> String {
        let mut out = String::new();
        let mut blanks = Blanks::new(text.as_bytes(), separator);
        blanks.read_to_string(&mut out).unwrap();
        out
    }

    #[test]
    fn only_blanks_around_quoted_fields_are_removed() {
        assert_eq!(passed("0.1,  \"a, b\" , 12\n", b','), "0.1,\"a, b\", 12\n");
        assert_eq!(passed(" \"a\"\"  ,b\" ;c\r\n", b';'), "\"a\"\"  ,b\";c\r\n");
        assert_eq!(passed("a\t \"b\"\t", b'\t'), "a\t\"b\"\t");
        assert_eq!(passed("a b , c d ,  ", b','), "a b , c d ,  ");
        assert_eq!(passed("x,\"open , \" tail", b','), "x,\"open , \" tail");
    }
}
