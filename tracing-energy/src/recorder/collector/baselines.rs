//! Idle power: configured, or measured before the first span.

use std::collections::BTreeSet;

use super::conditions::ConditionIntake;
use super::rows::RunRows;
use crate::recorder::baseline_cpu::BaselineCpu;
use energy_attribution::IdleSamples;
use energy_data::rows::{BaselineRow, CpuRow, CpuScope, SampleRow};
use energy_data::units::Nanos;
use energy_power::conditions::{busy_baseline, own_work_in_baseline};

/// Maximum time for which samples before the first span are held back.
const IDLE_LIMIT_NS: i64 = 60_000_000_000;

/// Holds samples back until the idle time is known, and computes the baselines.
pub(super) struct Baselines {
    idle: Option<IdleSamples>,
    held: Vec<SampleRow>,
    /// Rails with configured or measured idle power.
    known: BTreeSet<u32>,
    /// Whether an idle baseline before run time zero was requested.
    is_requested: bool,
    /// CPU times during that baseline.
    cpu: Option<BaselineCpu>,
}

impl Baselines {
    pub(super) fn new(is_requested: bool, cpu: Option<BaselineCpu>) -> Self {
        Self {
            idle: Some(IdleSamples::default()),
            held: Vec::new(),
            known: BTreeSet::new(),
            is_requested,
            cpu,
        }
    }

    /// Returns whether the idle time is over.
    pub(super) fn are_settled(&self) -> bool {
        self.idle.is_none()
    }

    /// Emits the CPU times of the idle baseline, as rows that end at the run's start.
    pub(super) fn emit_cpu(&self, rows: &mut RunRows) {
        let Some(baseline_cpu) = &self.cpu else {
            return;
        };
        let threads = &rows.batch.threads;
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
        let cpu: Vec<CpuRow> = known
            .chain(ours)
            .map(|(scope, on_cpu_ns)| CpuRow {
                scope,
                start_ns: -baseline_cpu.length.nanos(),
                end_ns: 0,
                on_cpu_ns,
            })
            .collect();
        cpu.into_iter().for_each(|row| rows.cpu(row));
    }

    /// Adds a sample; samples are held back until the idle time is known.
    pub(super) fn sample(&mut self, row: SampleRow, rows: &mut RunRows) {
        rows.batch.samples.push(row);
        match &mut self.idle {
            Some(_) => self.held.push(row),
            None => rows.engine.sample(row),
        }
    }

    /// Adds the idle power of a rail, unless it is known.
    pub(super) fn add(&mut self, row: BaselineRow, rows: &mut RunRows) {
        if self.known.insert(row.rail) {
            rows.baseline(row);
        }
    }

    /// Computes the baselines once the idle time is over: at zero if a baseline was
    /// requested, else at the first span.
    pub(super) fn settle(
        &mut self,
        now_ns: i64,
        at_end: bool,
        conditions: &ConditionIntake,
        rows: &mut RunRows,
    ) {
        let over = at_end || rows.progress.activations > 0 || now_ns > IDLE_LIMIT_NS;
        let requested = self.is_requested;
        if !(over || requested && now_ns > 0) {
            return;
        }
        let Some(mut idle) = self.idle.take() else {
            return;
        };
        let until_ns = if requested {
            0
        } else {
            rows.progress.first_ns.unwrap_or(now_ns)
        };
        self.held
            .iter()
            .filter(|row| row.end_ns <= until_ns)
            .for_each(|row| idle.add(row));
        // Idle time without a requested baseline must be at least a second long.
        let least = Nanos::from_seconds(if requested { 0.0 } else { 1.0 });
        let measured = idle.baselines(least).into_iter();
        let measured = measured.filter(|row| !self.known.contains(&row.rail));
        let measured: Vec<BaselineRow> = measured.collect();
        if !measured.is_empty() && !self.refuse(now_ns, until_ns, rows) {
            self.warn_about_load(now_ns, conditions, rows);
            measured.into_iter().for_each(|row| self.add(row, rows));
        }
        for row in std::mem::take(&mut self.held) {
            rows.engine.sample(row);
        }
    }

    /// Returns whether the program itself was busy during the idle baseline, up to
    /// `until_ns`. Idle power is then unknown, and an event reports why.
    fn refuse(&self, time_ns: i64, until_ns: i64, rows: &mut RunRows) -> bool {
        let cores = match self.is_requested {
            true => self.cpu.as_ref().and_then(BaselineCpu::own_cores),
            false => rows.engine.program_cores(0, until_ns),
        };
        let refused = cores.and_then(own_work_in_baseline);
        let is_refused = refused.is_some();
        if let Some((kind, message)) = refused {
            rows.event(time_ns, kind, message);
        }
        is_refused
    }

    /// Warns if other processes were busy during the idle baseline.
    fn warn_about_load(&self, time_ns: i64, conditions: &ConditionIntake, rows: &mut RunRows) {
        let load = match self.is_requested {
            true => self
                .cpu
                .as_ref()
                .and_then(BaselineCpu::other_processes_cores),
            false => conditions.load_so_far(),
        };
        if let Some((kind, message)) = load.and_then(busy_baseline) {
            rows.event(time_ns, kind, message);
        }
    }
}
