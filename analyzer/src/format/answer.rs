//! What a command that lists things says: the same in every format.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::screen::Look;
use super::{Format, Sheet, escape, html, json};
use crate::error::Result;
use crate::query::{self, Recording, Run};

/// Version of all JSON output; raised when a key is removed or changes its meaning.
pub const SCHEMA: u32 = 1;

/// Widths in which charts are drawn: the narrowest terminal, the usual one, wider ones.
const WIDTHS: [usize; 4] = [40, 80, 100, 120];

/// A chart in one width.
#[derive(Debug, Clone, PartialEq)]
struct Drawn {
    width: usize,
    lines: String,
}

/// An answer: what it is of, its lists, and what must be known to read them.
///
/// ```text
/// table, markdown   title, cautions, each list under its title, text, notes
/// json              schema, command, the head's keys, a key for each list, notes
/// csv               the first list
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    command: &'static str,
    title: String,
    head: Map<String, Value>,
    cautions: Vec<String>,
    sheets: Vec<Sheet>,
    charts: Vec<Vec<Drawn>>,
    notes: Vec<String>,
}

impl Answer {
    /// An answer to that command. The title may be empty; names in it must have been
    /// escaped.
    pub fn new(command: &'static str, title: impl Into<String>) -> Self {
        Self {
            command,
            title: title.into(),
            head: Map::new(),
            cautions: Vec::new(),
            sheets: Vec::new(),
            charts: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// An answer about one run, which says of which run and attribution its figures
    /// are and whether they were measured. The title is `RUN: what`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of_run(
        command: &'static str,
        what: &str,
        recording: &Recording,
        run: &Run,
    ) -> Result<Self> {
        let mut attributions = query::attributions(recording, run)?.into_iter();
        let shown = attributions.find(|one| one.is_shown);
        let title = format!("{}: {what}", escape(&run.title()));
        let coverage = query::run_coverage(recording, run)?;
        let mut answer = Self::new(command, title)
            .with("run", json!(run.row.uuid))
            .with("name", json!(run.row.metadata.name))
            .with("provenance", json!(run.provenance))
            .with("coverage", json!(coverage))
            .with("attribution", json!(shown.as_ref().map(|one| one.title())))
            .with("attribution_id", json!(run.attribution));
        if let Some(caveat) = run.caveat() {
            answer = answer.caution(format!("All figures below are {caveat}."));
        }
        if let Some(note) = query::coverage_note(coverage) {
            answer = answer.caution(note);
        }
        Ok(answer)
    }

    /// A value of its head, which JSON alone shows.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.head.insert(key.to_owned(), value);
        self
    }

    /// Something to know before figures are read.
    #[must_use]
    pub fn caution(mut self, text: impl Into<String>) -> Self {
        self.cautions.push(text.into());
        self
    }

    /// A list; the first one is what CSV holds.
    #[must_use]
    pub fn sheet(mut self, sheet: Sheet) -> Self {
        self.sheets.push(sheet);
        self
    }

    /// Preformatted lines for people, after the lists: a histogram. Names in it must
    /// have been escaped. `draw` is given the columns that it may fill.
    #[must_use]
    pub fn chart(mut self, draw: impl Fn(usize) -> String) -> Self {
        let drawn = WIDTHS.map(|width| Drawn {
            width,
            lines: draw(width),
        });
        self.charts.push(drawn.into());
        self
    }

    /// A sentence at the end, in tables, Markdown and JSON.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Writes it; `look` matters to tables only.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write, format: Format, look: &Look) -> Result<()> {
        match format {
            Format::Table => self.people(out, look)?,
            Format::Markdown => self.people(out, &Look::markdown())?,
            Format::Json => json::write(out, &self.value())?,
            Format::Csv => {
                if let Some(sheet) = self.for_programs().next() {
                    sheet.csv(out)?;
                }
            }
        }
        Ok(())
    }

    /// As one JSON object.
    pub fn value(&self) -> Value {
        let mut object = Map::new();
        object.insert("schema".into(), json!(SCHEMA));
        object.insert("command".into(), json!(self.command));
        object.extend(self.head.clone());
        for sheet in self.for_programs() {
            object.insert(sheet.key().into(), json!(sheet.rows()));
        }
        let notes: Vec<&String> = self.cautions.iter().chain(&self.notes).collect();
        object.insert("notes".into(), json!(notes));
        Value::Object(object)
    }

    /// As a part of a page: cautions, lists and notes; the title is the page's.
    pub fn html(&self) -> String {
        let paragraph = |class: &str, text: &String| {
            format!("<p class=\"{class}\">{}</p>\n", html::escape(text))
        };
        let cautions = self.cautions.iter().map(|text| paragraph("caution", text));
        let sheets = self.filled().map(Sheet::html);
        let notes = self.notes.iter().map(|text| paragraph("note", text));
        cautions.chain(sheets).chain(notes).collect()
    }

    fn for_programs(&self) -> impl Iterator<Item = &Sheet> {
        self.sheets.iter().filter(|sheet| sheet.is_for_programs())
    }

    /// Lists for people. One without rows is nothing to look at; what there is to say
    /// is a note.
    fn filled(&self) -> impl Iterator<Item = &Sheet> {
        let filled = |sheet: &&Sheet| sheet.is_for_people() && !sheet.rows().is_empty();
        self.sheets.iter().filter(filled)
    }

    fn people(&self, out: &mut dyn Write, look: &Look) -> std::io::Result<()> {
        if !self.title.is_empty() {
            writeln!(out, "{}", look.title(&self.title))?;
        }
        for caution in &self.cautions {
            writeln!(out, "{}", look.notice(caution))?;
        }
        for sheet in self.filled() {
            if !sheet.title().is_empty() {
                writeln!(out, "\n{}", look.heading(sheet.title()))?;
            }
            writeln!(out, "{}", sheet.table(look))?;
        }
        for chart in &self.charts {
            let room = if look.is_markdown() {
                WIDTHS[1]
            } else {
                look.width.into()
            };
            let fitting = chart.iter().rev().find(|drawn| drawn.width <= room);
            if let Some(drawn) = fitting.or_else(|| chart.first()) {
                writeln!(out, "\n{}", look.block(&drawn.lines))?;
            }
        }
        for note in &self.notes {
            writeln!(out, "{}", look.note(note))?;
        }
        Ok(())
    }
}
