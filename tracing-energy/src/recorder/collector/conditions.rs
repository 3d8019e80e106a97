//! Conditions of the run, read at its start and end, as rows and warnings.

use super::cpu_intake::CpuIntake;
use super::rows::RunRows;
use super::run_time::RunTime;
use energy_power::Pressure;
use energy_power::conditions::RunConditions;

/// Collects the run's conditions.
pub(super) struct ConditionIntake {
    conditions: RunConditions,
    has_requested_end: bool,
}

impl ConditionIntake {
    pub(super) fn new(conditions: RunConditions) -> Self {
        Self {
            conditions,
            has_requested_end: false,
        }
    }

    /// Collects new conditions. Once the run has ended, requests those of its end.
    pub(super) fn read(&mut self, time: &RunTime, cpu: &mut CpuIntake, rows: &mut RunRows) {
        let has_ended = time.end_ns().is_some();
        if let Some(usage) = cpu.reader.usage().filter(|_| !has_ended) {
            self.conditions.usage(usage);
        }
        if let Some(tid) = self.conditions.pass() {
            cpu.own_new_thread("energy-observe", tid, time, rows);
        }
        rows.batch.conditions.extend(self.conditions.rows());
        if has_ended && !self.has_requested_end {
            self.has_requested_end = true;
            self.conditions.request_end(cpu.program_threads());
        }
    }

    /// Adds a power source's report of thermal pressure.
    pub(super) fn pressure(&mut self, pressure: &Pressure, time: &RunTime) {
        let window = [pressure.start, pressure.end].map(|edge| time.of(edge));
        self.conditions
            .pressure(window.into(), &pressure.level, time.end_ns());
    }

    /// Returns the load of other processes so far, in cores.
    pub(super) fn load_so_far(&self) -> Option<f64> {
        self.conditions.load_so_far()
    }

    /// Adds the conditions of the end and warnings about the run.
    pub(super) fn finish(&mut self, end_ns: i64, rows: &mut RunRows) {
        let warnings = self.conditions.finish();
        rows.batch.conditions.extend(self.conditions.rows());
        for (kind, message) in warnings {
            rows.event(end_ns, kind, message);
        }
    }
}
