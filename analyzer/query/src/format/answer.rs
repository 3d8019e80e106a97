//! Output of a command that lists things, in every format.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::screen::OutputStyle;
use super::{Format, Sheet, html, json};
use crate::error::Result;

/// Version of all JSON output; increased when a key is removed or changes its meaning.
pub const SCHEMA: u32 = 1;

/// Widths at which charts are drawn: narrow, usual and wide terminals.
const WIDTHS: [usize; 4] = [40, 80, 100, 120];

/// A chart drawn at one width.
#[derive(Debug, Clone, PartialEq)]
struct DrawnChart {
    width: usize,
    lines: String,
}

/// Output of a command: title, lists and notes.
///
/// ```text
/// table, markdown   title, cautions, leads, each list under its title, text, notes
/// json              schema, command, the head's keys, a key for each list, notes
/// csv               the first list
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    command: &'static str,
    title: String,
    leads: Vec<String>,
    head: Map<String, Value>,
    cautions: Vec<String>,
    sheets: Vec<Sheet>,
    charts: Vec<Vec<DrawnChart>>,
    notes: Vec<String>,
}

impl Answer {
    /// Creates the output of a command. The title may be empty; names in it must be escaped.
    pub fn new(command: &'static str, title: impl Into<String>) -> Self {
        Self {
            command,
            title: title.into(),
            leads: Vec::new(),
            head: Map::new(),
            cautions: Vec::new(),
            sheets: Vec::new(),
            charts: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a top-level value that only JSON contains.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.head.insert(key.to_owned(), value);
        self
    }

    /// Adds a sentence below the title, before all else. JSON does not contain it.
    #[must_use]
    pub fn lead(mut self, text: impl Into<String>) -> Self {
        self.leads.push(text.into());
        self
    }

    /// Adds a caution above the lists.
    #[must_use]
    pub fn caution(mut self, text: impl Into<String>) -> Self {
        self.cautions.push(text.into());
        self
    }

    /// Adds a list; CSV contains the first one.
    #[must_use]
    pub fn sheet(mut self, sheet: Sheet) -> Self {
        self.sheets.push(sheet);
        self
    }

    /// Adds preformatted lines below the lists of a table, such as a histogram. Names in it
    /// must be escaped. `draw` gets the available width.
    #[must_use]
    pub fn chart(mut self, draw: impl Fn(usize) -> String) -> Self {
        let drawn = WIDTHS.map(|width| DrawnChart {
            width,
            lines: draw(width),
        });
        self.charts.push(drawn.into());
        self
    }

    /// Adds a note at the end of tables, Markdown and JSON.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Writes the output; `style` only affects tables.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write, format: Format, style: &OutputStyle) -> Result<()> {
        match format {
            Format::Table => self.write_text(out, style)?,
            Format::Markdown => self.write_text(out, &OutputStyle::markdown())?,
            Format::Json => json::write(out, &self.value())?,
            Format::Csv => {
                if let Some(sheet) = self.data_sheets().next() {
                    sheet.csv(out)?;
                }
            }
        }
        Ok(())
    }

    /// Converts to one JSON object.
    pub fn value(&self) -> Value {
        self.clone().into_value()
    }

    /// Converts to one JSON object, without a copy of the lists.
    pub fn into_value(self) -> Value {
        let mut object = Map::new();
        object.insert("schema".into(), json!(SCHEMA));
        object.insert("command".into(), json!(self.command));
        object.extend(self.head);
        for sheet in self.sheets.into_iter().filter(Sheet::is_data) {
            object.insert(sheet.key().into(), Value::Array(sheet.into_rows()));
        }
        let notes: Vec<&String> = self.cautions.iter().chain(&self.notes).collect();
        object.insert("notes".into(), json!(notes));
        Value::Object(object)
    }

    /// Converts to a part of an HTML page: cautions, lists and notes without the title.
    pub fn html(&self) -> String {
        let paragraph = |class: &str, text: &String| {
            format!("<p class=\"{class}\">{}</p>\n", html::escape(text))
        };
        let cautions = self.cautions.iter().map(|text| paragraph("caution", text));
        let sheets = self.displayed_sheets().map(Sheet::html);
        let notes = self.notes.iter().map(|text| paragraph("note", text));
        let leads = self.leads.iter().map(|text| paragraph("lead", text));
        cautions.chain(leads).chain(sheets).chain(notes).collect()
    }

    fn data_sheets(&self) -> impl Iterator<Item = &Sheet> {
        self.sheets.iter().filter(|sheet| sheet.is_data())
    }

    /// Returns the lists to display; those without rows are skipped.
    fn displayed_sheets(&self) -> impl Iterator<Item = &Sheet> {
        let filled = |sheet: &&Sheet| sheet.is_displayed() && !sheet.rows().is_empty();
        self.sheets.iter().filter(filled)
    }

    fn write_text(&self, out: &mut dyn Write, style: &OutputStyle) -> std::io::Result<()> {
        if !self.title.is_empty() {
            writeln!(out, "{}", style.title(&self.title))?;
        }
        for caution in &self.cautions {
            writeln!(out, "{}", style.notice(caution))?;
        }
        for lead in &self.leads {
            writeln!(out, "{}", style.note(lead))?;
        }
        for sheet in self.displayed_sheets() {
            if !sheet.title().is_empty() {
                writeln!(out, "\n{}", style.heading(sheet.title()))?;
            }
            writeln!(out, "{}", sheet.table(style))?;
        }
        for chart in &self.charts {
            let room = if style.is_markdown() {
                WIDTHS[1]
            } else {
                style.width.into()
            };
            let fitting = chart.iter().rev().find(|drawn| drawn.width <= room);
            if let Some(drawn) = fitting.or_else(|| chart.first()) {
                writeln!(out, "\n{}", style.block(&drawn.lines))?;
            }
        }
        for note in &self.notes {
            writeln!(out, "{}", style.note(note))?;
        }
        Ok(())
    }
}
