//! The collector thread: logs, samples and CPU times in, batches out.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;

use super::batch::{self, Collecting, Seen};
use super::calibration::Calibration;
use super::control::Control;
use super::cpu::CpuReader;
use super::idle::IdleSamples;
use super::losses::LossCounts;
use super::summary::{RailSummary, RunSummary};
use super::writer::{SinkFailure, Writer};
use crate::attribution::{Engine, Finished};
use crate::clock::Clock;
use crate::cpu_time;
use crate::host;
use crate::power::SamplerMessage;
use crate::reattribute::settled;
use crate::record::{Assembler, Detail, Merge, Shared};
use crate::rows::{
    BaselineRow, CpuRow, EventRow, RailRow, RunRow, RunStatus, SampleRow, ThreadRole, ThreadRow,
};
use crate::sink::Batch;
use crate::units::Nanos;

/// How often logs, samples and CPU times are read.
const PASS: Duration = Duration::from_millis(50);
/// Samples before the first span are kept back at most this long.
const IDLE_LIMIT_NS: i64 = 60_000_000_000;

/// What the builder hands to the collector.
pub(crate) struct CollectorParts {
    pub(crate) shared: Arc<Shared>,
    pub(crate) control: Arc<Control>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Time of the sampler's clock that is the run's zero.
    pub(crate) zero: Nanos,
    pub(crate) samples: Receiver<SamplerMessage>,
    pub(crate) rails: Vec<RailRow>,
    /// For each source, the row id of its first rail.
    pub(crate) first_rail: Vec<u32>,
    pub(crate) configured_idle: Vec<BaselineRow>,
    /// Whether the time before zero was asked for as idle time.
    pub(crate) baseline_asked: bool,
    pub(crate) own_threads: Vec<(String, i64)>,
    pub(crate) sensors: Vec<u32>,
    pub(crate) assembler: Assembler,
    pub(crate) detail: Detail,
    pub(crate) flush_every: Duration,
    pub(crate) run: RunRow,
    pub(crate) notices: Vec<EventRow>,
    pub(crate) writer: Writer,
}

/// The state of the collector thread.
pub(crate) struct Collector {
    parts: CollectorParts,
    engine: Engine,
    merge: Merge,
    calibration: Calibration,
    cpu: CpuReader,
    losses: LossCounts,
    batch: Batch,
    idle: Option<IdleSamples>,
    held: Vec<SampleRow>,
    thread_ids: Vec<u32>,
    next_thread: u32,
    seen: Seen,
    last_pass_ns: i64,
    last_flush_ns: i64,
    warnings: Vec<String>,
}

impl Collector {
    /// Prepares the first batch: the run, its rails and our own threads.
    pub(crate) fn new(parts: CollectorParts) -> Self {
        let now = parts.clock.now() - parts.zero;
        let mut engine = Engine::new();
        parts
            .rails
            .iter()
            .for_each(|rail| engine.rail(rail.clone()));
        let mut batch = Batch {
            run: Some(parts.run.clone()),
            rails: parts.rails.clone(),
            ..Batch::default()
        };
        batch.events.extend(parts.notices.iter().cloned());
        let own = own_threads(&parts.own_threads);
        let pairs: Vec<_> = own.iter().map(|row| (row.id, row.tid)).collect();
        own.iter().for_each(|row| engine.thread(row.id, row.role));
        let next_thread = own.len() as u32 + 1;
        batch.threads.extend(own);
        let mut collector = Self {
            calibration: Calibration::new(parts.shared.raw_now(), now),
            cpu: CpuReader::new(now.nanos(), &pairs, &parts.sensors),
            engine,
            merge: Merge::default(),
            losses: LossCounts::default(),
            batch,
            idle: Some(IdleSamples::default()),
            held: Vec::new(),
            thread_ids: Vec::new(),
            next_thread,
            seen: Seen::default(),
            last_pass_ns: now.nanos(),
            last_flush_ns: now.nanos(),
            warnings: Vec::new(),
            parts,
        };
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
        let name = "energy-collect".to_owned();
        std::thread::Builder::new()
            .name(name.clone())
            .spawn(move || {
                let mut parts = parts;
                parts.own_threads.push((name, cpu_time::current_tid()));
                Self::new(parts).run()
            })
    }

    /// Runs until the control says that the run is over.
    pub(crate) fn run(mut self) -> RunSummary {
        while !self.parts.control.is_complete() {
            std::thread::park_timeout(PASS);
            let now = self.pass();
            if now - self.last_flush_ns >= Nanos::from(self.parts.flush_every).nanos() {
                self.flush(now);
            }
        }
        self.finish()
    }

    fn now(&self) -> Nanos {
        self.parts.clock.now() - self.parts.zero
    }

    /// The run's end, once it is known; samples may still be under way.
    fn end_ns(&self) -> Option<i64> {
        let (end, _) = self.parts.control.end()?;
        Some((end - self.parts.zero).nanos())
    }

