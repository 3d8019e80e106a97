//! Terminal output: width, colours, and tables that fit.

use std::io::IsTerminal;

use comfy_table::{
    Cell, CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle,
};

use super::alignment::left_aligned;
use super::{counted, fit, markdown};

/// Width if the terminal's is unknown.
const USUAL_WIDTH: u16 = 80;
/// Minimum width; narrower tables would be unreadable.
const LEAST_WIDTH: u16 = 40;

/// Maximum number of lines of a fact, because a prompt may have megabytes.
const FACT_LINES: usize = 5;

/// Style of text output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputStyle {
    /// Width in characters.
    pub width: u16,
    /// Whether to use colours.
    pub colour: bool,
    markdown: bool,
}

impl Default for OutputStyle {
    fn default() -> Self {
        Self::of_width(USUAL_WIDTH)
    }
}

impl OutputStyle {
    /// Returns the style for a width, without colours.
    pub const fn of_width(width: u16) -> Self {
        Self {
            width,
            colour: false,
            markdown: false,
        }
    }

    /// Returns the style for standard output. The width is `COLUMNS`, else the terminal's,
    /// else 80. Colours are used on a terminal unless `NO_COLOR` is set.
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

    /// Returns the style for Markdown: all columns, no colours.
    pub fn markdown() -> Self {
        Self {
            width: u16::MAX,
            colour: false,
            markdown: true,
        }
    }

    /// Returns whether this is the style for Markdown.
    pub fn is_markdown(&self) -> bool {
        self.markdown
    }

    /// Formats a title.
    pub fn title(&self, text: &str) -> String {
        match self.markdown {
            true => format!("## {}\n", markdown::escape(text)),
            false => self.paint("1", &self.wrap(text)),
        }
    }

    /// Formats a heading.
    pub fn heading(&self, text: &str) -> String {
        match self.markdown {
            true => format!("### {}\n", markdown::escape(text)),
            false => self.paint("1", &self.wrap(text)),
        }
    }

    /// Formats an alarm.
    pub fn alarm(&self, text: &str) -> String {
        match self.markdown {
            true => format!("> {}\n", markdown::escape(text)),
            false => self.paint("1;31", &self.wrap(text)),
        }
    }

    /// Formats a caution.
    pub fn notice(&self, text: &str) -> String {
        match self.markdown {
            true => format!("> {}\n", markdown::escape(text)),
            false => self.paint("33", &self.wrap(text)),
        }
    }

    /// Formats a note.
    pub fn note(&self, text: &str) -> String {
        match self.markdown {
            true => format!("\n{}", markdown::escape(text)),
            false => self.wrap(text),
        }
    }

    /// Formats `name value`, wrapped to a few lines; the value must be escaped.
    pub fn fact(&self, name: &str, value: &str) -> String {
        self.fact_of_lines(name, value, FACT_LINES)
    }

    /// Formats `name value` on as many lines as it needs; the value must be escaped.
    pub fn whole_fact(&self, name: &str, value: &str) -> String {
        self.fact_of_lines(name, value, usize::MAX)
    }

    fn fact_of_lines(&self, name: &str, value: &str, most: usize) -> String {
        match self.markdown {
            true => format!("- {}: {}", markdown::escape(name), markdown::escape(value)),
            false => {
                let text = format!("  {name:<10} {value}");
                let indent = name.chars().count().max(10) + 3;
                fit::wrap(&text, indent, self.width.into(), most)
            }
        }
    }

    /// Formats preformatted lines.
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

    /// Formats a table that fits the width, with left-aligned text and right-aligned
    /// numbers. On a narrow terminal, text columns are shortened and the last ones dropped.
    pub fn table<T: AsRef<str>>(&self, header: &[T], rows: &[Vec<String>]) -> String {
        if self.markdown {
            return markdown::table(header, rows);
        }
        let fit::FittedTable {
            header,
            rows,
            dropped,
        } = fit::table(header, rows, self.width.into());
        let left = left_aligned(&rows, header.len());
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
        match dropped {
            0 => table.trim_fmt(),
            dropped => {
                let dropped = counted(dropped, "column");
                let note = format!("({dropped} more: widen the terminal, or --format csv)");
                format!("{}\n{}", table.trim_fmt(), self.wrap(&note))
            }
        }
    }

    /// Wraps text to the width.
    fn wrap(&self, text: &str) -> String {
        fit::wrap(text, 0, self.width.into(), usize::MAX)
    }
}

const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none().junction(' '))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .content_lines(ContentLineStyle::none().junction(' '));

fn may_colour(stream: &impl IsTerminal) -> bool {
    let is_disabled = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    stream.is_terminal() && !is_disabled
}
