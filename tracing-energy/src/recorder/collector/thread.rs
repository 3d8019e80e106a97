//! The collector's thread: one pass after another, then the end.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::baselines::Baselines;
use super::conditions::ConditionIntake;
use super::cpu_intake::CpuIntake;
use super::delivery::Delivery;
use super::ending::EndedRun;
use super::parts::CollectorParts;
use super::rows::RunRows;
use super::run_time::RunTime;
use super::samples::SampleIntake;
use super::spans::SpanIntake;
use crate::recorder::baseline_cpu::BaselineCpu;
use crate::recorder::calibration::read_both;
use crate::recorder::control::Control;
use crate::recorder::offline::{self, Offline};
use crate::recorder::summary::RunSummary;
use energy_attribution::Engine;
use energy_data::Method;
use energy_data::rows::{EventRow, RunStatus};
use energy_data::sink::Batch;
use energy_data::units::Nanos;
use energy_power::conditions::RunConditions;

/// Interval at which logs, samples and CPU times are read.
const PASS: Duration = Duration::from_millis(50);
/// Interval at which the run's lease is renewed, even if rows are flushed less often.
const RENEWAL: Duration = Duration::from_secs(1);

/// The collector thread: its parts and the times of its latest work.
pub(crate) struct Collector {
    control: Arc<Control>,
    time: RunTime,
    spans: SpanIntake,
    cpu: CpuIntake,
    samples: SampleIntake,
    baselines: Baselines,
    conditions: ConditionIntake,
    rows: RunRows,
    delivery: Delivery,
    flush_every: Duration,
    last_pass_ns: i64,
    last_flush_ns: i64,
    last_renewal_ns: i64,
    /// The attribution to perform once the recording is written.
    offline: Option<Offline>,
    /// The run's file.
    database: Option<PathBuf>,
}

#[cfg(feature = "fit")]
fn engine_of(live: bool) -> Engine {
    match live {
        true => Engine::new().estimating_live(),
        false => Engine::new(),
    }
}

/// Without the feature `fit` the builder refuses methods that estimate.
#[cfg(not(feature = "fit"))]
fn engine_of(_live: bool) -> Engine {
    Engine::new()
}

/// Returns the notices of opened sources that are warnings (a refused sensor, modelled
/// power), without mere properties.
fn source_warnings(notices: &[EventRow]) -> Vec<String> {
    let warnings = notices.iter().filter(|event| event.kind != "source_limit");
    warnings.map(|event| event.message.clone()).collect()
}

