//! Reads text tables (CSV, TSV): one reader for all tables of the project.
//!
//! Accepted, because spreadsheets and shells write it: a byte order mark, CRLF line ends,
//! quoted fields, blanks around fields, `;` or a tab as separator (with `;` also a decimal
//! comma), lines before the header (a tool's standard error), comment lines that begin with
//! `#`, a repeated header (concatenated files), and a truncated last line. Skipped lines
//! are counted.
//!
//! A row has as many fields as the header. A longer row is refused: a decimal comma or an
//! unquoted comma in a name would shift every column after it.

mod blanks;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use csv::ByteRecord;

use blanks::Blanks;

/// Maximum bytes and lines before the end of the header.
const HEAD_BYTES: usize = 64 << 10;
const HEAD_LINES: usize = 32;
/// Separators in order of preference.
const SEPARATORS: [u8; 3] = *b",;\t";
/// Maximum characters of a header in a message.
const EXCERPT: usize = 200;

const BEFORE_HEADER: &str = "stray_text";
const REPEATED: &str = "repeated_header";
const COMMENT: &str = "comment";
/// The kind of an incomplete last line in [`Table::left_out`].
pub const CUT: &str = "cut_file";

/// An opened table whose header has been parsed.
pub struct Table<'a> {
    rows: csv::Reader<Tail<Box<dyn Read + 'a>>>,
    header: ByteRecord,
    separator: u8,
    /// Lines before the header.
    lines_before: u64,
    left_out: BTreeMap<&'static str, u64>,
}

/// One row of a table.
#[derive(Debug)]
pub struct TableRow<'a> {
    /// The row's first line, from 1.
    pub line: u64,
    fields: Vec<&'a str>,
    has_decimal_comma: bool,
}

impl TableRow<'_> {
    /// Returns a field.
    ///
    /// # Errors
    /// A message, if the row is too short.
    pub fn field(&self, at: usize) -> Result<&str, String> {
        let field = self.fields.get(at).copied();
        field.ok_or_else(|| "a column is missing".to_owned())
    }

    /// Returns a field that holds a number, with a point before its decimals.
    ///
    /// # Errors
    /// A message, if the row is too short.
    pub fn number(&self, at: usize) -> Result<Cow<'_, str>, String> {
        let field = self.field(at)?;
        let is_comma = self.has_decimal_comma && field.contains(',') && !field.contains('.');
        Ok(match is_comma {
            true => field.replacen(',', ".", 1).into(),
            false => field.into(),
        })
    }
}

impl<'a> Table<'a> {
    /// Opens a table. `layout` accepts or refuses a header; returns its result for the
    /// accepted one. Header fields are trimmed and in lower case.
    ///
    /// # Errors
    /// A message, if the input cannot be read, is not text, or has no acceptable header; in
    /// the last case the reason that `layout` returned for the first line.
    pub fn open<T>(
        mut input: impl Read + 'a,
        layout: impl Fn(&[&str]) -> Result<T, String>,
    ) -> Result<(Self, T), String> {
        let mut head = Vec::new();
        let mut first = (&mut input).take(HEAD_BYTES as u64);
        first.read_to_end(&mut head).map_err(|e| e.to_string())?;
        let start = text_start(&head)?;
        let found = find_header(&head[start..], &layout)?;
        let rest = head.split_off(start + found.at);
        let whole = Blanks::new(Cursor::new(rest).chain(input), found.separator);
        let whole: Box<dyn Read + 'a> = Box::new(whole);
        let mut rows = csv::ReaderBuilder::new()
            .delimiter(found.separator)
            .flexible(true)
            .has_headers(false)
            .trim(csv::Trim::All)
            .from_reader(Tail::new(whole));
        let mut header = ByteRecord::new();
        rows.read_byte_record(&mut header)
            .map_err(|error| error.to_string())?;
        let mut table = Self {
            rows,
            header,
            separator: found.separator,
            lines_before: found.lines_before,
            left_out: BTreeMap::new(),
        };
        table.leave_out(BEFORE_HEADER, found.text_lines);
        Ok((table, found.layout))
    }

