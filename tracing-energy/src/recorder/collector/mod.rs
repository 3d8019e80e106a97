//! The collector thread: logs, samples and CPU times in, batches out.

mod conditions;
mod ending;
mod intake;
mod rails;
mod report;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;

use super::baseline_cpu::BaselineCpu;
use super::batch::{self, Collecting, ProgramProgress};
use super::calibration::{Calibration, read_both};
use super::control::Control;
use super::cpu::CpuReader;
use super::device_use::DeviceUseReader;
use super::losses::LossCounts;
use super::offline::Offline;
use super::source_rails::SourceRails;
use super::summary::RunSummary;
use super::writer::Writer;
use crate::record::{Assembler, Detail, LogMerge, Shared};
use energy_attribution::{Engine, IdleSamples};
use energy_data::rows::{BaselineRow, EventRow, RunRow, SampleRow};
use energy_data::sink::Batch;
use energy_data::units::Nanos;
use energy_host as host;
use energy_power::Clock;
use energy_power::conditions::{RunConditions, System};
use energy_power::cpu_time;
use energy_power::{SamplerMessage, SamplerWatch};

/// Interval at which logs, samples and CPU times are read.
const PASS: Duration = Duration::from_millis(50);
/// Interval at which the run's lease is renewed, even if rows are flushed less often.
const RENEWAL: Duration = Duration::from_secs(1);

/// Interval at which the containment of rails is determined again.
const SETTLE_EVERY_NS: i64 = 1_000_000_000;

/// Parts that the builder passes to the collector.
pub(crate) struct CollectorParts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) control: Arc<Control>,
    pub(crate) clock: Arc<dyn Clock>,
    /// The sampler clock's time at run time zero.
    pub(crate) zero: Nanos,
    pub(crate) samples: Receiver<SamplerMessage>,
    pub(crate) rails: SourceRails,
    pub(crate) configured_idle: Vec<BaselineRow>,
    /// Whether an idle baseline before run time zero was requested.
    pub(crate) baseline_requested: bool,
    /// CPU times during that baseline.
    pub(crate) baseline_cpu: Option<BaselineCpu>,
    /// Source of the run's conditions.
    pub(crate) system: System,
    /// The recorder's threads and the sensors' processes.
    pub(crate) watch: SamplerWatch,
    /// Devices of rails, whose use by process is read.
    pub(crate) devices: DeviceUseReader,
    pub(crate) assembler: Assembler,
    pub(crate) detail: Detail,
    pub(crate) flush_every: Duration,
    pub(crate) run: RunRow,
    pub(crate) notices: Vec<EventRow>,
    pub(crate) writer: Writer,
    /// Estimates the power of kinds while recording.
    pub(crate) live: bool,
    /// The attribution to perform once the recording is written.
    pub(crate) offline: Option<Offline>,
    /// The run's file.
    pub(crate) database: Option<PathBuf>,
    /// Set when another process has closed the run.
    pub(crate) was_closed: Option<Arc<AtomicBool>>,
}

/// The state of the collector thread.
pub(crate) struct Collector {
    parts: CollectorParts,
    engine: Engine,
    merge: LogMerge,
    calibration: Calibration,
    cpu: CpuReader,
    losses: LossCounts,
    batch: Batch,
    idle: Option<IdleSamples>,
    /// Rails whose idle power is configured or was measured.
    known_baselines: BTreeSet<u32>,
    held: Vec<SampleRow>,
    thread_ids: Vec<u32>,
    next_thread: u32,
    progress: ProgramProgress,
    last_pass_ns: i64,
    last_flush_ns: i64,
    last_renewal_ns: i64,
    /// Whether another process closed the run while it was recorded.
    was_closed: bool,
    last_settled_ns: i64,
    warnings: Vec<String>,
    conditions: RunConditions,
    has_requested_end: bool,
    has_noted_fallback: bool,
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

impl Collector {
    /// Prepares the first batch: the run, its rails and the recorder's threads.
    fn new(parts: CollectorParts) -> Self {
        let run_time = || parts.clock.now() - parts.zero;
        let (raw, now) = read_both(|| parts.shared.raw_now(), run_time);
        let mut engine = engine_of(parts.live);
        let progress = ProgramProgress::default();
        let rails = parts.rails.rows();
        rails.iter().for_each(|rail| engine.rail(rail.clone()));
        let mut batch = Batch {
            run: Some(parts.run.clone()),
            rails: rails.to_vec(),
            ..Batch::default()
        };
        batch.events.extend(parts.notices.iter().cloned());
        let load = parts
            .baseline_cpu
            .as_ref()
            .and_then(BaselineCpu::other_processes_cores);
        let conditions = RunConditions::begin(parts.system.clone(), load);
        let mut collector = Self {
            calibration: Calibration::new(raw, now),
            cpu: CpuReader::new(&|| run_time().nanos(), parts.watch.clone()),
            engine,
            merge: LogMerge::default(),
            losses: LossCounts::default(),
            batch,
            idle: Some(IdleSamples::default()),
            known_baselines: BTreeSet::new(),
            held: Vec::new(),
            thread_ids: Vec::new(),
            next_thread: 1,
            progress,
            last_pass_ns: now.nanos(),
            last_flush_ns: now.nanos(),
            last_renewal_ns: now.nanos(),
            was_closed: false,
            last_settled_ns: now.nanos(),
            warnings: report::source_warnings(&parts.notices),
            conditions,
            has_requested_end: false,
            has_noted_fallback: false,
            parts,
        };
        let mut own = vec![
            ("energy-collect", cpu_time::current_tid()),
            ("energy-write", collector.parts.writer.tid()),
        ];
        let sampling = collector.parts.watch.thread_ids();
        own.extend(sampling.into_iter().map(|tid| ("energy-power", tid)));
        for (name, tid) in own {
            collector.own_thread(name, tid, cpu_time::thread(tid));
        }
        collector.emit_baseline_cpu();
        let configured = std::mem::take(&mut collector.parts.configured_idle);
        configured
            .into_iter()
            .for_each(|row| collector.baseline(row));
        collector
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
        while !self.parts.control.is_complete() {
            std::thread::park_timeout(PASS);
            let now = self.pass();
            if now - self.last_flush_ns >= Nanos::from(self.parts.flush_every).nanos() {
                self.flush(now);
            } else if now - self.last_renewal_ns >= Nanos::from(RENEWAL).nanos() {
                self.renew(now);
            }
        }
        self.finish()
    }