impl Collector {
    /// Prepares the first batch: the run, its rails and the recorder's threads.
    fn new(parts: CollectorParts) -> Self {
        let time = RunTime::new(&parts.clock, parts.zero, &parts.control);
        let (raw, now) = read_both(|| parts.shared.raw_now(), || time.now());
        let batch = Batch {
            run: Some(parts.run.clone()),
            rails: parts.rails.rows().to_vec(),
            events: parts.notices.clone(),
            ..Batch::default()
        };
        let warnings = source_warnings(&parts.notices);
        let mut rows = RunRows::new(engine_of(parts.live), batch, warnings);
        let load = parts
            .baseline_cpu
            .as_ref()
            .and_then(BaselineCpu::other_processes_cores);
        let conditions = ConditionIntake::new(RunConditions::begin(parts.system, load));
        let mut cpu = CpuIntake::new(&time, parts.devices, parts.watch);
        cpu.add_recorder(parts.writer.tid(), &time, &mut rows);
        let mut baselines = Baselines::new(parts.baseline_requested, parts.baseline_cpu);
        baselines.emit_cpu(&mut rows);
        for row in parts.configured_idle {
            baselines.add(row, &mut rows);
        }
        Self {
            spans: SpanIntake::new(&parts.shared, parts.assembler, parts.detail, (raw, now)),
            cpu,
            samples: SampleIntake::new((parts.samples, parts.rails), parts.power_now, now.nanos()),
            baselines,
            conditions,
            rows,
            delivery: Delivery::new(
                (parts.writer, parts.was_closed),
                (parts.run, &parts.control),
                parts.detail,
                parts.shared.edge_clock,
            ),
            flush_every: parts.flush_every,
            // Traced threads may have begun before this one.
            last_pass_ns: 0,
            last_flush_ns: now.nanos(),
            last_renewal_ns: now.nanos(),
            offline: parts.offline,
            database: parts.database,
            control: parts.control,
            time,
        }
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub(crate) fn spawn(parts: CollectorParts) -> std::io::Result<JoinHandle<RunSummary>> {
        std::thread::Builder::new()
            .name("energy-collect".to_owned())
            .spawn(move || Self::new(parts).run())
    }

    /// Runs until all data of the run is delivered.
    fn run(mut self) -> RunSummary {
        while !self.control.is_complete() {
            std::thread::park_timeout(PASS);
            let now = self.pass();
            if now - self.last_flush_ns >= Nanos::from(self.flush_every).nanos() {
                self.flush(now);
            } else if now - self.last_renewal_ns >= Nanos::from(RENEWAL).nanos() {
                self.last_renewal_ns = now;
                self.delivery.renew(now);
            }
        }
        self.finish()
    }

    /// Reads all inputs once; returns the run time up to which it read.
    fn pass(&mut self) -> i64 {
        let Self {
            time,
            spans,
            cpu,
            samples,
            baselines,
            conditions,
            rows,
            delivery,
            ..
        } = self;
        let (raw, now) = spans.read_clocks(time, rows);
        samples.take(time, baselines, conditions, rows);
        let end_ns = time.end_ns().unwrap_or(i64::MAX);
        let limits = (raw, end_ns, self.last_pass_ns);
        spans.take(limits, cpu, rows, delivery.writer());
        cpu.watch_threads(time, rows);
        cpu.read(self.control.watched(), spans.logs(), time, rows);
        spans.end_threads(time.now().nanos(), cpu, rows);
        conditions.read(time, cpu, rows);
        for (kind, message) in self.control.take_warnings() {
            rows.event(now.nanos(), &kind, message);
        }
        baselines.settle(now.nanos(), false, conditions, rows);
        // Records since the last pass may still arrive; before the first span, so may
        // samples.
        let limit = time.end_ns().unwrap_or(i64::MAX);
        let complete_ns = match baselines.are_settled() {
            true => self.last_pass_ns.min(limit),
            false => self.last_pass_ns.min(0),
        };
        // CPU times of threads are complete up to the readings of the last pass.
        rows.advance(complete_ns, self.last_pass_ns.min(limit));
        self.last_pass_ns = now.nanos();
        now.nanos()
    }

    fn flush(&mut self, now_ns: i64) {
        (self.last_flush_ns, self.last_renewal_ns) = (now_ns, now_ns);
        self.delivery.notice_closing(now_ns, &mut self.rows);
        self.spans.flush(now_ns, &mut self.rows);
        self.samples.settle_if_due(now_ns, &mut self.rows);
        self.rows.total(now_ns);
        self.report_losses(now_ns);
        self.delivery.note_edge_clock(now_ns, &mut self.rows);
        self.delivery.flush(now_ns, &mut self.rows);
    }

    fn report_losses(&mut self, now_ns: i64) {
        self.delivery.report_failures(now_ns, &mut self.rows);
        self.spans.count_losses(&mut self.rows);
        self.rows.report_losses(now_ns);
    }

    fn finish(mut self) -> RunSummary {
        let (end_ns, status) = match self.control.end() {
            Some((end, status)) => (self.time.of(end), status),
            None => (self.time.now().nanos(), RunStatus::Complete),
        };
        self.pass();
        self.cpu.settle(self.spans.logs(), &mut self.rows);
        for notice in self.control.last_notices() {
            let time_ns = self.time.of(notice.time);
            self.rows.event(time_ns, notice.kind, notice.message);
        }
        self.spans.finish(end_ns, &mut self.rows);
        self.baselines
            .settle(end_ns, true, &self.conditions, &mut self.rows);
        self.samples.settle(end_ns, true, &mut self.rows);
        let method = match self.rows.engine.is_estimating() {
            true => Method::Fitted,
            false => Method::Proportional,
        };
        let (rows, finished) = std::mem::take(&mut self.rows.engine).finish(end_ns);
        self.rows.batch.attribution.append(rows);
        // The last batch reports the rows that sinks refused before.
        self.delivery.drain();
        self.report_losses(end_ns);
        self.delivery.note_edge_clock(end_ns, &mut self.rows);
        for event in finished.events.clone() {
            self.rows.report(event);
        }
        if !finished.balanced {
            let message =
                "the accounts do not sum to the measured energy: do not trust this run".to_owned();
            self.rows.event(end_ns, "imbalance", message);
        }
        self.conditions.finish(end_ns, &mut self.rows);
        self.cpu.end_processes(end_ns, &mut self.rows);
        self.delivery.notice_closing(end_ns, &mut self.rows);
        self.last_batch(end_ns, status);
        let offline = self.offline.take();
        let offline = offline.filter(|offline| offline.is_needed(&finished));
        let ended = EndedRun {
            uuid: self.delivery.uuid(),
            end_ns,
            method,
            rails: self.samples.rails(),
            finished,
        };
        let mut summary = ended.summarise(self.rows);
        if let Some(path) = self.database.filter(|_| self.delivery.was_closed()) {
            offline::attribute_again(&path, &mut summary);
        }
        // A cancelled run does not wait for a fit.
        if let Some(offline) = offline.filter(|_| status == RunStatus::Complete) {
            offline.attribute(&mut summary);
        }
        summary
    }

    fn last_batch(&mut self, end_ns: i64, status: RunStatus) {
        self.delivery.end_run(end_ns, status);
        self.delivery.send_last(end_ns, &mut self.rows);
        self.delivery.drain();
        // A sink that refused the batch may accept the event that counts the lost rows.
        self.report_losses(end_ns);
        if !self.rows.batch.events.is_empty() {
            self.delivery.send_last(end_ns, &mut self.rows);
        }
        self.delivery.finish(&mut self.rows);
    }
}
