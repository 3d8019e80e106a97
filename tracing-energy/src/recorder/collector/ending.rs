//! The summary of a run that has ended.

use super::rows::RunRows;
use crate::recorder::summary::{RailSummary, RunSummary};
use energy_attribution::Finished;
use energy_data::Method;
use energy_data::interval_energy::RailInterval;
use energy_data::rows::RailRow;

/// A run that has ended.
pub(super) struct EndedRun<'a> {
    pub(super) uuid: &'a str,
    pub(super) end_ns: i64,
    pub(super) method: Method,
    pub(super) rails: &'a [RailRow],
    pub(super) finished: Finished,
}

impl EndedRun<'_> {
    /// Returns its summary.
    pub(super) fn summarise(&self, mut rows: RunRows) -> RunSummary {
        rows.warnings.extend(rows.losses.totals());
        let mut summary = RunSummary {
            uuid: self.uuid.to_owned(),
            duration_ns: self.end_ns,
            method: self.method,
            activations: rows.progress.activations,
            rails: self.rails.iter().map(|row| self.rail(row)).collect(),
            lost: rows.losses.count("records_dropped") + rows.losses.count("rows_dropped"),
            stalled_ns: rows.losses.count("stalled"),
            warnings: rows.warnings,
        };
        summary.warn_about_coverage();
        summary
    }

    fn rail(&self, row: &RailRow) -> RailSummary {
        let mut totals = self.finished.rails.iter().map(|total| &total.balance);
        let mut summary = RailSummary {
            rail: format!("{}/{}", row.source, row.name),
            is_root: row.parent.is_none(),
            provenance: row.provenance,
            accounts: None,
            coverage: None,
            extrapolated_j: 0.0,
            interval: RailInterval::default(),
        };
        summary.set(totals.find(|balance| balance.rail == row.id));
        summary
    }
}
