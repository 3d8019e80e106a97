//! Splits the byte stream of `powermetrics -f plist` into documents.
//!
//! powermetrics writes a NUL in front of the second and every later document:
//!
//! ```text
//! <?xml ... </plist>\n          emitted here, at the end of the line `</plist>`,
//! \0<?xml ... </plist>\n        not at the NUL, which comes an interval later
//! ```
//!
//! A NUL after documents, or none at all, and CRLF line ends are also accepted. Lines before a
//! document that do not begin with `<` are standard error of a tool. `<?xml` inside a document
//! begins the next one: the file was truncated and then appended to. The result does not
//! depend on how the bytes are split into chunks.

/// The largest document that is kept; real ones are 30 to 300 KB.
pub const DOCUMENT_LIMIT: usize = 8 << 20;

const LAST_LINE: &[u8] = b"</plist>";
const FIRST_WORD: &[u8] = b"<?xml";

/// A piece of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamSegment {
    /// A whole document, from its first byte that is no white space.
    Document(Vec<u8>),
    /// A document that a NUL or the end of the stream cut short.
    Incomplete(Vec<u8>),
    /// A line between documents.
    Stray(Vec<u8>),
    /// A document over the limit; its bytes were dropped.
    Oversized {
        /// How long it was.
        bytes: usize,
    },
}

/// The state of the stream.
#[derive(Debug)]
pub struct DocumentStream {
    limit: usize,
    /// The current document, at most one byte more than the limit.
    kept: Vec<u8>,
    /// The current document's true length.
    length: usize,
    /// How many bytes of [`LAST_LINE`] the current line matches so far; `None` if it is
    /// another line.
    matched: Option<usize>,
    /// Whether the current bytes are a document, not a line between documents.
    begun: bool,
}

/// Returns whether a line begins a document.
#[cfg(any(test, feature = "replay"))]
pub(crate) fn begins_document(line: &[u8]) -> bool {
    line.iter().find(|byte| !is_blank(**byte)) == Some(&b'<')
}

/// Returns whether a byte is white space or part of a byte order mark.
const fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, 0xef | 0xbb | 0xbf)
}

impl Default for DocumentStream {
    fn default() -> Self {
        Self::with_limit(DOCUMENT_LIMIT)
    }
}

