//! Lists with described columns: keys for JSON and CSV, headings and formats for tables.

use serde::Serialize;
use serde_json::Value;

use super::csv;
use super::html;
use super::screen::OutputStyle;
use super::{
    bytes, count, energy, escape, number, percent, power, shorten, shorten_path, time_span, utc,
};

/// Maximum number of characters in a cell.
const LONGEST_TEXT: usize = 120;

/// Minimum width of a path, and gap between columns.
const LEAST_PATH: usize = 12;
const GAP: usize = 2;

/// Number of characters shown of a uuid.
const ID: usize = 8;

/// Display format of a value. The suffix of its key is its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CellFormat {
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
    Whole,
    Count,
    /// Two keys: `lo .. hi` in joules.
    Interval(&'static str),
    /// Two keys: `lo .. hi` without a unit.
    Range(&'static str),
    /// Not displayed; only in CSV and JSON.
    Data,
}

/// A column: key of the value, heading and display format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    key: &'static str,
    heading: String,
    format: CellFormat,
    from_width: u16,
}

impl Column {
    fn new(key: &'static str, heading: impl Into<String>, format: CellFormat) -> Self {
        let heading = heading.into();
        Self {
            key,
            heading,
            format,
            from_width: 0,
        }
    }

    /// Text, escaped and shortened for display.
    pub fn text(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, CellFormat::Text)
    }

    /// Labels from the root down joined by ` > `, shortened to the remaining width. A list
    /// has at most one such column.
    pub fn path(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, CellFormat::Path)
    }

    /// A uuid, displayed as the prefix that commands accept.
    pub fn id(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, CellFormat::Id)
    }

    /// Bytes.
    pub fn bytes(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, CellFormat::Bytes)
    }

    /// Joules.
    pub fn energy(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, CellFormat::Energy)
    }

    /// Watts.
    pub fn power(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, CellFormat::Power)
    }

    /// A duration in nanoseconds.
    pub fn time(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, CellFormat::Time)
    }

    /// Wall-clock time in ns since 1970, displayed in minutes.
    pub fn date_time(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, CellFormat::Moment)
    }

    /// A fraction, displayed as a percentage.
    pub fn percent(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, CellFormat::Percent)
    }

    /// A number without a unit, or with the unit in the heading.
    pub fn number(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, CellFormat::Number)
    }

    /// An integer.
    pub fn count(key: &'static str, heading: impl Into<String>) -> Self {
        Self::new(key, heading, CellFormat::Count)
    }

    /// Shows a number without decimals if it is whole.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.format = CellFormat::Whole;
        self
    }

    /// The ends of an interval in joules, displayed in one column.
    pub fn interval(lo: &'static str, hi: &'static str, heading: impl Into<String>) -> Self {
        Self::new(lo, heading, CellFormat::Interval(hi))
    }

    /// The ends of a numeric interval, displayed in one column.
    pub fn range(lo: &'static str, hi: &'static str, heading: impl Into<String>) -> Self {
        Self::new(lo, heading, CellFormat::Range(hi))
    }

    /// A value in CSV that is not displayed. JSON contains all values of a row anyway.
    pub fn data(key: &'static str) -> Self {
        Self::new(key, key, CellFormat::Data)
    }

    /// Only displays the column if the table may have this width. CSV always contains it.
    #[must_use]
    pub fn from_width(mut self, columns: u16) -> Self {
        self.from_width = columns;
        self
    }

    /// Returns the key of its value.
    pub fn key(&self) -> &'static str {
        self.key
    }

    fn keys(&self) -> impl Iterator<Item = &'static str> {
        let second = match self.format {
            CellFormat::Interval(hi) | CellFormat::Range(hi) => Some(hi),
            _ => None,
        };
        [Some(self.key), second].into_iter().flatten()
    }

    fn is_shown(&self, style: &OutputStyle, rows: &[Value]) -> bool {
        let holds = |row: &Value| self.keys().any(|key| !row[key].is_null());
        let optional = self.from_width > 0
            || matches!(self.format, CellFormat::Interval(_) | CellFormat::Range(_));
        self.format != CellFormat::Data
            && style.width >= self.from_width
            && (!optional || rows.iter().any(holds))
    }

    /// Returns the cell of an HTML page with its sort key.
    fn page_cell(&self, row: &Value) -> html::HtmlCell {
        let text = match self.format {
            CellFormat::Path => shorten_path(&self.cell(row), LONGEST_TEXT),
            _ => self.cell(row),
        };
        html::HtmlCell {
            text,
            sort: row[self.key].as_f64(),
        }
    }

    fn cell(&self, row: &Value) -> String {
        let value = &row[self.key];
        let (float, integer) = (value.as_f64(), value.as_i64());
        match self.format {
            CellFormat::Text | CellFormat::Path | CellFormat::Data if value.is_null() => {
                super::UNKNOWN.to_owned()
            }
            CellFormat::Path => escape(&csv::field(value)),
            CellFormat::Text | CellFormat::Data => {
                shorten(&escape(&csv::field(value)), LONGEST_TEXT)
            }
            CellFormat::Id => escape(&csv::field(value).chars().take(ID).collect::<String>()),
            CellFormat::Bytes => bytes(value.as_u64()),
            CellFormat::Energy => energy(float),
            CellFormat::Power => power(float),
            CellFormat::Time => time_span(integer),
            CellFormat::Moment => integer.map_or_else(
                || super::UNKNOWN.to_owned(),
                |ns| utc(ns).get(..16).unwrap_or_default().to_owned() + "Z",
            ),
            CellFormat::Percent => percent(float),
            CellFormat::Number => number(float),
            CellFormat::Whole => {
                match float.filter(|value| value.fract() == 0.0 && value.abs() < 1e15) {
                    Some(whole) => format!("{whole:.0}"),
                    None => number(float),
                }
            }
            CellFormat::Count => count(integer),
            CellFormat::Interval(hi) => match (float, row[hi].as_f64()) {
                (None, None) => super::UNKNOWN.to_owned(),
                (lo, hi) => format!("{} .. {}", energy(lo), energy(hi)),
            },
            CellFormat::Range(hi) => match (float, row[hi].as_f64()) {
                (None, None) => super::UNKNOWN.to_owned(),
                (lo, hi) => format!("{} .. {}", number(lo), number(hi)),
            },
        }
    }
}