    /// Reads everything once; answers the run time it read up to.
    fn pass(&mut self) -> i64 {
        let now = self.now();
        let raw = self.parts.shared.raw_now();
        if let Some(jump) = self.calibration.note(raw, now) {
            let message = format!(
                "the clocks jumped by {} ms: the machine was suspended?",
                jump / 1_000_000
            );
            self.event(now.nanos(), "clock_jump", message);
        }
        self.take_samples();
        self.take_records(raw);
        self.read_cpu(now.nanos());
        self.end_threads();
        self.settle_idle(now.nanos(), false);
        // Records of the time since the last pass may still be under way.
        let limit = self.end_ns().unwrap_or(i64::MAX);
        let rows = self
            .engine
            .advance(self.last_pass_ns.min(limit), now.nanos().min(limit));
        self.batch.attribution.append(settled(rows));
        for event in self.engine.take_events() {
            self.tell(event);
        }
        self.last_pass_ns = now.nanos();
        now.nanos()
    }

    fn take_records(&mut self, limit: u64) {
        let Self {
            parts,
            engine,
            merge,
            calibration,
            cpu,
            losses,
            batch,
            seen,
            ..
        } = self;
        let CollectorParts {
            shared,
            assembler,
            writer,
            ..
        } = parts;
        let (thread_ids, next_thread) = (&mut self.thread_ids, &mut self.next_thread);
        merge.adopt(shared, |log| {
            let id = *next_thread;
            *next_thread += 1;
            thread_ids.push(id);
            let row = ThreadRow {
                id,
                tid: log.tid,
                name: log.name.clone(),
                role: ThreadRole::Program,
            };
            engine.thread(id, row.role);
            batch.threads.push(row);
            let number = assembler.add_thread(id);
            cpu.add_thread(number, calibration.time(log.began.0), log.began.1);
            number
        });
        merge.drain(shared, limit, |thread, raw, record, last_try| {
            let mut out = Collecting {
                engine,
                batch,
                losses,
                seen,
            };
            let verdict = assembler.take(thread, calibration.time(raw), record, last_try, &mut out);
            if batch.spans.len() >= batch::FULL {
                send(writer, batch, losses);
            }
            verdict
        });
    }

    fn read_cpu(&mut self, now_ns: i64) {
        let Self {
            cpu,
            merge,
            engine,
            batch,
            thread_ids,
            ..
        } = self;
        let threads = merge
            .live()
            .map(|(number, log)| (number, thread_ids[number], log));
        cpu.read(now_ns, threads, &mut |row: CpuRow| {
            engine.cpu(row);
            batch.cpu.push(row);
        });
    }

    fn end_threads(&mut self) {
        self.merge.retire(&self.parts.shared, |_, _| ());
    }

    fn take_samples(&mut self) {
        while let Ok(message) = self.parts.samples.try_recv() {
            match message {
                SamplerMessage::Reading { source, reading } => {
                    let first_rail = self.parts.first_rail[source];
                    for sample in &reading.samples {
                        self.sample(SampleRow {
                            rail: first_rail + sample.rail as u32,
                            start_ns: (sample.start - self.parts.zero).nanos(),
                            end_ns: (sample.end - self.parts.zero).nanos(),
                            energy_j: sample.energy.map(|energy| energy.joules()),
                        });
                    }
                    for notice in reading.notices {
                        self.event(
                            (notice.time - self.parts.zero).nanos(),
                            notice.kind,
                            notice.message,
                        );
                    }
                }
                SamplerMessage::Error { error, .. } => {
                    let now = self.now().nanos();
                    self.event(now, "source_error", error.to_string());
                }
                SamplerMessage::Stopped { .. } => {}
            }
        }
    }

    /// Samples wait until it is known which of them are idle time.
    fn sample(&mut self, row: SampleRow) {
        self.batch.samples.push(row);
        match &mut self.idle {
            Some(_) => self.held.push(row),
            None => self.engine.sample(row),
        }
    }

    /// Decides the baselines once the idle time is over: at zero if it was asked
    /// for, else at the first span.
    fn settle_idle(&mut self, now_ns: i64, at_end: bool) {
        let over = at_end || self.seen.activations > 0 || now_ns > IDLE_LIMIT_NS;
        let asked = self.parts.baseline_asked;
        if !(over || asked && now_ns > 0) {
            return;
        }
        let Some(mut idle) = self.idle.take() else {
            return;
        };
        let until_ns = if asked {
            0
        } else {
            self.seen.first_ns.unwrap_or(now_ns)
        };
        self.held
            .iter()
            .filter(|row| row.end_ns <= until_ns)
            .for_each(|row| idle.add(row));
        idle.baselines(asked)
            .into_iter()
            .for_each(|row| self.baseline(row));
        for row in std::mem::take(&mut self.held) {
            self.engine.sample(row);
        }
    }

    fn baseline(&mut self, row: BaselineRow) {
        if self
            .batch
            .baselines
            .iter()
            .all(|known| known.rail != row.rail)
        {
            self.engine
                .baseline(row.rail, Some(crate::units::Power::from_watts(row.power_w)));
            self.batch.baselines.push(row);
        }
    }

