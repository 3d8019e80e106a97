//! Splits a trace file into its events, one at a time.
//!
//! Only braces and strings are parsed, so that memory is bounded by one event, and a truncated
//! file yields all events before its end. Both forms are accepted:
//!
//! ```text
//! [ {event}, {event} ]
//! {"displayTimeUnit": "ns", "traceEvents": [ {event}, {event} ], ...}
//! ```
//!
//! Anything that is not an object is returned as an event, too, and fails to parse later
//! without affecting other events. An event that lacks a brace or a quote ends where the next
//! one is recognized: at a `{` that cannot be part of an object, or that begins a line inside a
//! string.

use std::io::{BufRead, ErrorKind};

use energy_power::table::refuse_encoding;

/// Maximum length of an event. Names and values are shortened to [`super::LONGEST_TEXT`], but
/// the whole text has to be held once.
const MAX_EVENT_BYTES: usize = 16 << 20;
/// Maximum length of the text before the list of events, in a file that is an object.
const MAX_HEAD_BYTES: usize = 64 << 20;
/// Limits for lines of a tool's standard error before the trace.
const MAX_STRAY_LINES: usize = 32;
const MAX_STRAY_LINE_BYTES: usize = 4096;

/// Result of reading the next event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NextEvent<'a> {
    /// One event.
    Event(EventText<'a>),
    /// The list of events has ended.
    End,
    /// The file ended before its list.
    Truncated,
}

/// The text of an event and its position.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EventText<'a> {
    pub(super) text: &'a [u8],
    /// The line in which it starts.
    pub(super) line: u64,
    /// Number of the event, from 1.
    pub(super) number: u64,
}

/// Reader of the events of a file.
#[derive(Debug)]
pub(super) struct Events<R> {
    input: R,
    text: Vec<u8>,
    line: u64,
    /// The line in which the last event started.
    start_line: u64,
    number: u64,
    opened: bool,
    /// Whether the file is a list, which ends with its events.
    is_list: bool,
    /// Number of lines before the trace.
    stray_lines: usize,
}

