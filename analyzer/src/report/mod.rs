//! Runs as one page: charts, tables and a comparison in one HTML file.
//!
//! ```text
//! recording --query, summary, compare--> Drawn --+--> sections (HTML, readable without scripts)
//!                                                +--> one JSON block --> charts (assets/*.js)
//! ```
//!
//! Every chart is drawn from plain structs that sum to the run's balance or ledger; what
//! is too small or too much to be drawn is folded and counted, never left out. The page
//! loads nothing and sends nothing, which its own policy enforces.

mod accounts;
mod across;
mod drawn;
mod embed;
mod flows;
mod head;
mod markup;
mod matrix;
mod name;
mod page;
mod part;
mod phases;
mod sections;
mod series;
mod tables;
mod timeline;
mod tree;

use std::io::Write;

use across::Across;
use drawn::Drawn;

use crate::error::{Error, Result};
use crate::query::{Recording, Selection};

/// Runs or groups of one page.
pub const MOST: usize = 4;

/// How a page is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportOptions {
    /// A title in place of the names of the runs.
    pub title: Option<String>,
    /// Compare runs that were not made alike.
    pub allow_different: bool,
}

/// A page.
#[derive(Debug)]
pub struct Report {
    title: String,
    file: String,
    runs: Vec<Drawn>,
    sections: Vec<String>,
    across: Option<Across>,
}

impl Report {
    /// Reads what the page shows: of each selection the newest run, and all of its runs
    /// for the comparison.
    ///
    /// # Errors
    /// When the file cannot be read, or there are no selections or more than [`MOST`].
    pub fn read(
        recording: &Recording,
        selections: Vec<Selection>,
        options: &ReportOptions,
    ) -> Result<Self> {
        if selections.is_empty() || selections.len() > MOST {
            let text = format!("a page is of one to {MOST} runs or groups");
            return Err(Error::Compare(text));
        }
        let across = Across::read(recording, &selections, options)?;
        let (mut runs, mut sections) = (Vec::new(), Vec::new());
        for selection in selections {
            let count = selection.runs.len();
            let group = (count > 1).then_some((selection.name, count));
            let Some(run) = selection.runs.into_iter().last() else {
                continue;
            };
            let drawn = Drawn::read(recording, run, group)?;
            sections.push(sections::sections(recording, &drawn, runs.len())?);
            runs.push(drawn);
        }
        let titles: Vec<&str> = runs.iter().map(|run| run.data.title.as_str()).collect();
        let title = options.title.as_deref().map(name::name);
        let file = recording.path().file_name().unwrap_or_default();
        Ok(Self {
            title: title.unwrap_or_else(|| format!("Energy of {}", titles.join(", "))),
            file: name::name(&file.to_string_lossy()),
            across,
            sections,
            runs,
        })
    }

    /// Why its runs are not compared, where there are several.
    pub fn not_compared(&self) -> Option<&str> {
        self.across.as_ref()?.refused.as_deref()
    }

    /// Writes the page.
    ///
    /// # Errors
    /// When `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> Result<()> {
        page::write(self, out)
    }
}
