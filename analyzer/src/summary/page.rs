//! Parts that all sections of the text share.

use std::io::{self, Write};

use super::data::Summary;
use crate::format::screen::OutputStyle;
use crate::format::{escape, shorten};

/// A summary and how it is written.
pub(super) struct SummaryPage<'s> {
    pub(super) summary: &'s Summary,
    pub(super) style: &'s OutputStyle,
}

impl SummaryPage<'_> {
    pub(super) fn section(&self, out: &mut dyn Write, title: &str) -> io::Result<()> {
        let title = match self.summary.run.caveat() {
            Some(caveat) => format!("{title} ({caveat})"),
            None => title.to_owned(),
        };
        writeln!(out, "\n{}", self.style.heading(&title))
    }

    /// Writes a name and its value, wrapped to the width. Empty values are skipped.
    pub(super) fn line(&self, out: &mut dyn Write, name: &str, value: &str) -> io::Result<()> {
        if value.is_empty() {
            return Ok(());
        }
        writeln!(out, "{}", self.style.fact(name, &escape(value)))
    }

    /// Writes a list item, wrapped to the width.
    pub(super) fn wrapped(&self, out: &mut dyn Write, text: &str) -> io::Result<()> {
        if self.style.is_markdown() {
            return writeln!(out, "{}", self.style.note(text));
        }
        let mut line = "  -".to_owned();
        for word in text.split(' ') {
            if line.chars().count() + 1 + word.chars().count() > self.width() {
                writeln!(out, "{}", shorten(&line, self.width()))?;
                line = "   ".to_owned();
            }
            line.push(' ');
            line.push_str(word);
        }
        writeln!(out, "{}", shorten(&line, self.width()))
    }

    pub(super) fn width(&self) -> usize {
        self.style.width.into()
    }
}
