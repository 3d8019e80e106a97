//! Cuts a trace file into its events, one at a time.
//!
//! Only the braces and the strings are looked at, so that memory is that of one event,
//! and a file that ends in the middle of one gives all before it. Both forms are read:
//!
//! ```text
//! [ {event}, {event} ]
//! {"displayTimeUnit": "ns", "traceEvents": [ {event}, {event} ], ...}
//! ```
//!
//! What is no object is an event, too, which nobody can read: one such does not cost the
//! others. Nor does one with a brace or a quote too few, where the next one shows: a `{`
//! that cannot be part of an object, or that begins a line inside of a string.

use std::io::{BufRead, ErrorKind};

use tracing_energy::table::refuse_encoding;

/// Longer events are no spans. Names and values beyond [`super::LONGEST_TEXT`] are cut,
/// yet the whole text has to be held once.
const LONGEST_EVENT: usize = 16 << 20;
/// So much may stand before the list of events in a file that is an object.
const LONGEST_HEAD: usize = 64 << 20;
/// Lines of a tool's standard error before the trace.
const MOST_STRAY_LINES: usize = 32;
const LONGEST_STRAY_LINE: usize = 4096;

/// What comes next in the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// One event.
    Event(Piece<'a>),
    /// The list of events ended.
    End,
    /// The file ended before its list did.
    Cut,
}

/// The text of an event, and where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) text: &'a [u8],
    /// The line that it begins in.
    pub(super) line: u64,
    /// From 1.
    pub(super) number: u64,
}

/// The events of a file.
#[derive(Debug)]
pub(super) struct Events<R> {
    input: R,
    text: Vec<u8>,
    line: u64,
    /// The line that the last event began in.
    begun: u64,
    number: u64,
    opened: bool,
    /// Whether the file is a list, which ends with its events.
    is_list: bool,
    /// Lines before the trace.
    stray_lines: usize,
}

impl<R: BufRead> Events<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            text: Vec::new(),
            line: 1,
            begun: 1,
            number: 0,
            opened: false,
            is_list: false,
            stray_lines: 0,
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// A message, where this is no list of objects, or the file cannot be read.
    pub(super) fn next(&mut self) -> Result<Next<'_>, String> {
        if !self.opened {
            self.open()?;
            self.opened = true;
        }
        loop {
            match self.peek_text()? {
                None => return Ok(Next::Cut),
                Some(b',') => self.skip(1),
                Some(b']') => return Ok(Next::End),
                Some(_) => break,
            }
        }
        self.number += 1;
        self.begun = self.line;
        let whole = self.value(LONGEST_EVENT, true)?;
        Ok(match whole {
            true => Next::Event(Piece {
                text: &self.text,
                line: self.begun,
                number: self.number,
            }),
            false => Next::Cut,
        })
    }

    /// Lines before the trace that were skipped.
    pub(super) const fn stray_lines(&self) -> usize {
        self.stray_lines
    }

    /// Whether text follows the list of events that ended, where nothing may.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub(super) fn has_more(&mut self) -> Result<bool, String> {
        if !self.is_list {
            return Ok(false);
        }
        if self.peek_text()? == Some(b']') {
            self.skip(1);
        }
        Ok(self.peek_text()?.is_some())
    }

    /// Goes to the first event.
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
            if !self.skip_line()? || self.stray_lines > MOST_STRAY_LINES {
                let byte = shown(first.unwrap_or(b'['));
                return Err(format!(
                    "it begins with `{byte}`: a Chrome trace is a list `[...]` of events, or an \
                     object with `traceEvents`"
                ));
            }
        }
    }

    /// Passes over what is left of a line; false at the end of the file, or if the line is
    /// longer than any message.
    fn skip_line(&mut self) -> Result<bool, String> {
        let mut length = 0;
        while let (Some(byte), true) = (self.peek()?, length < LONGEST_STRAY_LINE) {
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

    /// In an object, goes to the first event of its `traceEvents`.
    fn find_list(&mut self) -> Result<(), String> {
        let none = || "it is an object without a list `traceEvents`".to_owned();
        loop {
            match self.peek_text()? {
                Some(b',') => self.skip(1),
                Some(b'"') => {}
                _ => return Err(none()),
            }
            if self.peek_text()? != Some(b'"') || !self.value(LONGEST_HEAD, true)? {
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
                (false, _) if !self.value(LONGEST_HEAD, false)? => return Err(none()),
                (false, _) => {}
            }
        }
    }

    /// Passes over one value, which begins here, and keeps its text if that is wanted;
    /// false where the file ends in it.
    fn value(&mut self, longest: usize, keep: bool) -> Result<bool, String> {
        self.text.clear();
        let mut scan = Scan::default();
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
                    "line {}: what begins here as event {} has no end within {} MiB; this is no \
                     trace of spans",
                    self.begun,
                    self.number,
                    longest >> 20
                ));
            }
            if ended {
                return Ok(true);
            }
        }
    }

    /// The next byte that is no blank; it stays.
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

    /// Passes over bytes of one buffer.
    fn skip(&mut self, bytes: usize) {
        self.input.consume(bytes);
    }
}

fn fill(input: &mut impl BufRead) -> Result<&[u8], String> {
    // Asked twice, for the answer of the first time cannot be given back from a loop.
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

/// Finds where a value ends.
#[derive(Debug, Default)]
struct Scan {
    depth: u32,
    /// For the innermost 64 levels, whether they are objects; the last bit is the innermost.
    objects: u64,
    in_string: bool,
    escaped: bool,
    /// A number or word: it ends where something else begins.
    plain: bool,
    /// Where a `{` shows that a value was broken off: after a comma in an object, and at the
    /// begin of a line in a string.
    is_next: bool,
}

impl Scan {
    /// How much of `part` belongs to the value, and whether it ends there.
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
                // The list ends: a brace is missing.
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

    /// Takes a byte of a string; true if the value ends with it.
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

    /// The end of the file ends it, too.
    fn is_plain(&self) -> bool {
        self.plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// Events of a text, read in pieces of a few bytes, and how they ended.
    fn split(text: &str) -> Result<(Vec<String>, bool), String> {
        let mut events = Events::new(BufReader::with_capacity(3, text.as_bytes()));
        let mut all = Vec::new();
        loop {
            match events.next()? {
                Next::Event(piece) => all.push(String::from_utf8_lossy(piece.text).into_owned()),
                Next::End => return Ok((all, true)),
                Next::Cut => return Ok((all, false)),
            }
        }
    }

    #[test]
    fn both_forms_are_cut_between_events() {
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
    fn one_broken_event_does_not_cost_the_next() {
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
    fn what_is_no_trace_is_told() {
        for (text, says) in [
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
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }
}