    fn event(&mut self, time_ns: i64, kind: &str, message: String) {
        self.tell(EventRow {
            time_ns,
            kind: kind.to_owned(),
            count: 1,
            message,
        });
    }

    fn tell(&mut self, event: EventRow) {
        self.warnings.push(event.message.clone());
        self.batch.events.push(event);
    }

    fn flush(&mut self, now_ns: i64) {
        self.last_flush_ns = now_ns;
        {
            let Self {
                parts,
                engine,
                batch,
                losses,
                seen,
                ..
            } = self;
            let mut out = Collecting {
                engine,
                batch,
                losses,
                seen,
            };
            parts.assembler.flush_open(&mut out);
            if parts.detail != Detail::Spans {
                parts.assembler.flush_nodes(now_ns, &mut out);
            }
        }
        self.tell_losses(now_ns);
        if let Some(metadata) = self.parts.control.changed_metadata() {
            self.parts.run.metadata = metadata;
            self.batch.run = Some(self.parts.run.clone());
        }
        self.batch.time_ns = now_ns;
        self.batch.heartbeat_unix_ns = host::unix_ns();
        send(&self.parts.writer, &mut self.batch, &mut self.losses);
    }

    fn tell_losses(&mut self, now_ns: i64) {
        for SinkFailure { message, rows } in self.parts.writer.failures() {
            self.losses.add_rows(rows);
            self.event(now_ns, "sink_error", message);
        }
        self.losses
            .take_shared(&self.parts.shared, self.parts.assembler.folded_nodes());
        let batch = &mut self.batch;
        self.losses
            .news(now_ns, &mut |event| batch.events.push(event));
    }

    fn finish(mut self) -> RunSummary {
        let (end, status) = self
            .parts
            .control
            .end()
            .unwrap_or((self.now(), RunStatus::Complete));
        let end_ns = (end - self.parts.zero).nanos();
        self.pass();
        {
            let Self {
                parts,
                engine,
                batch,
                losses,
                seen,
                ..
            } = &mut self;
            let mut out = Collecting {
                engine,
                batch,
                losses,
                seen,
            };
            parts.assembler.finish(end_ns, &mut out);
        }
        self.settle_idle(end_ns, true);
        let (rows, finished) = std::mem::take(&mut self.engine).finish(end_ns);
        self.batch.attribution.append(rows);
        self.tell_losses(end_ns);
        for event in finished.events.clone() {
            self.tell(event);
        }
        if !finished.balanced {
            let message =
                "the accounts do not sum to what was measured: do not trust this run".to_owned();
            self.event(end_ns, "imbalance", message);
        }
        self.last_batch(end_ns, status);
        self.summarise(end_ns, finished)
    }

    fn last_batch(&mut self, end_ns: i64, status: RunStatus) {
        if let Some(metadata) = self.parts.control.changed_metadata() {
            self.parts.run.metadata = metadata;
        }
        self.parts.run.status = status;
        self.parts.run.end_ns = Some(end_ns);
        let mut batch = std::mem::take(&mut self.batch);
        batch.run = Some(self.parts.run.clone());
        batch.time_ns = end_ns;
        batch.heartbeat_unix_ns = host::unix_ns();
        batch::tidy(&mut batch);
        self.parts.writer.send_last(batch);
        for failure in self.parts.writer.finish() {
            self.losses.add_rows(failure.rows);
            self.warnings.push(failure.message);
        }
    }

    fn summarise(mut self, end_ns: i64, finished: Finished) -> RunSummary {
        self.warnings.extend(self.losses.totals());
        let rail = |row: &RailRow| RailSummary {
            rail: format!("{}/{}", row.source, row.name),
            is_root: row.parent.is_none(),
            provenance: row.provenance,
            accounts: finished
                .rails
                .iter()
                .find(|total| total.balance.rail == row.id)
                .map(|total| total.balance.accounts),
        };
        RunSummary {
            uuid: self.parts.run.uuid.clone(),
            duration_ns: end_ns,
            activations: self.seen.activations,
            rails: self.parts.rails.iter().map(rail).collect(),
            lost: self.losses.count("records_dropped") + self.losses.count("rows_dropped"),
            stalled_ns: self.losses.count("stalled"),
            warnings: self.warnings,
        }
    }
}

/// Hands a batch on; what the sinks have no place for is dropped and counted, but
/// what attribution needs stays for the next one.
fn send(writer: &Writer, batch: &mut Batch, losses: &mut LossCounts) {
    let mut full = std::mem::take(batch);
    batch::tidy(&mut full);
    if let Err(back) = writer.send(full) {
        *batch = *back;
        losses.add_rows(batch::strip(batch));
    }
}

fn own_threads(names: &[(String, i64)]) -> Vec<ThreadRow> {
    let row = |(index, (name, tid)): (usize, &(String, i64))| ThreadRow {
        id: index as u32 + 1,
        tid: *tid,
        name: Some(name.clone()),
        role: ThreadRole::Profiler,
    };
    names.iter().enumerate().map(row).collect()
}
