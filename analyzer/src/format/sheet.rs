//! A list of like things, described once: which columns it has, what they are
//! called for people and for programs, and how their figures are written.

use serde::Serialize;
use serde_json::Value;

use super::csv;
use super::html;
use super::screen::Look;
use super::{
    bytes, count, energy, escape, number, percent, power, shorten, shorten_path, time_span, utc,
};

/// Characters of a text in one cell, so that a prompt of a megabyte is one line.
const LONGEST_TEXT: usize = 120;

/// Characters that a path has at least, and that columns are apart.
const LEAST_PATH: usize = 12;
const GAP: usize = 2;

/// Characters of a uuid that are shown.
const ID: usize = 8;

/// How a value is written for people; its key says in which unit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Show {
    Text,
    Path,
    Id,
    Bytes,
    Energy,
    Power,
    Time,
    Moment,
    Percent,
    Number,
    Count,
    /// Two keys: `lo .. hi` in joules.
    Interval(&'static str),
    /// Two keys: `lo .. hi` without a unit.
    Range(&'static str),
    /// For programs only.
    Data,
}

/// One column: the key of a row's value, its heading, and how it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    key: &'static str,
    heading: String,
    show: Show,
    from_width: u16,
}

impl Column {
    fn new(key: &'static str, heading: impl Into<String>, show: Show) -> Self {
        let heading = heading.into();
        Self {
            key,
            heading,
            show,
            from_width: 0,
        }
    }

    /// A name or other words, escaped and cut for people.
    pub fn text(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, Show::Text)
    }

    /// Labels from the root down with ` > ` between them, cut to the room that other
    /// columns leave. One column of a list may be one.
    pub fn path(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, Show::Path)
    }

    /// A uuid, of which people see the beginning that commands take.
    pub fn id(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, Show::Id)
    }

    /// An amount of data in bytes.
    pub fn bytes(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, Show::Bytes)
    }

    /// Joules.
    pub fn energy(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, Show::Energy)
    }

    /// Watts.
    pub fn power(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, Show::Power)
    }

    /// A length of time in nanoseconds.
    pub fn time(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, Show::Time)
    }

    /// Wall clock, ns since 1970, written to the minute.
    pub fn moment(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, Show::Moment)
    }

    /// A part of one, written as a percentage.
    pub fn percent(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, Show::Percent)
    }

    /// A number without a unit, or with one that the heading names.
    pub fn number(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, Show::Number)
    }

    /// A whole number.
    pub fn count(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, Show::Count)
    }

    /// The ends of an interval in joules, in one column for people.
    pub fn interval(lo: &'static str, hi: &'static str, heading: impl Into<String>) -> Self {
        Self::new(lo, heading, Show::Interval(hi))
    }

    /// The ends of an interval of a number, in one column for people.
    pub fn range(lo: &'static str, hi: &'static str, heading: impl Into<String>) -> Self {
        Self::new(lo, heading, Show::Range(hi))
    }

    /// For programs only: in CSV, not in a table. JSON has all a row holds anyway.
    pub fn data(key: &'static str) -> Self {
        Self::new(key, key, Show::Data)
    }

    /// In tables only where they may be so wide; programs have it always.
    #[must_use]
    pub fn from_width(mut self, columns: u16) -> Self {
        self.from_width = columns;
        self
    }

    fn keys(&self) -> impl Iterator<Item = &'static str> {
        let second = match self.show {
            Show::Interval(hi) | Show::Range(hi) => Some(hi),
            _ => None,
        };
        [Some(self.key), second].into_iter().flatten()
    }

    fn is_shown(&self, look: &Look, rows: &[Value]) -> bool {
        let holds = |row: &Value| self.keys().any(|key| !row[key].is_null());
        let optional =
            self.from_width > 0 || matches!(self.show, Show::Interval(_) | Show::Range(_));
        self.show != Show::Data
            && look.width >= self.from_width
            && (!optional || rows.iter().any(holds))
    }

    /// The cell of a page, with the number that it is sorted by.
    fn page_cell(&self, row: &Value) -> html::Cell {
        let text = match self.show {
            Show::Path => shorten_path(&self.cell(row), LONGEST_TEXT),
            _ => self.cell(row),
        };
        html::Cell {
            text,
            sort: row[self.key].as_f64(),
        }
    }

    fn cell(&self, row: &Value) -> String {
        let value = &row[self.key];
        let (float, integer) = (value.as_f64(), value.as_i64());
        match self.show {
            Show::Text | Show::Path | Show::Data if value.is_null() => super::UNKNOWN.to_owned(),
            Show::Path => escape(&csv::field(value)),
            Show::Text | Show::Data => shorten(&escape(&csv::field(value)), LONGEST_TEXT),
            Show::Id => escape(&csv::field(value).chars().take(ID).collect::<String>()),
            Show::Bytes => bytes(value.as_u64()),
            Show::Energy => energy(float),
            Show::Power => power(float),
            Show::Time => time_span(integer),
            Show::Moment => integer.map_or_else(
                || super::UNKNOWN.to_owned(),
                |ns| utc(ns).get(..16).unwrap_or_default().to_owned() + "Z",
            ),
            Show::Percent => percent(float),
            Show::Number => number(float),
            Show::Count => count(integer),
            Show::Interval(hi) => match (float, row[hi].as_f64()) {
                (None, None) => super::UNKNOWN.to_owned(),
                (lo, hi) => format!("{} .. {}", energy(lo), energy(hi)),
            },
            Show::Range(hi) => match (float, row[hi].as_f64()) {
                (None, None) => super::UNKNOWN.to_owned(),
                (lo, hi) => format!("{} .. {}", number(lo), number(hi)),
            },
        }
    }
}

