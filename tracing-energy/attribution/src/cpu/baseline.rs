//! CPU time during the baseline. Idle power includes the power of that work, so that only
//! CPU time beyond it is attributed later.
//!
//! ```text
//! sensor     ### ### ### ###|### ### ###### ###### ###
//!            idle: 0.3 of a   here 0.5 of a processor:
//!            processor        0.2 are the profiler's, 0.3 are in idle
//! ```

use energy_data::rows::{CpuRow, CpuScope};

/// CPU time per time of the baseline, from rows that end by the start of the run.
#[derive(Debug, Default)]
pub(crate) struct BaselineRates {
    machine: f64,
    process: f64,
    sensor: f64,
    threads: Vec<(u32, f64)>,
}

impl BaselineRates {
    /// Adds a row of the time before the run. Keeps the last row of each series.
    pub(crate) fn add(&mut self, row: CpuRow) {
        let rate = row.on_cpu_ns as f64 / (row.end_ns - row.start_ns) as f64;
        match row.scope {
            CpuScope::Machine => self.machine = rate,
            CpuScope::Process => self.process = rate,
            CpuScope::Sensor => self.sensor = rate,
            // There are no child processes before the run.
            CpuScope::Child(_) => {}
            CpuScope::Thread(thread) => {
                self.threads.retain(|known| known.0 != thread);
                self.threads.push((thread, rate));
            }
        }
    }

    /// CPU time of the sensor's process beyond its baseline rate.
    pub(crate) fn sensor(&self, on_cpu_ns: f64, length_ns: i64) -> f64 {
        beyond(on_cpu_ns, self.sensor, length_ns)
    }

    /// CPU time of one of the recorder's threads beyond its baseline rate.
    pub(crate) fn thread(&self, thread: u32, on_cpu_ns: f64, length_ns: i64) -> f64 {
        beyond(on_cpu_ns, self.rate_of(thread), length_ns)
    }

    /// CPU time of the process beyond the baseline rate of the recorder's threads.
    pub(crate) fn process(&self, on_cpu_ns: f64, length_ns: i64) -> f64 {
        let own: f64 = self.threads.iter().map(|known| known.1).sum();
        beyond(on_cpu_ns, own, length_ns)
    }

    /// CPU time of other processes beyond their baseline rate.
    pub(crate) fn other_processes(&self, on_cpu_ns: f64, length_ns: i64) -> f64 {
        let rate = self.machine - self.process - self.sensor;
        beyond(on_cpu_ns, rate.max(0.0), length_ns)
    }

    fn rate_of(&self, thread: u32) -> f64 {
        let known = self.threads.iter().find(|known| known.0 == thread);
        known.map_or(0.0, |known| known.1)
    }
}

fn beyond(on_cpu_ns: f64, rate: f64, length_ns: i64) -> f64 {
    (on_cpu_ns - rate * length_ns as f64).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_cpu_time_beyond_the_baseline_counts() {
        let mut baseline_cpu = BaselineRates::default();
        let mut add = |scope, on_cpu_ns| {
            baseline_cpu.add(CpuRow {
                scope,
                start_ns: -1000,
                end_ns: 0,
                on_cpu_ns,
            });
        };
        add(CpuScope::Machine, 1000);
        add(CpuScope::Process, 150);
        add(CpuScope::Sensor, 300);
        add(CpuScope::Thread(2), 100);
        assert_eq!(baseline_cpu.sensor(50.0, 100), 20.0);
        assert_eq!(baseline_cpu.sensor(10.0, 100), 0.0);
        assert_eq!(baseline_cpu.thread(2, 15.0, 100), 5.0);
        assert_eq!(baseline_cpu.thread(3, 15.0, 100), 15.0);
        assert_eq!(baseline_cpu.process(100.0, 100), 90.0);
        assert!((baseline_cpu.other_processes(100.0, 100) - 45.0).abs() < 1e-9);
    }

    #[test]
    fn without_a_baseline_all_cpu_time_counts() {
        let baseline_cpu = BaselineRates::default();
        assert_eq!(baseline_cpu.other_processes(7.0, 100), 7.0);
        assert_eq!(baseline_cpu.process(7.0, 100), 7.0);
    }
}