    /// Passes every row to `accept`, in file order.
    ///
    /// # Errors
    /// A message that begins with the line number, for the first row that `accept` refuses
    /// or that is malformed. A truncated last line is skipped instead.
    pub fn read(
        &mut self,
        mut accept: impl FnMut(&TableRow<'_>) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut record = ByteRecord::new();
        let columns = self.header.len();
        let has_decimal_comma = self.separator == b';';
        while self.next(&mut record)? {
            let line = self.line(&record);
            let result = row(&record, line, columns, has_decimal_comma)
                .and_then(|row| accept(&row))
                .map_err(|why| format!("line {line}: {why}"));
            match result {
                Ok(()) => {}
                Err(_) if self.is_cut(&record)? => self.leave_out(CUT, 1),
                Err(why) => return Err(why),
            }
        }
        Ok(())
    }

    /// Returns the skipped lines: a stable keyword, the count and a description.
    pub fn left_out(&self) -> impl Iterator<Item = (&'static str, u64, &'static str)> {
        self.left_out.iter().map(|(&kind, &count)| {
            let what = match kind {
                BEFORE_HEADER => "lines before the header were skipped",
                REPEATED => "lines repeat the header and were skipped",
                COMMENT => "lines are comments and were skipped",
                _ => "line at the end of the file is cut and was left out",
            };
            (kind, count, what)
        })
    }

    /// Returns the first line of the row read last. The CSV reader reports the end of the
    /// row only, and would count blank lines before it.
    fn line(&self, record: &ByteRecord) -> u64 {
        let end = self.rows.position();
        let tail = self.rows.get_ref();
        let is_cut = end.byte() == tail.length && tail.last != Some(b'\n');
        let ends = record.iter().flatten().filter(|byte| **byte == b'\n');
        self.lines_before + end.line() + u64::from(is_cut) - 1 - ends.count() as u64
    }

    /// Reads the next data row; `false` at the end of the file.
    fn next(&mut self, record: &mut ByteRecord) -> Result<bool, String> {
        loop {
            let more = self.rows.read_byte_record(record);
            if !more.map_err(|error| error.to_string())? {
                return Ok(false);
            }
            let first = record.get(0).unwrap_or_default();
            match () {
                () if record.iter().all(<[u8]>::is_empty) => {}
                () if *record == self.header => self.leave_out(REPEATED, 1),
                () if first.starts_with(b"#") => self.leave_out(COMMENT, 1),
                () => return Ok(true),
            }
        }
    }

    /// Returns whether a refused row is the file's last line without a line end. A field
    /// with line breaks does not count: it has an unclosed quote, which hides rows.
    fn is_cut(&mut self, record: &ByteRecord) -> Result<bool, String> {
        let spans_lines = record.iter().any(|field| field.contains(&b'\n'));
        let mut more = ByteRecord::new();
        let is_last = !self.next(&mut more)?;
        Ok(is_last && !spans_lines && self.rows.get_ref().last != Some(b'\n'))
    }

    fn leave_out(&mut self, kind: &'static str, count: u64) {
        if count > 0 {
            *self.left_out.entry(kind).or_default() += count;
        }
    }
}

fn row(
    record: &ByteRecord,
    line: u64,
    columns: usize,
    comma: bool,
) -> Result<TableRow<'_>, String> {
    let fields = record.iter().map(std::str::from_utf8);
    let fields: Vec<&str> = fields
        .collect::<Result<_, _>>()
        .map_err(|_| "it is not UTF-8".to_owned())?;
    let is_longer = fields.iter().skip(columns).any(|field| !field.is_empty());
    if is_longer {
        return Err(format!(
            "it has {} fields, the header has {columns}; put a name or number that holds a comma \
             in quotes, and write decimals with a point",
            fields.len()
        ));
    }
    Ok(TableRow {
        line,
        fields,
        has_decimal_comma: comma,
    })
}

/// Returns the offset of the text after a byte order mark.
fn text_start(head: &[u8]) -> Result<usize, String> {
    match head {
        [0xef, 0xbb, 0xbf, ..] => Ok(3),
        _ => refuse_encoding(head).map_or(Ok(0), Err),
    }
}

