//! The terminal: its width, its colours, and tables that fit it.

use std::io::IsTerminal;

use comfy_table::{
    Cell, CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle,
};

use super::side::stand_left;
use super::{counted, fit, markdown};

/// Width where none is known; also what every table is made to fit.
const USUAL_WIDTH: u16 = 80;
/// Narrower than this, tables would be single letters.
const LEAST_WIDTH: u16 = 40;

/// Lines of one fact: a prompt may be of a megabyte.
const FACT_LINES: usize = 5;

/// How output is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns to fit.
    pub width: u16,
    /// Whether colour may be used.
    pub colour: bool,
    markdown: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self::of_width(USUAL_WIDTH)
    }
}

impl Look {
    /// That many columns, without colour.
    pub const fn of_width(width: u16) -> Self {
        Self {
            width,
            colour: false,
            markdown: false,
        }
    }

    /// For standard output as it is now: `COLUMNS`, else the terminal's width,
    /// else 80; colour on a terminal unless `NO_COLOR` is set.
    pub fn of_stdout() -> Self {
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|text| text.parse().ok());
        let width = columns
            .or_else(|| Table::new().width())
            .unwrap_or(USUAL_WIDTH);
        Self {
            width: width.max(LEAST_WIDTH),
            colour: may_colour(&std::io::stdout()),
            markdown: false,
        }
    }

    /// For Markdown: every column, nothing painted.
    pub fn markdown() -> Self {
        Self {
            width: u16::MAX,
            colour: false,
            markdown: true,
        }
    }

    /// Whether it is for Markdown.
    pub fn is_markdown(&self) -> bool {
        self.markdown
    }

    /// The first line.
    pub fn title(&self, text: &str) -> String {
        match self.markdown {
            true => format!("## {}\n", markdown::escape(text)),
            false => self.paint("1", &self.wrap(text)),
        }
    }

    /// A heading.
    pub fn heading(&self, text: &str) -> String {
        match self.markdown {
            true => format!("### {}\n", markdown::escape(text)),
            false => self.paint("1", &self.wrap(text)),
        }
    }

    /// Something that must not be overlooked.
    pub fn alarm(&self, text: &str) -> String {
        match self.markdown {
            true => format!("> {}\n", markdown::escape(text)),
            false => self.paint("1;31", &self.wrap(text)),
        }
    }

    /// Something to know before figures are used.
    pub fn notice(&self, text: &str) -> String {
        match self.markdown {
            true => format!("> {}\n", markdown::escape(text)),
            false => self.paint("33", &self.wrap(text)),
        }
    }

    /// A sentence by itself.
    pub fn note(&self, text: &str) -> String {
        match self.markdown {
            true => format!("\n{}", markdown::escape(text)),
            false => self.wrap(text),
        }
    }

    /// `name value`, in a few lines of the width at most; the value must have been
    /// escaped.
    pub fn fact(&self, name: &str, value: &str) -> String {
        match self.markdown {
            true => format!("- {}: {}", markdown::escape(name), markdown::escape(value)),
            false => {
                let text = format!("  {name:<10} {value}");
                let indent = name.chars().count().max(10) + 3;
                fit::wrap(&text, indent, self.width.into(), FACT_LINES)
            }
        }
    }

    /// Lines that stand as they are.
    pub fn block(&self, text: &str) -> String {
        match self.markdown {
            true => format!("```text\n{}\n```", text.replace("```", "` ` `")),
            false => text.to_owned(),
        }
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.colour {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    /// A table that fits the width: words to the left, figures to the right.
    /// Where the terminal is narrow, columns of words are cut and the last ones go.
    pub fn table<T: AsRef<str>>(&self, header: &[T], rows: &[Vec<String>]) -> String {
        if self.markdown {
            return markdown::table(header, rows);
        }
        let fit::Fitted { header, rows, gone } = fit::table(header, rows, self.width.into());
        let left = stand_left(&rows, header.len());
        let cell = |at: usize, text: &String| {
            let side = if left[at] {
                CellAlignment::Left
            } else {
                CellAlignment::Right
            };
            Cell::new(text).set_alignment(side)
        };
        let mut table = Table::new();
        table
            .load_style(STYLE)
            .force_no_tty()
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(self.width)
            .set_header(header.iter().enumerate().map(|(i, text)| cell(i, text)));
        for row in rows {
            table.add_row(row.iter().enumerate().map(|(i, text)| cell(i, text)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 1));
        }
        match gone {
            0 => table.trim_fmt(),
            gone => {
                let gone = counted(gone, "column");
                let note = format!("({gone} more: widen the terminal, or --format csv)");
                format!("{}\n{}", table.trim_fmt(), self.wrap(&note))
            }
        }
    }

    /// A sentence in as many lines as it needs.
    fn wrap(&self, text: &str) -> String {
        fit::wrap(text, 0, self.width.into(), usize::MAX)
    }
}

const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction(' '))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .content_lines(ContentLineStyle::none().junction(' '));

fn may_colour(stream: &impl IsTerminal) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !refused
}
