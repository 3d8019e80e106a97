//! Records of traced threads: merged, timed and assembled.

use std::sync::Arc;

use super::cpu_intake::CpuIntake;
use super::rows::RunRows;
use super::run_time::RunTime;
use crate::record::{Detail, LogMerge, Record, Shared, SpanAssembler, Verdict};
use crate::recorder::batch;
use crate::recorder::calibration::{RunTimeScale, read_both};
use crate::recorder::writer::SinkWriter;
use energy_data::rows::ThreadRole;
use energy_data::units::Nanos;

/// Reads the logs of traced threads.
pub(super) struct SpanIntake {
    shared: Arc<Shared>,
    merge: LogMerge,
    calibration: RunTimeScale,
    assembler: SpanAssembler,
    detail: Detail,
}

impl SpanIntake {
    /// Creates the intake. `raw` and `now` are the same moment.
    pub(super) fn new(
        shared: &Arc<Shared>,
        assembler: SpanAssembler,
        detail: Detail,
        (raw, now): (u64, Nanos),
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            merge: LogMerge::default(),
            calibration: RunTimeScale::new(raw, now),
            assembler,
            detail,
        }
    }

    /// Reads the raw count and the run time of this moment, and reports a jump of one clock.
    pub(super) fn read_clocks(&mut self, time: &RunTime, rows: &mut RunRows) -> (u64, Nanos) {
        let (raw, now) = read_both(|| self.shared.raw_now(), || time.now());
        if let Some(jump) = self.calibration.note(raw, now) {
            let message = format!(
                "the clocks jumped by {} ms: was the machine suspended?",
                jump / 1_000_000
            );
            rows.event(now.nanos(), "clock_jump", message);
        }
        (raw, now)
    }

    /// Processes all records up to the raw time `limit`. Those after `end_ns` are moved
    /// there: other threads may go on for a moment after a signal or the guard ended the run. CPU
    /// times of new threads begin at `cpu_from_ns` or later, because windows before may have closed.
    pub(super) fn take(
        &mut self,
        (limit, end_ns, cpu_from_ns): (u64, i64, i64),
        cpu: &mut CpuIntake,
        rows: &mut RunRows,
        writer: &SinkWriter,
    ) {
        let Self {
            shared,
            merge,
            calibration,
            assembler,
            ..
        } = self;
        merge.adopt(shared, |log| {
            let id = rows.thread(log.tid, log.name.clone(), ThreadRole::Program);
            let number = assembler.add_thread(id);
            // A thread may be preempted before its log can be found.
            let began_ns = calibration.time(log.began.0).max(cpu_from_ns);
            cpu.reader.add_thread((number, id), began_ns, log.began.1);
            number
        });
        merge.drain(shared, limit, |thread, raw, record, last_try| {
            let time_ns = calibration.record_time(thread, raw, &record);
            if let Record::CpuTime { used_ns } = record {
                cpu.reader
                    .edge(thread, time_ns, used_ns, &mut |row| rows.cpu(row));
                return Verdict::Taken;
            }
            let time_ns = time_ns.min(end_ns);
            let verdict = assembler.take(thread, time_ns, record, last_try, rows);
            if rows.batch.spans.len() >= batch::FULL {
                // Numbers of new rows ascend over batches: readers continue after the last one.
                assembler.flush_open(rows);
                let flushed_ns = rows.batch.time_ns;
                rows.send(writer, flushed_ns);
            }
            verdict
        });
    }

    /// Returns the logs of live threads.
    pub(super) fn logs(&self) -> &LogMerge {
        &self.merge
    }

    /// Ends the CPU times of threads with fully read logs.
    pub(super) fn end_threads(&mut self, now_ns: i64, cpu: &mut CpuIntake, rows: &mut RunRows) {
        self.merge.retire(&self.shared, |number, log| {
            cpu.reader
                .end_thread(number, now_ns, log.final_cpu(), &mut |row| rows.cpu(row));
        });
    }

    /// Writes open activations, or the totals since the last call.
    pub(super) fn flush(&mut self, now_ns: i64, rows: &mut RunRows) {
        self.assembler.flush_open(rows);
        if self.detail != Detail::Spans {
            self.assembler.flush_nodes(now_ns, rows);
            batch::join_thread_rows(&mut rows.batch.cpu);
        }
    }

    /// Ends all open activations.
    pub(super) fn finish(&mut self, end_ns: i64, rows: &mut RunRows) {
        self.assembler.finish(end_ns, rows);
    }

    /// Copies the counts of losses on traced threads and of merged nodes.
    pub(super) fn count_losses(&self, rows: &mut RunRows) {
        let merged = self.assembler.merged_nodes();
        rows.losses.take_shared(&self.shared, merged);
    }
}