/// Rows with their columns. A row is a JSON object; what no column names is still
/// in the JSON output.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    key: &'static str,
    title: String,
    columns: Vec<Column>,
    rows: Vec<Value>,
    readers: Readers,
}

/// Who reads a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Readers {
    All,
    People,
    Programs,
}

impl Sheet {
    /// A list that JSON calls `key`. `title` heads it for people; it may be empty.
    pub fn new<R: Serialize>(
        key: &'static str,
        title: impl Into<String>,
        columns: Vec<Column>,
        rows: impl IntoIterator<Item = R>,
    ) -> Self {
        let value = |row: R| serde_json::to_value(row).unwrap_or_default();
        Self::of_values(key, title, columns, rows.into_iter().map(value).collect())
    }

    /// As [`Sheet::new`], of rows that are JSON objects already.
    pub fn of_values(
        key: &'static str,
        title: impl Into<String>,
        columns: Vec<Column>,
        rows: Vec<Value>,
    ) -> Self {
        Self {
            key,
            title: title.into(),
            columns,
            rows,
            readers: Readers::All,
        }
    }

    /// In tables and Markdown only: the same things are told to programs by another
    /// list.
    #[must_use]
    pub fn for_people(mut self) -> Self {
        self.readers = Readers::People;
        self
    }

    /// In JSON and CSV only.
    #[must_use]
    pub fn for_programs(mut self) -> Self {
        self.readers = Readers::Programs;
        self
    }

    /// Whether it stands in tables and Markdown.
    pub fn is_for_people(&self) -> bool {
        self.readers != Readers::Programs
    }

    /// Whether it stands in JSON and CSV.
    pub fn is_for_programs(&self) -> bool {
        self.readers != Readers::People
    }

    /// What JSON calls it.
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// What people read above it.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The rows as they go to JSON.
    pub fn rows(&self) -> &[Value] {
        &self.rows
    }

