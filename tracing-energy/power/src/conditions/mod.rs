//! Conditions of a run: the state of the machine that makes two runs comparable or not.
//!
//! | key | value | Linux | macOS |
//! |---|---|---|---|
//! | [`POWER`] | `mains`, `battery` | `power_supply` | `pmset -g batt` |
//! | [`BATTERY_PERCENT`] | 0 to 100, the mean of several | `power_supply` | `pmset -g batt` |
//! | [`LOW_POWER_MODE`] | `on`, `off` | `platform_profile` | `pmset -g` |
//! | [`GOVERNOR`] | all distinct values, comma-separated | `cpufreq` | |
//! | [`ENERGY_PREFERENCE`] | the same | `cpufreq` | |
//! | [`THERMAL_PRESSURE`] | `nominal` or another level | `thermal`, `thermal_throttle` | the power sensor, else `pmset -g therm` |
//! | [`THROTTLED_SAMPLES`] | a count, at the end | the power sensor | the power sensor |
//! | [`LOAD_OTHER_PROCESSES`] | cores' worth of CPU time | `/proc/stat` | `host_statistics` |
//! | [`THREADS`] | the program's, at the end | `/proc/self/task` | `proc_pidinfo` |
//! | [`CORES`], [`USABLE_CORES`] | online; for this process | | |
//! | [`KERNEL`], [`BINARY_SHA256`] | at the start | `uname`, `/proc/self/exe` | `uname`, the executable |
//!
//! A condition that cannot be read is absent, never guessed: a machine without batteries
//! and without an adapter that reports "online" has no `power`. On Linux, a machine is
//! throttled if a zone is at its passive trip point, if a processor's cooling device is
//! active, or, at the end, if a throttle counter has grown since the start. Counters alone
//! do not show the state at the start. The macOS code is type-checked but has never been run.
//!
//! Everything is read on one of the recorder's threads (`observer`), so that neither
//! `build()` nor a traced thread waits for a slow file or a child process. That thread also
//! hashes the binary in pieces with a duty cycle of 10 %: at most a tenth of one processor,
//! once per process, and only up to 1 GiB.

#[cfg(feature = "binary-hash")]
mod binary;
mod change;
mod load;
mod observer;
mod run;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(any(target_os = "macos", all(test, unix)))]
mod pmset;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use change::ConditionWarning;
pub use load::{LEAST_NS, Usage};
pub use run::{RunConditions, busy_baseline, own_work_in_baseline};

use crate::cpu_time;
use energy_host as host;

/// `mains` or `battery`.
pub const POWER: &str = "power";
/// Charge of the battery in percent; the mean of several batteries.
pub const BATTERY_PERCENT: &str = "battery_percent";
/// `on` or `off`.
pub const LOW_POWER_MODE: &str = "low_power_mode";
/// The CPU frequency governors that are in use.
pub const GOVERNOR: &str = "governor";
/// The energy-performance preferences of the CPU frequency driver that are in use.
pub const ENERGY_PREFERENCE: &str = "energy_preference";
/// `nominal`, `throttled` (Linux), or the level that a power sensor reports, in lower case.
pub const THERMAL_PRESSURE: &str = "thermal_pressure";
/// Number of power samples for which the sensor reported pressure above nominal.
pub const THROTTLED_SAMPLES: &str = "throttled_samples";
/// Mean load of other processes, in cores. The start value covers the baseline, or the
/// first second if there is no baseline; the end value covers the run.
pub const LOAD_OTHER_PROCESSES: &str = "load_other_processes";
/// Number of threads of the program, without the recorder's threads.
pub const THREADS: &str = "threads";
/// Processors online.
pub const CORES: &str = "cores";
/// Processors that this process may use at once, given its affinity and cgroup limits.
pub const USABLE_CORES: &str = "usable_cores";
/// Release of the kernel.
pub const KERNEL: &str = "kernel";
/// SHA-256 of the program's executable file.
pub const BINARY_SHA256: &str = "binary_sha256";

/// Load of other processes, in cores, above which a run or a baseline gets a warning. An
/// idle desktop stays below it; a build, an update or a video call does not.
pub const BUSY_CORES: f64 = 0.5;

/// Load of the program itself, in cores, above which a baseline is rejected as idle power.
pub const OWN_CORES: f64 = 0.2;

