//! Parser of server-sent events, as the HTML standard describes them in its section 9.2.6.
//!
//! ```text
//! received   data: {"a":1}\n | data: {"b"\n\nda | ta: [DONE]\r\n\r | \n
//! events                                    {"a":1}\n{"b"          [DONE]
//! ```

/// Most bytes of one event; longer ones are no event of a language model.
const LARGEST_EVENT: usize = 16 << 20;

/// An event is longer than the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event has more than {} MB", LARGEST_EVENT >> 20)]
pub(super) struct EventTooLarge;

/// Collects bytes in any division and returns the data of complete events.
#[derive(Debug, Default)]
pub(super) struct SseParser {
    /// Bytes of the current line.
    line: Vec<u8>,
    /// Data of the current event; `None` before its first line.
    data: Option<Vec<u8>>,
    /// Whether the last byte was a carriage return: a line feed then ends no further line.
    is_after_return: bool,
    /// Whether a line has ended: only the first one may begin with a byte order mark.
    has_lines: bool,
}

impl SseParser {
    /// Adds received bytes, and passes the data of each event that they complete to `on_event`.
    ///
    /// # Errors
    /// If an event exceeds the limit.
    pub(super) fn push(
        &mut self,
        bytes: &[u8],
        mut on_event: impl FnMut(String),
    ) -> Result<(), EventTooLarge> {
        let mut unread = bytes;
        while let Some((&first, after)) = unread.split_first() {
            if std::mem::take(&mut self.is_after_return) && first == b'\n' {
                unread = after;
                continue;
            }
            let end = unread.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (part, ending) = unread.split_at(end.unwrap_or(unread.len()));
            self.line.extend_from_slice(part);
            let held = self.line.len() + self.data.as_ref().map_or(0, Vec::len);
            if held > LARGEST_EVENT {
                return Err(EventTooLarge);
            }
            if let Some((ending, after)) = ending.split_first() {
                self.is_after_return = *ending == b'\r';
                self.end_line(&mut on_event);
                unread = after;
            } else {
                unread = ending;
            }
        }
        Ok(())
    }

    /// Ends the stream. An event without its blank line is returned, too: some servers omit the last
    /// one.
    pub(super) fn finish(mut self, mut on_event: impl FnMut(String)) {
        if !self.line.is_empty() {
            self.end_line(&mut on_event);
        }
        self.end_event(&mut on_event);
    }

    fn end_line(&mut self, on_event: &mut impl FnMut(String)) {
        let line = std::mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !std::mem::replace(&mut self.has_lines, true) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            self.end_event(on_event);
            return;
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        // Comments have no name; other fields (`event`, `id`, `retry`) are not used by servers of
        // language models.
        if name != b"data" {
            return;
        }
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
    }

    fn end_event(&mut self, on_event: &mut impl FnMut(String)) {
        let data = self.data.take().filter(|data| !data.is_empty());
        if let Some(data) = data {
            on_event(String::from_utf8_lossy(&data).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(parts: &[&[u8]]) -> Vec<String> {
        let (mut parser, mut events) = (SseParser::default(), Vec::new());
        for part in parts {
            parser.push(part, |event| events.push(event)).unwrap();
        }
        parser.finish(|event| events.push(event));
        events
    }

    #[test]
    fn events_follow_the_standard() {
        let cases: [(&[u8], &[&str]); 10] = [
            (b"data: a\n\ndata:b\n\n", &["a", "b"]),
            (b"\xef\xbb\xbfdata: a\r\n\r\n", &["a"]),
            (b"data: a\r\rdata: b\r\r", &["a", "b"]),
            (b"data: a\ndata: b\n\n", &["a\nb"]),
            (b"data\ndata\n\n", &["\n"]),
            (b"data\n\ndata: \n\n", &[]),
            (b": ping\n\nevent: x\nid: 1\ndata:  a\n\n", &[" a"]),
            (b"database: a\n\n", &[]),
            (b"data: [DONE]", &["[DONE]"]),
            (b"", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(events(&[text]), expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut parser = SseParser::default();
        let part = vec![b'x'; 1 << 20];
        let results: Vec<_> = (0..17).map(|_| parser.push(&part, |_| ())).collect();
        assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1);
        assert_eq!(results.last(), Some(&Err(EventTooLarge)));
    }

    proptest! {
        #[test]
        fn any_division_gives_the_same_events(
            lines in prop::collection::vec("(data: ?|data|:|id:|\u{feff})?[a-c é{}\"]{0,6}(\n|\r\n|\r|\n\n|\r\n\r\n)", 0..12),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let text = lines.concat();
            let bytes = text.as_bytes();
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(events(&parts), events(&[bytes]));
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(events(&single), events(&[bytes]));
        }
    }
}