    /// As a table that fits, or a Markdown one.
    pub fn table(&self, look: &Look) -> String {
        let shown: Vec<&Column> = self
            .columns
            .iter()
            .filter(|column| column.is_shown(look, &self.rows))
            .collect();
        let header: Vec<&str> = shown.iter().map(|column| column.heading.as_str()).collect();
        let cells = |row| shown.iter().map(|column| column.cell(row)).collect();
        let mut rows: Vec<Vec<String>> = self.rows.iter().map(cells).collect();
        if let Some(at) = shown.iter().position(|column| column.show == Show::Path) {
            let room = room(look, &header, &rows, at);
            let cut = |row: &mut Vec<String>| row[at] = shorten_path(&row[at], room);
            rows.iter_mut().for_each(cut);
        }
        look.table(&header, &rows)
    }

    /// As a table of a page, whose cells hold what they are sorted by.
    pub fn html(&self) -> String {
        let look = Look::of_width(u16::MAX);
        let shown: Vec<&Column> = self
            .columns
            .iter()
            .filter(|column| column.is_shown(&look, &self.rows))
            .collect();
        let header: Vec<&str> = shown.iter().map(|column| column.heading.as_str()).collect();
        let cells = |row| shown.iter().map(|column| column.page_cell(row)).collect();
        let rows: Vec<Vec<html::Cell>> = self.rows.iter().map(cells).collect();
        html::table(&self.title, &header, &rows)
    }

    /// As CSV with a header of keys: figures in base units, unknown ones empty.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn csv(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        let keys: Vec<&str> = self.columns.iter().flat_map(Column::keys).collect();
        csv::objects(out, &keys, &self.rows)
    }
}

/// Characters that other columns leave to the one at `at`.
fn room(look: &Look, header: &[&str], rows: &[Vec<String>], at: usize) -> usize {
    let length = |text: &str| text.chars().count();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| length(&row[column]));
        cells.max().unwrap_or(0).max(length(header[column])) + GAP
    };
    let others: usize = (0..header.len()).filter(|c| *c != at).map(width).sum();
    usize::from(look.width)
        .saturating_sub(others + 1)
        .max(LEAST_PATH)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sheet(rows: Vec<Value>) -> Sheet {
        let columns = vec![
            Column::text("name", "name"),
            Column::energy("energy_j", "energy"),
            Column::interval("lo_j", "hi_j", "90 %"),
            Column::data("self_ns"),
            Column::power("avg_w", "power").from_width(100),
        ];
        Sheet::new("things", "Things", columns, rows)
    }

    #[test]
    fn people_see_what_fits_and_programs_see_all() {
        let row = json!({ "name": "a\u{1b}[31m", "energy_j": 1.5, "lo_j": 1.0, "hi_j": null,
                          "self_ns": 3, "avg_w": 2.0 });
        let sheet = sheet(vec![row]);
        let narrow = sheet.table(&Look::default());
        assert!(narrow.contains("a\\u{1b}[31m"), "{narrow}");
        assert!(narrow.contains("1.000 J .. -"), "{narrow}");
        assert!(!narrow.contains("2.000 W"), "{narrow}");
        let wide = Look::of_width(100);
        assert!(sheet.table(&wide).contains("2.000 W"));
        let mut csv = Vec::new();
        sheet.csv(&mut csv).unwrap();
        let csv = String::from_utf8(csv).unwrap();
        let expected = "name,energy_j,lo_j,hi_j,self_ns,avg_w\na\\u{1b}[31m,1.5,1.0,,3,2.0\n";
        assert_eq!(csv, expected);
    }

    #[test]
    fn an_interval_that_nobody_knows_has_no_column() {
        let sheet = sheet(vec![json!({ "name": "a" })]);
        assert!(!sheet.table(&Look::default()).contains("90 %"));
    }

    #[test]
    fn a_megabyte_of_text_is_one_short_cell() {
        let sheet = sheet(vec![json!({ "name": "x".repeat(1 << 20) })]);
        assert!(sheet.table(&Look::default()).len() < 1000);
    }
}