/// Rows with their columns. A row is a JSON object; the JSON output also contains values
/// without a column.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    key: &'static str,
    title: String,
    columns: Vec<Column>,
    rows: Vec<Value>,
    audience: Audience,
}

/// Outputs that contain a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    All,
    Display,
    Data,
}

impl Sheet {
    /// Creates a list with the JSON key `key`. `title` is its heading and may be empty.
    pub fn new<R: Serialize>(
        key: &'static str,
        title: impl Into<String>,
        columns: Vec<Column>,
        rows: impl IntoIterator<Item = R>,
    ) -> Self {
        let value = |row: R| serde_json::to_value(row).unwrap_or_default();
        Self::of_values(key, title, columns, rows.into_iter().map(value).collect())
    }

    /// Like [`Sheet::new`], from JSON objects.
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
            audience: Audience::All,
        }
    }

    /// Restricts the list to tables and Markdown.
    #[must_use]
    pub fn display_only(mut self) -> Self {
        self.audience = Audience::Display;
        self
    }

    /// Restricts the list to JSON and CSV.
    #[must_use]
    pub fn data_only(mut self) -> Self {
        self.audience = Audience::Data;
        self
    }

    /// Returns whether tables and Markdown contain it.
    pub fn is_displayed(&self) -> bool {
        self.audience != Audience::Data
    }

    /// Returns whether JSON and CSV contain it.
    pub fn is_data(&self) -> bool {
        self.audience != Audience::Display
    }

    /// Returns its JSON key.
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// Returns its heading.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Returns the JSON rows.
    pub fn rows(&self) -> &[Value] {
        &self.rows
    }

    /// Converts into the rows.
    pub(super) fn into_rows(self) -> Vec<Value> {
        self.rows
    }

    /// Formats it as a text or Markdown table.
    pub fn table(&self, style: &OutputStyle) -> String {
        let shown: Vec<&Column> = self
            .columns
            .iter()
            .filter(|column| column.is_shown(style, &self.rows))
            .collect();
        let header: Vec<&str> = shown.iter().map(|column| column.heading.as_str()).collect();
        let cells = |row| shown.iter().map(|column| column.cell(row)).collect();
        let mut rows: Vec<Vec<String>> = self.rows.iter().map(cells).collect();
        if let Some(at) = shown
            .iter()
            .position(|column| column.format == CellFormat::Path)
        {
            let room = room(style, &header, &rows, at);
            let cut = |row: &mut Vec<String>| row[at] = shorten_path(&row[at], room);
            rows.iter_mut().for_each(cut);
        }
        style.table(&header, &rows)
    }

    /// Formats it as an HTML table whose cells have sort keys.
    pub fn html(&self) -> String {
        let style = OutputStyle::of_width(u16::MAX);
        let shown: Vec<&Column> = self
            .columns
            .iter()
            .filter(|column| column.is_shown(&style, &self.rows))
            .collect();
        let header: Vec<&str> = shown.iter().map(|column| column.heading.as_str()).collect();
        let cells = |row| shown.iter().map(|column| column.page_cell(row)).collect();
        let rows: Vec<Vec<html::HtmlCell>> = self.rows.iter().map(cells).collect();
        html::table(&self.title, &header, &rows)
    }

    /// Writes it as CSV with a header of keys. Values are in base units, unknown ones empty.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn csv(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        let keys: Vec<&str> = self.columns.iter().flat_map(Column::keys).collect();
        csv::objects(out, &keys, &self.rows)
    }
}

