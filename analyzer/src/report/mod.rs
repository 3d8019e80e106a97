//! Reports of runs: charts, tables and a comparison in one HTML file.
//!
//! ```text
//! recording --summary, charts, compare--> Drawn --+--> sections (HTML, readable without scripts)
//!                                                 +--> one JSON block --> scripts of `charts`
//! ```
//!
//! Every chart is drawn from plain structs that sum to the run's balance or ledger. Data that
//! is too small or too numerous to draw is merged and counted, never dropped. The page loads
//! and sends nothing, which its content security policy enforces.

mod comparison;
mod drawn;
mod embed;
mod head;
mod markup;
mod page;
mod sections;
mod tables;

use std::io::Write;

use comparison::RunComparison;
use drawn::Drawn;

use crate::charts;
use crate::error::{Error, Result};
use crate::query::{Recording, Selection};

/// Maximum number of runs or groups of one page.
pub const MAX_SELECTIONS: usize = 4;

/// Options of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportOptions {
    /// Title that replaces the names of the runs.
    pub title: Option<String>,
    /// Compare runs with different configurations.
    pub allow_different: bool,
}

/// A page.
#[derive(Debug)]
pub struct Report {
    title: String,
    file: String,
    runs: Vec<Drawn>,
    sections: Vec<String>,
    comparison: Option<RunComparison>,
}

impl Report {
    /// Reads the page's data: the newest run of each selection, and all runs of the selections
    /// for the comparison.
    ///
    /// # Errors
    /// Fails if the file cannot be read, or if there are no selections or more than
    /// [`MAX_SELECTIONS`].
    pub fn read(
        recording: &Recording,
        selections: Vec<Selection>,
        options: &ReportOptions,
    ) -> Result<Self> {
        if selections.is_empty() || selections.len() > MAX_SELECTIONS {
            let text = format!("a report shows one to {MAX_SELECTIONS} runs or groups");
            return Err(Error::Compare(text));
        }
        let comparison = RunComparison::read(recording, &selections, options)?;
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
        let title = options.title.as_deref().map(charts::name);
        let file = recording.path().file_name().unwrap_or_default();
        Ok(Self {
            title: title.unwrap_or_else(|| format!("Energy of {}", titles.join(", "))),
            file: charts::name(&file.to_string_lossy()),
            comparison,
            sections,
            runs,
        })
    }

    /// Returns why its runs are not compared, if there are several.
    pub fn not_compared(&self) -> Option<&str> {
        self.comparison.as_ref()?.refused.as_deref()
    }

    /// Writes the page.
    ///
    /// # Errors
    /// Fails if `out` cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> Result<()> {
        page::write(self, out)
    }
}
