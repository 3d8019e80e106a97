//! Input of the collector: records, CPU times, samples, the recorder's threads.

use super::super::batch::{self, Collecting};
use super::{Collector, CollectorParts, send};
use crate::record::{Record, Verdict};
use energy_data::rows::{
    BaselineRow, CpuRow, CpuScope, SampleRow, SensorMetricRow, ThreadRole, ThreadRow,
};
use energy_data::units::Nanos;
use energy_power::SamplerMessage;

/// Maximum time for which samples before the first span are held back.
const IDLE_LIMIT_NS: i64 = 60_000_000_000;

impl Collector {
    pub(super) fn take_records(&mut self, limit: u64) {
        // Other threads may go on for a moment after a signal or the guard ended the run.
        let end_ns = self.end_ns().unwrap_or(i64::MAX);
        let Self {
            parts,
            engine,
            merge,
            calibration,
            cpu,
            losses,
            batch,
            progress,
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
                process: None,
            };
            engine.thread(id, row.role);
            batch.threads.push(row);
            let number = assembler.add_thread(id);
            cpu.add_thread((number, id), calibration.time(log.began.0), log.began.1);
            number
        });
        merge.drain(shared, limit, |thread, raw, record, last_try| {
            let time_ns = calibration.record_time(thread, raw, &record);
            if let Record::CpuTime { used_ns } = record {
                cpu.edge(thread, time_ns, used_ns, &mut |row| {
                    engine.cpu(row);
                    batch.cpu.push(row);
                });
                return Verdict::Taken;
            }
            let mut out = Collecting {
                engine,
                batch,
                losses,
                progress,
            };
            let time_ns = time_ns.min(end_ns);
            let verdict = assembler.take(thread, time_ns, record, last_try, &mut out);
            if batch.spans.len() >= batch::FULL {
                let flushed_ns = batch.time_ns;
                send(writer, batch, losses, flushed_ns);
            }
            verdict
        });
    }

    /// Adds new recorder threads: a source may start one at any time, which then used all
    /// its CPU time since the last reading.
    pub(super) fn watch_threads(&mut self) {
        for tid in self.parts.watch.thread_ids() {
            if !self.cpu.knows(tid) {
                self.own_thread("energy-power", tid, Some(Nanos::ZERO));
            }
        }
    }

    /// Adds a recorder thread, whose CPU time is the profiler's.
    pub(super) fn own_thread(&mut self, name: &str, tid: i64, used: Option<Nanos>) {
        let row = ThreadRow {
            id: self.next_thread,
            tid,
            name: Some(name.to_owned()),
            role: ThreadRole::Profiler,
            process: None,
        };
        self.next_thread += 1;
        self.engine.thread(row.id, row.role);
        self.cpu.add_own(row.id, tid, used);
        self.batch.threads.push(row);
    }

    /// Emits the CPU times of the idle baseline, as rows that end at the run's start.
    pub(super) fn emit_baseline_cpu(&mut self) {
        let Some(baseline_cpu) = &self.parts.baseline_cpu else {
            return;
        };
        let threads = &self.batch.threads;
        let id = |tid: i64| threads.iter().find(|row| row.tid == tid).map(|row| row.id);
        let ours = baseline_cpu.threads_ns.iter();
        let ours = ours.filter_map(|&(tid, used)| Some((CpuScope::Thread(id(tid)?), used)));
        let all = [
            (CpuScope::Machine, baseline_cpu.machine_ns),
            (CpuScope::Process, baseline_cpu.process_ns),
            (CpuScope::Sensor, baseline_cpu.sensor_ns),
        ];
        let known = all
            .into_iter()
            .filter_map(|(scope, used)| Some((scope, used?)));
        let rows: Vec<CpuRow> = known
            .chain(ours)
            .map(|(scope, on_cpu_ns)| CpuRow {
                scope,
                start_ns: -baseline_cpu.length.nanos(),
                end_ns: 0,
                on_cpu_ns,
            })
            .collect();
        rows.iter().for_each(|row| self.engine.cpu(*row));
        self.batch.cpu.extend(rows);
    }

    /// Reads CPU times. Readings of traced threads from the last pass are used now, since
    /// all edges before them are known.
    pub(super) fn read_cpu(&mut self) {
        if let Some(pid) = self.parts.control.watched() {
            self.cpu.tree.watch(pid);
        }
        self.settle_cpu();
        let Self {
            cpu,
            merge,
            engine,
            batch,
            parts,
            ..
        } = self;
        let now = || (parts.clock.now() - parts.zero).nanos();
        cpu.read(&now, merge.live(), &mut |row| {
            engine.cpu(row);
            batch.cpu.push(row);
        });
        parts.devices.read(now(), |row| {
            engine.device_use(row);
            batch.device_use.push(row);
        });
        batch.processes.extend(cpu.tree.take_changed());
    }

    /// Emits the last readings of traced threads.
    pub(super) fn settle_cpu(&mut self) {
        let Self {
            cpu,
            merge,
            engine,
            batch,
            ..
        } = self;
        cpu.settle(merge.live().map(|(number, _)| number), &mut |row| {
            engine.cpu(row);
            batch.cpu.push(row);
        });
    }

    pub(super) fn end_threads(&mut self) {
        let now_ns = self.now().nanos();
        let Self {
            cpu,
            merge,
            engine,
            batch,
            parts,
            ..
        } = self;
        merge.retire(&parts.shared, |number, log| {
            cpu.end_thread(number, now_ns, log.final_cpu(), &mut |row| {
                engine.cpu(row);
                batch.cpu.push(row);
            });
        });
    }

    pub(super) fn take_samples(&mut self) {
        while let Ok(message) = self.parts.samples.try_recv() {
            match message {
                SamplerMessage::Reading { source, reading } => {
                    if let Some(rails) = reading.rails {
                        self.set_rails(source, rails);
                    }
                    for sample in &reading.samples {
                        let Some(rail) = self.parts.rails.id(source, sample.rail) else {
                            continue;
                        };
                        self.parts.rails.sample(source, sample);
                        self.sample(SampleRow {
                            rail,
                            start_ns: (sample.start - self.parts.zero).nanos(),
                            end_ns: (sample.end - self.parts.zero).nanos(),
                            energy_j: sample.energy.map(|energy| energy.joules()),
                        });
                    }
                    let zero = self.parts.zero;
                    let sensor_metrics =
                        reading.metrics.into_iter().map(|metric| SensorMetricRow {
                            name: metric.name,
                            start_ns: (metric.start - zero).nanos(),
                            end_ns: (metric.end - zero).nanos(),
                            value: metric.value,
                        });
                    self.batch.sensor_metrics.extend(sensor_metrics);
                    for pressure in &reading.pressures {
                        self.pressure(pressure);
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

    /// Adds a sample; samples are held back until the idle time is known.
    fn sample(&mut self, row: SampleRow) {
        self.batch.samples.push(row);
        match &mut self.idle {
            Some(_) => self.held.push(row),
            None => self.engine.sample(row),
        }
    }

    /// Computes the baselines once the idle time is over: at zero if a baseline was
    /// requested, else at the first span.
    pub(super) fn settle_idle(&mut self, now_ns: i64, at_end: bool) {
        let over = at_end || self.progress.activations > 0 || now_ns > IDLE_LIMIT_NS;
        let requested = self.parts.baseline_requested;
        if !(over || requested && now_ns > 0) {
            return;
        }
        let Some(mut idle) = self.idle.take() else {
            return;
        };
        let until_ns = if requested {
            0
        } else {
            self.progress.first_ns.unwrap_or(now_ns)
        };
        self.held
            .iter()
            .filter(|row| row.end_ns <= until_ns)
            .for_each(|row| idle.add(row));
        // Idle time without a requested baseline must be at least a second long.
        let least = Nanos::from_seconds(if requested { 0.0 } else { 1.0 });
        let measured = idle.baselines(least).into_iter();
        let measured = measured.filter(|row| !self.has_baseline(row.rail));
        let measured: Vec<BaselineRow> = measured.collect();
        if !measured.is_empty() && !self.refuse_baseline(now_ns, until_ns) {
            self.warn_about_busy_baseline(now_ns);
            measured.into_iter().for_each(|row| self.baseline(row));
        }
        for row in std::mem::take(&mut self.held) {
            self.engine.sample(row);
        }
    }

    /// Returns whether idle power of that rail is configured or was measured.
    fn has_baseline(&self, rail: u32) -> bool {
        self.known_baselines.contains(&rail)
    }

    pub(super) fn baseline(&mut self, row: BaselineRow) {
        if self.known_baselines.insert(row.rail) {
            self.engine.baseline(&row);
            self.batch.baselines.push(row);
        }
    }
}