/// Returns the width that remains for the column at `at`.
fn room(style: &OutputStyle, header: &[&str], rows: &[Vec<String>], at: usize) -> usize {
    let length = |text: &str| text.chars().count();
    let width = |column: usize| {
        let cells = rows.iter().map(|row| length(&row[column]));
        cells.max().unwrap_or(0).max(length(header[column])) + GAP
    };
    let others: usize = (0..header.len()).filter(|c| *c != at).map(width).sum();
    usize::from(style.width)
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
    fn tables_show_columns_that_fit_and_csv_contains_all() {
        let row = json!({ "name": "a\u{1b}[31m", "energy_j": 1.5, "lo_j": 1.0, "hi_j": null,
                          "self_ns": 3, "avg_w": 2.0 });
        let sheet = sheet(vec![row]);
        let narrow = sheet.table(&OutputStyle::default());
        assert!(narrow.contains("a\\u{1b}[31m"), "{narrow}");
        assert!(narrow.contains("1.000 J .. -"), "{narrow}");
        assert!(!narrow.contains("2.000 W"), "{narrow}");
        let wide = OutputStyle::of_width(100);
        assert!(sheet.table(&wide).contains("2.000 W"));
        let mut csv = Vec::new();
        sheet.csv(&mut csv).unwrap();
        let csv = String::from_utf8(csv).unwrap();
        let expected = "name,energy_j,lo_j,hi_j,self_ns,avg_w\na\\u{1b}[31m,1.5,1.0,,3,2.0\n";
        assert_eq!(csv, expected);
    }

    #[test]
    fn an_unknown_interval_has_no_column() {
        let sheet = sheet(vec![json!({ "name": "a" })]);
        assert!(!sheet.table(&OutputStyle::default()).contains("90 %"));
    }

    #[test]
    fn a_megabyte_of_text_is_one_short_cell() {
        let sheet = sheet(vec![json!({ "name": "x".repeat(1 << 20) })]);
        assert!(sheet.table(&OutputStyle::default()).len() < 1000);
    }
}