/// The value of [`THERMAL_PRESSURE`] that means no throttling.
pub const NOMINAL: &str = "nominal";

/// Values by condition; a condition that could not be read is absent.
pub type Values = BTreeMap<&'static str, String>;

/// The system from which conditions are read.
#[derive(Debug, Clone)]
pub struct System {
    /// Root of the file system: `/` except in tests.
    pub root: PathBuf,
}

impl Default for System {
    fn default() -> Self {
        Self { root: "/".into() }
    }
}

/// One reading of the system.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Conditions by key.
    pub values: Values,
    /// Cumulative throttle counts by file.
    throttles: BTreeMap<PathBuf, u64>,
}

impl System {
    /// Reads the conditions that may change during a run.
    pub fn read(&self) -> Snapshot {
        let mut snapshot = read(&self.root);
        let usable = std::thread::available_parallelism().ok();
        snapshot.set(CORES, Some(cpu_time::processors().to_string()));
        snapshot.set(USABLE_CORES, usable.map(|count| count.to_string()));
        snapshot
    }

    /// Reads the conditions that do not change while a program runs.
    pub fn read_once(&self) -> Values {
        let kernel = host::kernel().map(|release| (KERNEL, release));
        kernel.into_iter().collect()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn read(root: &std::path::Path) -> Snapshot {
    linux::read(root)
}

#[cfg(target_os = "macos")]
fn read(root: &std::path::Path) -> Snapshot {
    Snapshot {
        values: pmset::read(&root.join("usr/bin/pmset")),
        ..Snapshot::default()
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "macos")))]
fn read(_root: &std::path::Path) -> Snapshot {
    Snapshot::default()
}

impl Snapshot {
    fn set(&mut self, key: &'static str, value: Option<String>) {
        if let Some(value) = value {
            self.values.insert(key, value);
        }
    }

    /// Returns the values for the end of a run. A counter that has grown since `start` means
    /// that the machine was throttled in between, even if it no longer is.
    pub fn since(self, start: &Self) -> Values {
        let Self {
            mut values,
            throttles,
        } = self;
        let known = throttles
            .iter()
            .filter_map(|(file, count)| Some((start.throttles.get(file)?, count)));
        let grown: Vec<bool> = known.map(|(before, now)| now > before).collect();
        if grown.contains(&true) {
            values.insert(THERMAL_PRESSURE, "throttled".to_owned());
        } else if !grown.is_empty() {
            values
                .entry(THERMAL_PRESSURE)
                .or_insert_with(|| NOMINAL.to_owned());
        }
        values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(counts: &[(&str, u64)], pressure: Option<&str>) -> Snapshot {
        let mut snapshot = Snapshot::default();
        snapshot.set(THERMAL_PRESSURE, pressure.map(str::to_owned));
        snapshot.throttles = counts
            .iter()
            .map(|&(file, count)| (file.into(), count))
            .collect();
        snapshot
    }

    fn pressure(start: &Snapshot, end: Snapshot) -> Option<String> {
        end.since(start).remove(THERMAL_PRESSURE)
    }

    #[test]
    fn a_counter_that_grew_means_throttling_during_the_run() {
        let start = counted(&[("a", 7), ("b", 3)], None);
        let same = counted(&[("a", 7), ("b", 3)], None);
        assert_eq!(pressure(&start, same).as_deref(), Some("nominal"));
        let grown = counted(&[("a", 7), ("b", 4)], Some("nominal"));
        assert_eq!(pressure(&start, grown).as_deref(), Some("throttled"));
        // Counters of hot-plugged processors are ignored.
        let others = counted(&[("c", 9)], None);
        assert_eq!(pressure(&start, others), None);
        let hot = counted(&[("a", 7)], Some("throttled"));
        assert_eq!(pressure(&start, hot).as_deref(), Some("throttled"));
    }

    #[test]
    fn this_machine_has_cores_and_a_kernel() {
        let values = System::default().read().values;
        let cores: usize = values[CORES].parse().unwrap();
        let usable: usize = values[USABLE_CORES].parse().unwrap();
        assert!(cores >= 1 && usable >= 1);
        assert!(!System::default().read_once()[KERNEL].is_empty());
    }
}
