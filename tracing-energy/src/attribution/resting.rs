//! Who was on a processor while idle power was measured. Idle power holds what they
//! drew, so that only what they use beyond that is charged to them later.
//!
//! ```text
//! sensor     ### ### ### ###|### ### ###### ###### ###
//!            idle: 0.3 of a   here 0.5 of a processor:
//!            processor        0.2 are the profiler's, the rest is in idle
//! ```

use crate::sink::{CpuOf, CpuRow};

/// CPU time per time of the baseline, from rows that end by the run's start.
#[derive(Debug, Default)]
pub(super) struct Resting {
    machine: f64,
    process: f64,
    sensor: f64,
    threads: Vec<(u32, f64)>,
}

impl Resting {
    /// Takes a row of the time before the run. One row of each series is kept.
    pub(super) fn take(&mut self, row: CpuRow) {
        let rate = row.on_cpu_ns as f64 / (row.end_ns - row.start_ns) as f64;
        match row.of {
            CpuOf::Machine => self.machine = rate,
            CpuOf::Process => self.process = rate,
            CpuOf::Sensor => self.sensor = rate,
            // No child is there before the run.
            CpuOf::Child(_) => {}
            CpuOf::Thread(thread) => {
                self.threads.retain(|known| known.0 != thread);
                self.threads.push((thread, rate));
            }
        }
    }

    /// CPU time of the sensor's process beyond its resting rate.
    pub(super) fn sensor(&self, on_cpu_ns: f64, length_ns: i64) -> f64 {
        beyond(on_cpu_ns, self.sensor, length_ns)
    }

    /// CPU time of one of our threads beyond its resting rate.
    pub(super) fn thread(&self, thread: u32, on_cpu_ns: f64, length_ns: i64) -> f64 {
        beyond(on_cpu_ns, self.rate_of(thread), length_ns)
    }

    /// CPU time of the process beyond what our threads used at rest.
    pub(super) fn process(&self, on_cpu_ns: f64, length_ns: i64) -> f64 {
        let own: f64 = self.threads.iter().map(|known| known.1).sum();
        beyond(on_cpu_ns, own, length_ns)
    }

    /// CPU time of other processes beyond their resting rate.
    pub(super) fn others(&self, on_cpu_ns: f64, length_ns: i64) -> f64 {
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
    fn what_is_used_beyond_rest_counts() {
        let mut resting = Resting::default();
        let mut take = |of, on_cpu_ns| {
            resting.take(CpuRow {
                of,
                start_ns: -1000,
                end_ns: 0,
                on_cpu_ns,
            });
        };
        take(CpuOf::Machine, 1000);
        take(CpuOf::Process, 150);
        take(CpuOf::Sensor, 300);
        take(CpuOf::Thread(2), 100);
        assert_eq!(resting.sensor(50.0, 100), 20.0);
        assert_eq!(resting.sensor(10.0, 100), 0.0);
        assert_eq!(resting.thread(2, 15.0, 100), 5.0);
        assert_eq!(resting.thread(3, 15.0, 100), 15.0);
        assert_eq!(resting.process(100.0, 100), 90.0);
        assert!((resting.others(100.0, 100) - 45.0).abs() < 1e-9);
    }

    #[test]
    fn where_nothing_is_known_of_rest_all_counts() {
        let resting = Resting::default();
        assert_eq!(resting.others(7.0, 100), 7.0);
        assert_eq!(resting.process(7.0, 100), 7.0);
    }
}
