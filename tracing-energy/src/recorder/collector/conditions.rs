//! The run's conditions: read at its start and its end, told as rows and as doubts.

use super::super::resting::RestingCpu;
use super::super::signal;
use super::Collector;
use crate::conditions::{busy_baseline, own_work_in_baseline};
use crate::cpu_time;
use crate::power::Pressure;
use crate::units::Nanos;

impl Collector {
    /// Takes what is new; once the run has ended, asks for the conditions of its end.
    pub(super) fn read_conditions(&mut self) {
        let has_ended = self.end_ns().is_some();
        if let Some(usage) = self.cpu.usage().filter(|_| !has_ended) {
            self.conditions.usage(usage);
        }
        if let Some(tid) = self.conditions.pass() {
            // All that it used was used since the last reading.
            self.own_thread("energy-observe", tid, Some(Nanos::ZERO));
        }
        self.batch.conditions.extend(self.conditions.rows());
        if has_ended && !self.has_asked_end {
            self.has_asked_end = true;
            self.conditions.ask_end(self.program_threads());
        }
    }

    /// Takes what a power source says of thermal pressure.
    pub(super) fn pressure(&mut self, pressure: &Pressure) {
        let zero = self.parts.zero;
        let window = [pressure.start, pressure.end].map(|time| (time - zero).nanos());
        let end_ns = self.end_ns();
        self.conditions
            .pressure(window.into(), &pressure.level, end_ns);
    }

    /// Whether the program itself worked while idle power was to be measured, until
    /// `until_ns`: then it is not known, and an event says why.
    pub(super) fn refuse_baseline(&mut self, time_ns: i64, until_ns: i64) -> bool {
        let cores = match self.parts.baseline_asked {
            true => self.parts.resting.as_ref().and_then(RestingCpu::own_cores),
            false => self.engine.program_cores(0, until_ns),
        };
        let refused = cores.and_then(own_work_in_baseline);
        let is_refused = refused.is_some();
        if let Some((kind, message)) = refused {
            self.event(time_ns, kind, message);
        }
        is_refused
    }

    /// Tells idle power that was measured while others were at work.
    pub(super) fn doubt_baseline(&mut self, time_ns: i64) {
        let load = match self.parts.baseline_asked {
            true => self
                .parts
                .resting
                .as_ref()
                .and_then(RestingCpu::others_cores),
            false => self.conditions.load_so_far(),
        };
        if let Some((kind, message)) = load.and_then(busy_baseline) {
            self.event(time_ns, kind, message);
        }
    }

    /// The conditions of the end, and what is doubtful about the run.
    pub(super) fn end_conditions(&mut self, end_ns: i64) {
        let doubts = self.conditions.finish();
        self.batch.conditions.extend(self.conditions.rows());
        for (kind, message) in doubts {
            self.event(end_ns, kind, message);
        }
    }

    fn program_threads(&self) -> Option<usize> {
        let mut own = self.cpu.own_tids();
        own.extend(signal::listener_tid());
        cpu_time::threads_besides(&own)
    }
}