impl<R: BufRead> Events<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            text: Vec::new(),
            line: 1,
            start_line: 1,
            number: 0,
            opened: false,
            is_list: false,
            stray_lines: 0,
        }
    }

    /// Reads the next event.
    ///
    /// # Errors
    /// Returns a message if the file is not a list of objects or cannot be read.
    pub(super) fn next(&mut self) -> Result<NextEvent<'_>, String> {
        if !self.opened {
            self.open()?;
            self.opened = true;
        }
        loop {
            match self.peek_text()? {
                None => return Ok(NextEvent::Truncated),
                Some(b',') => self.skip(1),
                Some(b']') => return Ok(NextEvent::End),
                Some(_) => break,
            }
        }
        self.number += 1;
        self.start_line = self.line;
        let whole = self.value(MAX_EVENT_BYTES, true)?;
        Ok(match whole {
            true => NextEvent::Event(EventText {
                text: &self.text,
                line: self.start_line,
                number: self.number,
            }),
            false => NextEvent::Truncated,
        })
    }

    /// Returns the number of skipped lines before the trace.
    pub(super) const fn stray_lines(&self) -> usize {
        self.stray_lines
    }

    /// Returns whether text follows the list of events, in a file that is a list.
    ///
    /// # Errors
    /// Returns a message if the file cannot be read.
    pub(super) fn has_more(&mut self) -> Result<bool, String> {
        if !self.is_list {
            return Ok(false);
        }
        if self.peek_text()? == Some(b']') {
            self.skip(1);
        }
        Ok(self.peek_text()?.is_some())
    }

    /// Moves to the first event.
    fn open(&mut self) -> Result<(), String> {
        if let Some(why) = refuse_encoding(fill(&mut self.input)?) {
            return Err(why);
        }
        if self.peek()? == Some(0xef) {
            self.skip(3);
        }
        let mut first = None;
        loop {
            match self.peek_text()? {
                Some(b'[') => {
                    self.skip(1);
                    // `[WARN] low memory` is a line of another program.
                    if !self.peek()?.is_some_and(|byte| byte.is_ascii_alphabetic()) {
                        self.is_list = true;
                        return Ok(());
                    }
                }
                Some(b'{') => {
                    self.skip(1);
                    return self.find_list();
                }
                Some(0x1f) => {
                    return Err("it is compressed: unpack it first (`gunzip`)".to_owned());
                }
                Some(byte) => drop(first.get_or_insert(byte)),
                None if first.is_none() => return Err("it is empty".to_owned()),
                None => {}
            }
            if !self.skip_line()? || self.stray_lines > MAX_STRAY_LINES {
                let byte = shown(first.unwrap_or(b'['));
                return Err(format!(
                    "it begins with `{byte}`: a Chrome trace is a list `[...]` of events, or an \
                     object with `traceEvents`"
                ));
            }
        }
    }

    /// Skips the remainder of a line; returns false at the end of the file, or if the line is
    /// too long.
    fn skip_line(&mut self) -> Result<bool, String> {
        let mut length = 0;
        while let (Some(byte), true) = (self.peek()?, length < MAX_STRAY_LINE_BYTES) {
            self.skip(1);
            length += 1;
            if byte == b'\n' {
                self.line += 1;
                self.stray_lines += 1;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Moves to the first event of an object's `traceEvents`.
    fn find_list(&mut self) -> Result<(), String> {
        let none = || "it is an object without a list `traceEvents`".to_owned();
        loop {
            match self.peek_text()? {
                Some(b',') => self.skip(1),
                Some(b'"') => {}
                _ => return Err(none()),
            }
            if self.peek_text()? != Some(b'"') || !self.value(MAX_HEAD_BYTES, true)? {
                return Err(none());
            }
            let is_list = self.text == b"\"traceEvents\"";
            if self.peek_text()? != Some(b':') {
                return Err(none());
            }
            self.skip(1);
            match (is_list, self.peek_text()?) {
                (true, Some(b'[')) => {
                    self.skip(1);
                    return Ok(());
                }
                (true, _) | (_, None) => return Err(none()),
                (false, _) if !self.value(MAX_HEAD_BYTES, false)? => return Err(none()),
                (false, _) => {}
            }
        }
    }

    /// Skips one value, and keeps its text if `keep` is set; returns false if the file ends
    /// within it.
    fn value(&mut self, longest: usize, keep: bool) -> Result<bool, String> {
        self.text.clear();
        let mut scan = ValueScanner::default();
        let mut length = 0;
        loop {
            let part = fill(&mut self.input)?;
            if part.is_empty() {
                return Ok(scan.is_plain());
            }
            let (taken, ended) = scan.run(part);
            self.line += part[..taken].iter().filter(|byte| **byte == b'\n').count() as u64;
            if keep {
                self.text.extend_from_slice(&part[..taken]);
            }
            self.input.consume(taken);
            length += taken;
            if length > longest {
                return Err(format!(
                    "line {}: event {} has no end within {} MiB; this is not a \
                     trace of spans",
                    self.start_line,
                    self.number,
                    longest >> 20
                ));
            }
            if ended {
                return Ok(true);
            }
        }
    }

    /// Returns the next byte that is not whitespace, without consuming it.
    fn peek_text(&mut self) -> Result<Option<u8>, String> {
        loop {
            let part = fill(&mut self.input)?;
            if part.is_empty() {
                return Ok(None);
            }
            let blank = |byte: &u8| byte.is_ascii_whitespace();
            let blanks = part.iter().take_while(|byte| blank(byte)).count();
            let found = part.get(blanks).copied();
            self.line += part[..blanks].iter().filter(|b| **b == b'\n').count() as u64;
            self.input.consume(blanks);
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn peek(&mut self) -> Result<Option<u8>, String> {
        Ok(fill(&mut self.input)?.first().copied())
    }

    /// Skips bytes of the current buffer.
    fn skip(&mut self, bytes: usize) {
        self.input.consume(bytes);
    }
}

fn fill(input: &mut impl BufRead) -> Result<&[u8], String> {
    // Calls `fill_buf` again for the result: the borrow checker rejects returning it from the
    // loop.
    while let Err(error) = input.fill_buf() {
        if error.kind() != ErrorKind::Interrupted {
            return Err(error.to_string());
        }
    }
    input.fill_buf().map_err(|error| error.to_string())
}

fn shown(byte: u8) -> String {
    match byte {
        0x20..0x7f => char::from(byte).to_string(),
        _ => format!("byte {byte}"),
    }
}

/// Finds the end of a value.
#[derive(Debug, Default)]
struct ValueScanner {
    depth: u32,
    /// Whether each of the innermost 64 levels is an object; the last bit is the innermost.
    objects: u64,
    in_string: bool,
    escaped: bool,
    /// Within a number or word, which ends before any delimiter.
    plain: bool,
    /// Whether a `{` here means that the value is incomplete: after a comma in an object, and
    /// at the start of a line in a string.
    is_next: bool,
}

impl ValueScanner {
    /// Returns how much of `part` belongs to the value, and whether it ends there.
    fn run(&mut self, part: &[u8]) -> (usize, bool) {
        for (at, &byte) in part.iter().enumerate() {
            if byte == b'{' && self.is_next {
                return (at, true);
            }
            if self.in_string {
                if self.text(byte) {
                    return (at + 1, true);
                }
                continue;
            }
            match byte {
                b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' if self.plain => {
                    return (at, true);
                }
                b' ' | b'\n' | b'\r' | b'\t' => continue,
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    self.objects = self.objects << 1 | u64::from(byte == b'{');
                }
                // The list ends, so a brace is missing.
                b']' if self.objects & 1 == 1 => return (at, true),
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.objects >>= 1;
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                _ if self.depth == 0 => self.plain = true,
                _ => {}
            }
            self.is_next = byte == b',' && self.objects & 1 == 1;
        }
        (part.len(), false)
    }

    /// Processes a byte of a string; returns true if the value ends with it.
    fn text(&mut self, byte: u8) -> bool {
        self.is_next = byte == b'\n' || self.is_next && byte.is_ascii_whitespace();
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_string = false,
            _ => {}
        }
        !self.in_string && self.depth == 0
    }

    /// Returns whether the end of the file also ends the value.
    fn is_plain(&self) -> bool {
        self.plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// Splits a text that is read a few bytes at a time; returns its events and whether the
    /// list ended.
    fn split(text: &str) -> Result<(Vec<String>, bool), String> {
        let mut events = Events::new(BufReader::with_capacity(3, text.as_bytes()));
        let mut all = Vec::new();
        loop {
            match events.next()? {
                NextEvent::Event(piece) => {
                    all.push(String::from_utf8_lossy(piece.text).into_owned())
                }
                NextEvent::End => return Ok((all, true)),
                NextEvent::Truncated => return Ok((all, false)),
            }
        }
    }

    #[test]
    fn both_forms_are_split_into_events() {
        let nested = r#"{"a":"}]\"{","b":[{"c":1}]}"#;
        for whole in [
            format!("[\n{nested},\n{{}}\n]"),
            format!("\u{feff} [{nested},{{}}] more"),
            format!(
                r#"{{"n":-1.5e3,"s":"[\"","o":{{"x":[]}},"t":true,"traceEvents":[{nested} {{}}]}}"#
            ),
        ] {
            let expected = vec![nested.to_owned(), "{}".to_owned()];
            assert_eq!(split(&whole), Ok((expected, true)), "{whole}");
        }
        for cut in 1..nested.len() {
            let text = format!("[{{}},{}", &nested[..cut]);
            assert_eq!(split(&text), Ok((vec!["{}".to_owned()], false)), "{text}");
        }
    }

    #[test]
    fn a_broken_event_does_not_affect_the_next() {
        let good = r#"{"ph":"E","a":[{},{"b":",{"}]}"#;
        for bad in [
            r#"{"ph":"B","args":{"a":1}"#,
            r#"{"ph":"B","args":{"a":1"#,
            "{\"ph\":\"B\",\"name\":\"a\"b\"}",
            "{\"ph\":\"B\",\"name\":\"a}",
            "7",
            "null",
            "\"text\"",
            "[1, 2]",
            "}",
        ] {
            let text = format!("[\n{good},\n{bad},\n{good},\n{good}\n]");
            let (events, whole) = split(&text).unwrap();
            let found = events.iter().filter(|event| *event == good).count();
            assert_eq!((found, whole), (3, true), "{bad}: {events:?}");
        }
        let last = format!("[{good},{{\"ph\":\"B\"\n]");
        let expected = vec![good.to_owned(), "{\"ph\":\"B\"\n".to_owned()];
        assert_eq!(split(&last), Ok((expected, true)));
        let lines = "{\"a\":\"two\n lines\",\"b\":[{},{}]}";
        assert_eq!(
            split(&format!("[{lines}]")),
            Ok((vec![lines.to_owned()], true))
        );
    }

    #[test]
    fn lines_before_the_trace_are_skipped() {
        for text in [
            "warning: low memory\n[{}]",
            "[WARN] low memory\nmore\n\n[{}]",
            "note\n{\"traceEvents\":[{}]}",
        ] {
            assert_eq!(split(text), Ok((vec!["{}".to_owned()], true)), "{text}");
        }
    }

    #[test]
    fn invalid_traces_are_rejected() {
        for (text, expected) in [
            ("", "it is empty"),
            ("ts,dur\n", "it begins with `t`"),
            ("\u{1f}\u{8b}", "compressed"),
            ("{\"a\": 1}", "without a list `traceEvents`"),
            ("{\"traceEvents\": 3}", "without a list `traceEvents`"),
            ("{nothing", "without a list `traceEvents`"),
            ("\u{feff}", "it is empty"),
            ("[WARN] nothing else", "it begins with `[`"),
            ("note\nmore\n", "it begins with `n`"),
        ] {
            let error = split(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