/// Returns why a file with these first bytes is not UTF-8 text, or `None` if unknown.
pub fn refuse_encoding(head: &[u8]) -> Option<String> {
    let compressed = |by: &str| Some(format!("it is compressed: unpack it first (`{by}`)"));
    match head {
        [0xff, 0xfe, ..]
        | [0xfe, 0xff, ..]
        | [b'<' | b'[' | b'{', 0, ..]
        | [0, b'<' | b'[' | b'{', ..] => {
            Some("it is UTF-16: save it as UTF-8 (`iconv -f UTF-16 -t UTF-8`)".to_owned())
        }
        [0x1f, 0x8b, ..] => compressed("gunzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => compressed("unzstd"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => compressed("unxz"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => compressed("bunzip2"),
        [b'P', b'K', 3, 4, ..] => compressed("unzip"),
        [b'b', b'p', b'l', b'i', b's', b't', ..] => Some(
            "it is a binary property list: convert it first (`plutil -convert xml1`)".to_owned(),
        ),
        _ => None,
    }
}

/// A header and its position.
struct HeaderMatch<T> {
    /// Bytes before it.
    at: usize,
    lines_before: u64,
    /// Number of these lines that are not blank.
    text_lines: u64,
    separator: u8,
    layout: T,
}

fn find_header<T>(
    head: &[u8],
    layout: &impl Fn(&[&str]) -> Result<T, String>,
) -> Result<HeaderMatch<T>, String> {
    let (mut at, mut text_lines) = (0, 0);
    let mut refused = None;
    for (line, lines_before) in head.split_inclusive(|byte| *byte == b'\n').zip(0..) {
        if text_lines == HEAD_LINES as u64 {
            break;
        }
        let text = String::from_utf8_lossy(line);
        let is_text = !text.trim().is_empty();
        for separator in SEPARATORS.into_iter().filter(|_| is_text) {
            match layout_of(&text, separator, layout) {
                Ok(layout) => {
                    return Ok(HeaderMatch {
                        at,
                        lines_before,
                        text_lines,
                        separator,
                        layout,
                    });
                }
                Err(why) => drop(refused.get_or_insert(why)),
            }
        }
        at += line.len();
        text_lines += u64::from(is_text);
    }
    let empty = || match layout(&[]) {
        Ok(_) => "it is empty".to_owned(),
        Err(why) => format!("it is empty; {why}"),
    };
    Err(refused.unwrap_or_else(empty))
}

fn layout_of<T>(
    line: &str,
    separator: u8,
    layout: &impl Fn(&[&str]) -> Result<T, String>,
) -> Result<T, String> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator)
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_reader(Blanks::new(line.as_bytes(), separator));
    let header = reader.records().next().and_then(Result::ok);
    let names: Vec<String> = header
        .iter()
        .flatten()
        .map(str::to_ascii_lowercase)
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    layout(&names)
}

/// Returns the index of the column `name` in a header.
///
/// # Errors
/// A message, if the name occurs twice.
pub fn column(header: &[&str], name: &str) -> Result<Option<usize>, String> {
    let mut places = (0..).zip(header).filter(|(_, column)| **column == name);
    let first = places.next().map(|(at, _)| at);
    match places.next() {
        Some(_) => Err(format!("the header has the column `{name}` twice")),
        None => Ok(first),
    }
}

/// Returns the start of a header for messages.
pub fn excerpt(header: &[&str]) -> String {
    header.join(",").chars().take(EXCERPT).collect()
}

/// A reader that normalises line ends to line feeds and remembers the last byte. The CSV
/// reader would count the second byte of a CRLF as part of the next row.
struct Tail<R> {
    input: R,
    last: Option<u8>,
    /// Number of bytes returned.
    length: u64,
    /// Whether a carriage return is held back until the next byte is known.
    has_return: bool,
}

impl<R> Tail<R> {
    const fn new(input: R) -> Self {
        Self {
            input,
            last: None,
            length: 0,
            has_return: false,
        }
    }

