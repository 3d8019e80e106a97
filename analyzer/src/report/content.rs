//! Content of the page: the data of its runs and their sections.

use super::comparison::RunComparison;
use super::drawn::DrawnRun;
use super::experiment::ReportedExperiment;
use super::options::ReportOptions;
use super::sections::sections;
use crate::charts;
use crate::error::{Error, Result};
use crate::query::{Recording, RunSelection};

/// Maximum number of runs or groups of one page.
pub const MAX_SELECTIONS: usize = 4;

/// A page.
#[derive(Debug)]
pub struct HtmlReport {
    pub(super) title: String,
    pub(super) file: String,
    pub(super) runs: Vec<DrawnRun>,
    pub(super) sections: Vec<String>,
    pub(super) comparison: Option<RunComparison>,
    pub(super) experiment: Option<ReportedExperiment>,
}

impl HtmlReport {
    /// Reads the page's data: the newest run of each selection, and all runs of the selections
    /// for the comparison.
    ///
    /// # Errors
    /// Fails if the file cannot be read, the experiment does not exist, or there are no selections
    /// or more than [`MAX_SELECTIONS`].
    pub fn read(
        recording: &Recording,
        selections: Vec<RunSelection>,
        options: &ReportOptions,
    ) -> Result<Self> {
        if selections.is_empty() || selections.len() > MAX_SELECTIONS {
            let text = format!("a report shows one to {MAX_SELECTIONS} runs or groups");
            return Err(Error::Request(text));
        }
        let comparison = RunComparison::read(recording, &selections, options)?;
        let (mut runs, mut texts) = (Vec::new(), Vec::new());
        for selection in selections {
            let count = selection.runs.len();
            let group = (count > 1).then_some((selection.name, count));
            let Some(run) = selection.runs.into_iter().last() else {
                continue;
            };
            let drawn = DrawnRun::read(recording, run, group)?;
            texts.push(sections(recording, &drawn, runs.len())?);
            runs.push(drawn);
        }
        let experiment = options.experiment.as_deref();
        let experiment = experiment.map(|name| ReportedExperiment::read(recording, name));
        let experiment = experiment.transpose()?;
        let titles: Vec<&str> = runs.iter().map(|run| run.data.title.as_str()).collect();
        let title = options.title.as_deref().map(charts::name);
        let file = recording.path().file_name().unwrap_or_default();
        Ok(Self {
            title: title.unwrap_or_else(|| format!("Energy of {}", titles.join(", "))),
            file: charts::name(&file.to_string_lossy()),
            comparison,
            experiment,
            sections: texts,
            runs,
        })
    }

    /// Returns why its runs are not compared, if there are several.
    pub fn not_compared(&self) -> Option<&str> {
        self.comparison.as_ref()?.refused.as_deref()
    }
}
