//! The end of a run.

use super::super::batch::{self, Collecting};
use super::super::offline;
use super::super::summary::{RailSummary, RunSummary};
use super::Collector;
use crate::record::Detail;
use energy_attribution::Finished;
use energy_data::Method;
use energy_data::interval_energy::RailInterval;
use energy_data::rows::{RailRow, RunStatus};
use energy_host as host;

/// Minimum CPU time of missed processes that is reported.
const MISSED_NS: i64 = 20_000_000;

impl Collector {
    pub(super) fn finish(mut self) -> RunSummary {
        let (end, status) = self
            .parts
            .control
            .end()
            .unwrap_or((self.now(), RunStatus::Complete));
        let end_ns = (end - self.parts.zero).nanos();
        self.pass();
        self.settle_cpu();
        for notice in self.parts.control.last_notices() {
            let time_ns = (notice.time - self.parts.zero).nanos();
            self.event(time_ns, notice.kind, notice.message);
        }
        {
            let Self {
                parts,
                engine,
                batch,
                losses,
                progress,
                ..
            } = &mut self;
            let mut out = Collecting {
                engine,
                batch,
                losses,
                progress,
            };
            parts.assembler.finish(end_ns, &mut out);
        }
        self.settle_idle(end_ns, true);
        self.settle_rails(end_ns, true);
        let method = match self.engine.is_estimating() {
            true => Method::Fitted,
            false => Method::Proportional,
        };
        let (rows, finished) = std::mem::take(&mut self.engine).finish(end_ns);
        self.batch.attribution.append(rows);
        // The last batch reports the rows that sinks refused before.
        self.parts.writer.drain();
        self.report_losses(end_ns);
        self.note_edge_clock(end_ns);
        for event in finished.events.clone() {
            self.report(event);
        }
        if !finished.balanced {
            let message =
                "the accounts do not sum to the measured energy: do not trust this run".to_owned();
            self.event(end_ns, "imbalance", message);
        }
        self.end_conditions(end_ns);
        self.end_processes(end_ns);
        self.notice_closing(end_ns);
        self.last_batch(end_ns, status);
        let offline = self.parts.offline.take();
        let offline = offline.filter(|offline| offline.is_needed(&finished));
        let closed = self
            .was_closed
            .then(|| self.parts.database.clone())
            .flatten();
        let mut summary = self.summarise(end_ns, finished, method);
        if let Some(path) = closed {
            offline::attribute_again(&path, &mut summary);
        }
        // A cancelled run does not wait for a fit.
        if let Some(offline) = offline.filter(|_| status == RunStatus::Complete) {
            offline.attribute(&mut summary);
        }
        summary
    }

    /// Reports the CPU time of other processes that was not observed.
    fn end_processes(&mut self, end_ns: i64) {
        self.cpu.tree.close();
        self.batch.processes.extend(self.cpu.tree.take_changed());
        let missed = self.cpu.tree.missed_ns().filter(|&ns| ns >= MISSED_NS);
        if let Some(missed_ns) = missed {
            let message = format!(
                "{:.2} s of CPU time of short processes, or just before their ends, was not observed: \
                 it is counted as other processes",
                missed_ns as f64 / 1e9
            );
            self.event(end_ns, "missed_processes", message);
        }
    }

    fn last_batch(&mut self, end_ns: i64, status: RunStatus) {
        if let Some(metadata) = self.parts.control.changed_metadata() {
            self.parts.run.metadata = metadata;
        }
        self.parts.run.status = status;
        self.parts.run.end_ns = Some(end_ns);
        self.send_last(end_ns);
        self.parts.writer.drain();
        // A sink that refused the batch may accept the event that counts the lost rows.
        self.report_losses(end_ns);
        if !self.batch.events.is_empty() {
            self.send_last(end_ns);
        }
        for failure in self.parts.writer.finish() {
            self.losses.add_rows(failure.rows);
            self.warnings.push(failure.message);
        }
    }

    /// Sends the remaining rows with the ended run.
    fn send_last(&mut self, end_ns: i64) {
        let mut batch = std::mem::take(&mut self.batch);
        batch.run = Some(self.parts.run.clone());
        batch.time_ns = end_ns;
        batch.heartbeat_unix_ns = host::unix_ns();
        if self.parts.detail != Detail::Spans {
            batch::join_thread_rows(&mut batch.cpu);
        }
        batch::tidy(&mut batch);
        self.parts.writer.send_last(batch);
    }

    fn summarise(mut self, end_ns: i64, finished: Finished, method: Method) -> RunSummary {
        self.warnings.extend(self.losses.totals());
        let rail = |row: &RailRow| {
            let totals = finished.rails.iter().map(|total| &total.balance);
            let mut summary = RailSummary {
                rail: format!("{}/{}", row.source, row.name),
                is_root: row.parent.is_none(),
                provenance: row.provenance,
                accounts: None,
                coverage: None,
                extrapolated_j: 0.0,
                interval: RailInterval::default(),
            };
            let balance = totals.into_iter().find(|balance| balance.rail == row.id);
            summary.set(balance);
            summary
        };
        let mut summary = RunSummary {
            uuid: self.parts.run.uuid.clone(),
            duration_ns: end_ns,
            method,
            activations: self.progress.activations,
            rails: self.parts.rails.rows().iter().map(rail).collect(),
            lost: self.losses.count("records_dropped") + self.losses.count("rows_dropped"),
            stalled_ns: self.losses.count("stalled"),
            warnings: self.warnings,
        };
        summary.warn_about_coverage();
        summary
    }
}
