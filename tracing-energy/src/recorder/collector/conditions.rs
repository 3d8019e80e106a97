//! Conditions of the run, read at its start and end, as rows and warnings.

use super::super::baseline_cpu::BaselineCpu;
use super::super::signal;
use super::Collector;
use energy_data::units::Nanos;
use energy_power::Pressure;
use energy_power::conditions::{busy_baseline, own_work_in_baseline};
use energy_power::cpu_time;

impl Collector {
    /// Collects new conditions. Once the run has ended, requests those of its end.
    pub(super) fn read_conditions(&mut self) {
        let has_ended = self.end_ns().is_some();
        if let Some(usage) = self.cpu.usage().filter(|_| !has_ended) {
            self.conditions.usage(usage);
        }
        if let Some(tid) = self.conditions.pass() {
            // The thread is new: it used all its CPU time since the last reading.
            self.own_thread("energy-observe", tid, Some(Nanos::ZERO));
        }
        self.batch.conditions.extend(self.conditions.rows());
        if has_ended && !self.has_requested_end {
            self.has_requested_end = true;
            self.conditions.request_end(self.program_threads());
        }
    }

    /// Adds a power source's report of thermal pressure.
    pub(super) fn pressure(&mut self, pressure: &Pressure) {
        let zero = self.parts.zero;
        let window = [pressure.start, pressure.end].map(|time| (time - zero).nanos());
        let end_ns = self.end_ns();
        self.conditions
            .pressure(window.into(), &pressure.level, end_ns);
    }

    /// Returns whether the program itself was busy during the idle baseline, up to
    /// `until_ns`. Idle power is then unknown, and an event reports why.
    pub(super) fn refuse_baseline(&mut self, time_ns: i64, until_ns: i64) -> bool {
        let cores = match self.parts.baseline_requested {
            true => self
                .parts
                .baseline_cpu
                .as_ref()
                .and_then(BaselineCpu::own_cores),
            false => self.engine.program_cores(0, until_ns),
        };
        let refused = cores.and_then(own_work_in_baseline);
        let is_refused = refused.is_some();
        if let Some((kind, message)) = refused {
            self.event(time_ns, kind, message);
        }
        is_refused
    }

    /// Warns if other processes were busy during the idle baseline.
    pub(super) fn warn_about_busy_baseline(&mut self, time_ns: i64) {
        let load = match self.parts.baseline_requested {
            true => self
                .parts
                .baseline_cpu
                .as_ref()
                .and_then(BaselineCpu::other_processes_cores),
            false => self.conditions.load_so_far(),
        };
        if let Some((kind, message)) = load.and_then(busy_baseline) {
            self.event(time_ns, kind, message);
        }
    }

    /// Adds the conditions of the end and warnings about the run.
    pub(super) fn end_conditions(&mut self, end_ns: i64) {
        let warnings = self.conditions.finish();
        self.batch.conditions.extend(self.conditions.rows());
        for (kind, message) in warnings {
            self.event(end_ns, kind, message);
        }
    }

    fn program_threads(&self) -> Option<usize> {
        let mut own = self.cpu.own_tids();
        own.extend(signal::listener_tid());
        cpu_time::threads_except(&own)
    }
}
