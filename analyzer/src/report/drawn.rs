//! Everything that the page shows of one run.

use crate::charts::{self, RunCharts};
use crate::error::Result;
use crate::query::{self, NodeLedger, Recording, Run, RunInterval};
use crate::summary::{Summary, SummaryOptions};

/// One run with all data of its page.
#[derive(Debug)]
pub(super) struct DrawnRun {
    /// Its selector and the number of selected runs, if there are several.
    pub(super) group: Option<(String, usize)>,
    pub(super) summary: Summary,
    pub(super) interval: RunInterval,
    pub(super) ledger: NodeLedger,
    pub(super) data: RunCharts,
}

impl DrawnRun {
    /// Reads a run; `group` is its selector and the number of selected runs, if there are
    /// several.
    pub(super) fn read(
        recording: &Recording,
        run: Run,
        group: Option<(String, usize)>,
    ) -> Result<Self> {
        let summary = Summary::read(recording, run, &SummaryOptions::default())?;
        let run = &summary.run;
        let ledger = query::ledger(recording, run, None)?;
        Ok(Self {
            group,
            interval: query::run_interval(recording, run, None)?,
            data: RunCharts::read(recording, &summary, &ledger)?,
            ledger,
            summary,
        })
    }

    /// Returns the source of its energies, for titles.
    pub(super) fn provenance(&self) -> &'static str {
        charts::provenance(&self.summary.run)
    }
}