    fn now(&self) -> Nanos {
        self.parts.clock.now() - self.parts.zero
    }

    /// Returns the run's end, if known; samples may still arrive.
    fn end_ns(&self) -> Option<i64> {
        let (end, _) = self.parts.control.end()?;
        Some((end - self.parts.zero).nanos())
    }

    /// Reads all inputs once; returns the run time up to which it read.
    fn pass(&mut self) -> i64 {
        let (raw, now) = read_both(|| self.parts.shared.raw_now(), || self.now());
        if let Some(jump) = self.calibration.note(raw, now) {
            let message = format!(
                "the clocks jumped by {} ms: was the machine suspended?",
                jump / 1_000_000
            );
            self.event(now.nanos(), "clock_jump", message);
        }
        self.take_samples();
        self.take_records(raw);
        self.watch_threads();
        self.read_cpu();
        self.end_threads();
        self.read_conditions();
        self.settle_idle(now.nanos(), false);
        // Records since the last pass may still arrive; before the first span, so may
        // samples.
        let limit = self.end_ns().unwrap_or(i64::MAX);
        let complete_until = match self.idle {
            Some(_) => self.last_pass_ns.min(0),
            None => self.last_pass_ns.min(limit),
        };
        // CPU times of threads are complete up to the readings of the last pass.
        let rows = self
            .engine
            .advance(complete_until, self.last_pass_ns.min(limit));
        self.batch.attribution.append(rows.without_totals());
        for event in self.engine.take_events() {
            self.report(event);
        }
        self.last_pass_ns = now.nanos();
        now.nanos()
    }

    /// Renews the run's lease between flushes.
    fn renew(&mut self, now_ns: i64) {
        self.last_renewal_ns = now_ns;
        self.parts.writer.offer(Batch {
            time_ns: now_ns,
            heartbeat_unix_ns: host::unix_ns(),
            ..Batch::default()
        });
    }

    fn flush(&mut self, now_ns: i64) {
        (self.last_flush_ns, self.last_renewal_ns) = (now_ns, now_ns);
        self.notice_closing(now_ns);
        {
            let Self {
                parts,
                engine,
                batch,
                losses,
                progress,
                ..
            } = self;
            let mut out = Collecting {
                engine,
                batch,
                losses,
                progress,
            };
            parts.assembler.flush_open(&mut out);
            if parts.detail != Detail::Spans {
                parts.assembler.flush_nodes(now_ns, &mut out);
                batch::join_thread_rows(&mut batch.cpu);
            }
        }
        if now_ns - self.last_settled_ns >= SETTLE_EVERY_NS {
            self.settle_rails(now_ns, false);
        }
        self.report_losses(now_ns);
        self.note_edge_clock(now_ns);
        if let Some(metadata) = self.parts.control.changed_metadata() {
            self.parts.run.metadata = metadata;
            self.batch.run = Some(self.parts.run.clone());
        }
        send(
            &self.parts.writer,
            &mut self.batch,
            &mut self.losses,
            now_ns,
        );
    }
}

/// Sends a batch. If the queue is full, rows are dropped and counted, but those needed by
/// attribution stay for the next batch. Between flushes `batch.time_ns` is the time of the
/// last sent batch.
fn send(writer: &Writer, batch: &mut Batch, losses: &mut LossCounts, time_ns: i64) {
    let flushed_ns = batch.time_ns;
    let mut full = std::mem::take(batch);
    (full.time_ns, full.heartbeat_unix_ns) = (time_ns, host::unix_ns());
    batch::tidy(&mut full);
    match writer.send(full) {
        Ok(()) => batch.time_ns = time_ns,
        Err(back) => {
            *batch = *back;
            batch.time_ns = flushed_ns;
            losses.add_rows(batch::strip(batch, flushed_ns));
        }
    }
}