    /// Removes carriage returns before line feeds and returns the new length. A carriage
    /// return at the end is held back.
    fn without_returns(&mut self, bytes: &mut [u8]) -> usize {
        let mut length = 0;
        for at in 0..bytes.len() {
            let is_return = bytes[at] == b'\r';
            let next = bytes.get(at + 1);
            self.has_return = is_return && next.is_none();
            let is_of_pair = is_return && next == Some(&b'\n');
            if !(self.has_return || is_of_pair) {
                bytes[length] = bytes[at];
                length += 1;
            }
        }
        length
    }
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let held = usize::from(self.has_return);
            if let Some(first) = buffer.first_mut().filter(|_| held > 0) {
                *first = b'\r';
            }
            let room = buffer.get_mut(held..).unwrap_or_default();
            let length = self.input.read(room)?;
            let taken = match length {
                0 => held,
                length => self.without_returns(&mut buffer[..held + length]),
            };
            if length == 0 {
                self.has_return = false;
            }
            self.length += taken as u64;
            if let Some(last) = buffer[..taken].last() {
                self.last = Some(*last);
            }
            if taken > 0 || length == 0 {
                return Ok(taken);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields `a` and `b` of all rows, and what was left out.
    type Outcome = Result<(Vec<(u64, String, String)>, Vec<(&'static str, u64)>), String>;

    fn places(header: &[&str]) -> Result<(usize, usize), String> {
        let place = |name| column(header, name)?.ok_or_else(|| format!("no {name}"));
        Ok((place("a")?, place("b")?))
    }

    fn read(text: &[u8]) -> Outcome {
        let (mut table, (a, b)) = Table::open(text, places)?;
        let mut rows = Vec::new();
        table.read(|row| {
            let number = row.number(b)?;
            if number == "bad" {
                return Err("b is bad".into());
            }
            rows.push((row.line, row.field(a)?.to_owned(), number.into_owned()));
            Ok(())
        })?;
        let left_out = table.left_out().map(|(kind, count, _)| (kind, count));
        Ok((rows, left_out.collect()))
    }

    fn rows(text: &str) -> Vec<(u64, String, String)> {
        read(text.as_bytes()).unwrap().0
    }

    #[test]
    fn every_dialect_gives_the_same_rows() {
        let expected = [
            (2, "x".to_owned(), "1.5".to_owned()),
            (3, "y".into(), "2".into()),
        ];
        for text in [
            "a,b\nx,1.5\ny,2\n",
            "\u{feff}a,b\r\nx,1.5\r\ny,2\r\n",
            " A , B \n x , 1.5 \n y , 2 \n",
            "\"a\",\"b\"\n\"x\",\"1.5\"\n\"y\",\"2\"",
            "b,other,a\n1.5,,x\n2,7,y\n",
            "a;b\nx;1,5\ny;2\n",
            "a\tb\nx\t1.5\ny\t2\n",
            "a,b\nx,1.5,,\ny,2,\n\n",
        ] {
            assert_eq!(rows(text), expected, "{text:?}");
        }
    }

    #[test]
    fn line_ends_are_one_byte_however_they_are_read() {
        struct Pieces<'a>(&'a [u8], usize);
        impl Read for Pieces<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let length = self.1.min(self.0.len()).min(buffer.len());
                let (piece, rest) = self.0.split_at(length);
                buffer[..length].copy_from_slice(piece);
                self.0 = rest;
                Ok(length)
            }
        }
        for size in 1..9 {
            let mut text = String::new();
            let mut tail = Tail::new(Pieces(b"a\r\nb\rc\r\r\n\nd\r", size));
            tail.read_to_string(&mut text).unwrap();
            assert_eq!(
                (text.as_str(), tail.last),
                ("a\nb\rc\r\n\nd\r", Some(b'\r')),
                "{size}"
            );
        }
    }

    #[test]
    fn quoted_fields_hold_separators_quotes_and_line_ends() {
        let text = "a,b\n\"x, \"\"y\"\"\",1\n\"two\nlines\",2\nz,3\n";
        let rows = rows(text);
        assert_eq!(
            (rows[0].1.as_str(), rows[1].1.as_str()),
            ("x, \"y\"", "two\nlines")
        );
        assert_eq!(rows[2].0, 5, "lines are counted inside of quotes");
    }

    #[test]
    fn other_lines_are_left_out_and_counted() {
        let text = "warning: underflow\n\n# made by hand\na,b\n# first half\nx,1\na,b\ny,2";
        let (found, left_out) = read(text.as_bytes()).unwrap();
        let lines: Vec<u64> = found.iter().map(|row| row.0).collect();
        assert_eq!(lines, [6, 8]);
        let lines: Vec<u64> = rows("a,b\n\n\nx,1\n\n\"y\ny\",2\n\nz,3")
            .iter()
            .map(|row| row.0)
            .collect();
        assert_eq!(lines, [4, 6, 9]);
        assert_eq!(
            left_out,
            [("comment", 1), ("repeated_header", 1), ("stray_text", 2)]
        );
    }

    #[test]
    fn a_cut_last_line_is_left_out_and_an_open_quote_is_not() {
        let (rows, left_out) = read(b"a,b\nx,1\ny").unwrap();
        assert_eq!((rows.len(), left_out), (1, vec![("cut_file", 1)]));
        assert!(
            read(b"a,b\nx,1\ny\n")
                .unwrap_err()
                .starts_with("line 3: a column")
        );
        assert!(
            read(b"a,b\n\"x,1\ny,2\nz,3")
                .unwrap_err()
                .starts_with("line 2: ")
        );
    }

    #[test]
    fn bad_rows_and_headers_are_refused_with_the_line() {
        for (text, expected) in [
            (&b"a,b\nx,1\nx,bad\ny,2\n"[..], "line 3: b is bad"),
            (
                b"note\na,b\nx,1,5\n",
                "line 3: it has 3 fields, the header has 2",
            ),
            (b"a,b\n\xff,1\ny,2\n", "line 2: it is not UTF-8"),
            (b"a,c\nx,1\n", "no b"),
            (b"a,a,b\nx,1,2\n", "column `a` twice"),
            (b"\n \n", "it is empty"),
            (b"", "it is empty"),
            (b"\xff\xfea\0,\0b\0", "UTF-16"),
            (b"\x1f\x8b\x08", "gunzip"),
            (b"PK\x03\x04", "unzip"),
        ] {
            let error = read(text).unwrap_err();
            assert!(
                error.starts_with(expected) || error.contains(expected),
                "{error}"
            );
        }
    }
}