impl DocumentStream {
    /// Creates a stream of documents up to `limit` bytes.
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            kept: Vec::new(),
            length: 0,
            matched: Some(0),
            begun: false,
        }
    }

    /// Accepts the next bytes and returns the segments they complete.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<StreamSegment> {
        bytes.iter().filter_map(|&byte| self.byte(byte)).collect()
    }

    /// Ends the stream. A last document without line end is complete if its last line is
    /// `</plist>`.
    pub fn finish(&mut self) -> Option<StreamSegment> {
        self.cut()
    }

    fn byte(&mut self, byte: u8) -> Option<StreamSegment> {
        if byte == 0 {
            return self.cut();
        }
        if self.length == 0 && is_blank(byte) {
            return None;
        }
        self.begun |= self.length == 0 && byte == b'<';
        self.length += 1;
        if self.kept.len() <= self.limit {
            self.kept.push(byte);
        }
        match (byte, self.matched) {
            (b'\n', _) if !self.begun => return self.take(false),
            (b'\n', Some(matched)) if matched == LAST_LINE.len() => return self.take(true),
            (b'\n', _) => self.matched = Some(0),
            (b'\r', Some(matched)) if matched == LAST_LINE.len() => {}
            (byte, Some(at)) if LAST_LINE.get(at) == Some(&byte) => self.matched = Some(at + 1),
            _ => self.matched = None,
        }
        self.next_document()
    }

    /// Ends the current document if another one begins inside it.
    fn next_document(&mut self) -> Option<StreamSegment> {
        let at = self.kept.len().checked_sub(FIRST_WORD.len())?;
        let is_whole = self.length == self.kept.len();
        if at == 0 || !is_whole || !self.begun || !self.kept.ends_with(FIRST_WORD) {
            return None;
        }
        self.kept.truncate(at);
        let cut = self.take(false);
        self.kept.extend_from_slice(FIRST_WORD);
        (self.length, self.matched, self.begun) = (FIRST_WORD.len(), None, true);
        cut
    }

    /// Ends the current segment at a NUL or the end of the stream.
    fn cut(&mut self) -> Option<StreamSegment> {
        let complete = self.matched == Some(LAST_LINE.len());
        if self.length == 0 {
            return None;
        }
        self.take(complete)
    }

    fn take(&mut self, complete: bool) -> Option<StreamSegment> {
        let kept = std::mem::take(&mut self.kept);
        let bytes = std::mem::take(&mut self.length);
        self.matched = Some(0);
        let begun = std::mem::take(&mut self.begun);
        Some(match complete {
            _ if !begun => StreamSegment::Stray(kept),
            _ if bytes > self.limit => StreamSegment::Oversized { bytes },
            true => StreamSegment::Document(kept),
            false => StreamSegment::Incomplete(kept),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn segments(bytes: &[u8], limit: usize) -> Vec<StreamSegment> {
        let mut stream = DocumentStream::with_limit(limit);
        let mut all = stream.push(bytes);
        all.extend(stream.finish());
        all
    }

    fn document(text: &str) -> StreamSegment {
        StreamSegment::Document(text.as_bytes().to_vec())
    }

    #[test]
    fn nul_before_nul_behind_or_none() {
        let expected = [document("<a>\n</plist>\n"), document("<b>\n</plist>\n")];
        for bytes in [
            "<a>\n</plist>\n\0<b>\n</plist>\n",
            "<a>\n</plist>\n\0<b>\n</plist>\n\0",
            "<a>\n</plist>\n<b>\n</plist>\n",
            "\0 \n\0<a>\n</plist>\n\n \0\0<b>\n</plist>\n\n",
            "\u{feff}<a>\n</plist>\n\0<b>\n</plist>\n",
        ] {
            assert_eq!(segments(bytes.as_bytes(), 100), expected, "{bytes:?}");
        }
    }

    #[test]
    fn line_ends_may_be_crlf() {
        let expected = [document("<a>\r\n</plist>\r\n"), document("<b>\r\n</plist>")];
        let bytes = b"<a>\r\n</plist>\r\n\0<b>\r\n</plist>";
        assert_eq!(segments(bytes, 100), expected);
    }

    #[test]
    fn lines_between_documents_are_stray() {
        let stray = |text: &str| StreamSegment::Stray(text.as_bytes().to_vec());
        let (a, b) = (document("<a>\n</plist>\n"), document("<b>\n</plist>\n"));
        for bytes in [
            "oops\n<a>\n</plist>\n\0<b>\n</plist>\n",
            "<a>\n</plist>\noops\n\0<b>\n</plist>\n",
            "<a>\n</plist>\n\0oops\n<b>\n</plist>\n",
            "<a>\n</plist>\n\0<b>\n</plist>\n oops\n",
        ] {
            let mut found = segments(bytes.as_bytes(), 100);
            let at = found
                .iter()
                .position(|one| *one == stray("oops\n"))
                .unwrap();
            found.remove(at);
            assert_eq!(found, [a.clone(), b.clone()], "{bytes:?}");
        }
    }

    #[test]
    fn a_document_after_a_cut_one_is_whole() {
        let next = document("<?xml?>\n</plist>\n");
        for cut in ["<?xml?>\n<ke", "<?xml?>\n<a>\n", "<"] {
            let bytes = format!("{cut}<?xml?>\n</plist>\n");
            let cut = StreamSegment::Incomplete(cut.as_bytes().to_vec());
            assert_eq!(segments(bytes.as_bytes(), 100), [cut, next.clone()]);
        }
    }

    #[test]
    fn a_document_is_out_before_the_next_byte_comes() {
        let mut stream = DocumentStream::default();
        assert_eq!(stream.push(b"<x>\n</plist>"), []);
        assert_eq!(stream.push(b"\n"), [document("<x>\n</plist>\n")]);
    }

    #[test]
    fn only_the_whole_line_ends_a_document() {
        let text = "<a> </plist>\n</plist> \n</plist>x\n</plist>\n";
        assert_eq!(segments(text.as_bytes(), 100), [document(text)]);
    }

    #[test]
    fn a_cut_document_is_incomplete() {
        assert_eq!(
            segments(b"<a>\n</plist>\n\0<b>\n</pl", 100),
            [
                document("<a>\n</plist>\n"),
                StreamSegment::Incomplete(b"<b>\n</pl".to_vec())
            ]
        );
        assert_eq!(
            segments(b"<cut\0<b>\n</plist>", 100),
            [
                StreamSegment::Incomplete(b"<cut".to_vec()),
                document("<b>\n</plist>")
            ]
        );
        assert_eq!(segments(b"", 100), []);
    }

    #[test]
    fn a_document_over_the_limit_is_dropped_and_the_next_one_is_whole() {
        let long = format!("<{}\n</plist>\n\0<b\n</plist>\n", "x".repeat(499));
        assert_eq!(
            segments(long.as_bytes(), 100),
            [
                StreamSegment::Oversized { bytes: 510 },
                document("<b\n</plist>\n")
            ]
        );
        let endless = vec![b'x'; 1 << 20];
        let mut stream = DocumentStream::with_limit(100);
        stream.push(&endless);
        assert!(stream.kept.len() <= 101);
    }

    proptest! {
        #[test]
        fn chunking_makes_no_difference(
            pieces in prop::collection::vec(
                prop::sample::select(vec!["</plist>\n", "</plist>", "\0", "<?xml", "x", "\n", " "]),
                0..60,
            ),
            cuts in prop::collection::vec(1_usize..9, 0..200),
            limit in 1_usize..60,
        ) {
            let bytes = pieces.concat().into_bytes();
            let mut stream = DocumentStream::with_limit(limit);
            let (mut chunked, mut rest) = (Vec::new(), &bytes[..]);
            for cut in cuts {
                let (head, tail) = rest.split_at(cut.min(rest.len()));
                chunked.extend(stream.push(head));
                rest = tail;
            }
            chunked.extend(stream.push(rest));
            chunked.extend(stream.finish());
            prop_assert_eq!(chunked, segments(&bytes, limit));
        }
    }
}
