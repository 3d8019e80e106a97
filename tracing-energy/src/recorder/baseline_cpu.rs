//! CPU times during the idle baseline: work done then is part of idle power.

use std::time::Duration;

use energy_data::units::Nanos;
use energy_power::SamplerWatch;
use energy_power::conditions::LEAST_NS;
use energy_power::cpu_time;

/// CPU times at one moment.
#[derive(Debug, Clone, Default)]
struct CpuSnapshot {
    machine: Option<Nanos>,
    process: Option<Nanos>,
    sensors: Vec<(u32, Nanos)>,
    threads: Vec<(i64, Nanos)>,
}

impl CpuSnapshot {
    fn now(watch: &SamplerWatch) -> Self {
        let sensor = |pid| Some((pid, cpu_time::other_process(pid)?));
        let thread = |tid| Some((tid, cpu_time::thread(tid)?));
        Self {
            machine: cpu_time::machine(),
            process: cpu_time::process(),
            sensors: watch.child_pids().into_iter().filter_map(sensor).collect(),
            threads: watch.thread_ids().into_iter().filter_map(thread).collect(),
        }
    }
}

/// CPU times used in the interval just before the run.
#[derive(Debug, Clone, Default)]
pub(crate) struct BaselineCpu {
    /// Length of the interval.
    pub(crate) length: Nanos,
    /// Of all processors.
    pub(crate) machine_ns: Option<i64>,
    /// Of this process.
    pub(crate) process_ns: Option<i64>,
    /// Of the sensors' processes.
    pub(crate) sensor_ns: Option<i64>,
    /// Of the sampling threads, by system id.
    pub(crate) threads_ns: Vec<(i64, i64)>,
}

impl BaselineCpu {
    /// Returns the mean load of this process without the sampling threads, in cores.
    pub(crate) fn own_cores(&self) -> Option<f64> {
        let threads: i64 = self.threads_ns.iter().map(|thread| thread.1).sum();
        let length_ns = self.length.nanos();
        let own = (self.process_ns? - threads).max(0);
        (length_ns > 0).then(|| own as f64 / length_ns as f64)
    }

    /// Returns the mean load of other processes, in cores; `None` for too short an interval.
    pub(crate) fn other_processes_cores(&self) -> Option<f64> {
        let own = self.process_ns? + self.sensor_ns.unwrap_or(0);
        let other_processes = (self.machine_ns? - own).max(0);
        let length_ns = self.length.nanos();
        (length_ns >= LEAST_NS).then(|| other_processes as f64 / length_ns as f64)
    }
}

/// Sleeps for `time` and returns the CPU times used in it.
pub(crate) fn measure_baseline_cpu(watch: &SamplerWatch, time: Duration) -> BaselineCpu {
    let before = CpuSnapshot::now(watch);
    std::thread::sleep(time);
    let after = CpuSnapshot::now(watch);
    let used = |after: Nanos, before: Nanos| (after - before).nanos().max(0);
    let sensors = used_by_each(&before.sensors, &after.sensors, used);
    BaselineCpu {
        length: Nanos::from(time),
        machine_ns: after.machine.zip(before.machine).map(|(a, b)| used(a, b)),
        process_ns: after.process.zip(before.process).map(|(a, b)| used(a, b)),
        sensor_ns: (!sensors.is_empty()).then(|| sensors.iter().map(|sensor| sensor.1).sum()),
        threads_ns: used_by_each(&before.threads, &after.threads, used),
    }
}

/// Returns the CPU time used by each. A new one has used all its CPU time since: sources
/// and their sensors start just before the baseline.
fn used_by_each<Id: Copy + PartialEq>(
    before: &[(Id, Nanos)],
    after: &[(Id, Nanos)],
    used: impl Fn(Nanos, Nanos) -> i64,
) -> Vec<(Id, i64)> {
    let earlier = |id: Id| before.iter().find(|known| known.0 == id);
    let earlier = |id| earlier(id).map_or(Nanos::ZERO, |known| known.1);
    let all = after.iter().map(|&(id, now)| (id, used(now, earlier(id))));
    all.collect()
}
