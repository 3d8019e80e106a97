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
//! | [`TDP_W`] | watts of all packages | `powercap` | |
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
mod keys;
mod load;
mod observer;
mod run;
mod snapshot;
mod system;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(any(target_os = "macos", all(test, unix)))]
mod pmset;

pub use change::{ConditionWarning, busy_baseline, own_work_in_baseline};
pub use keys::{
    BATTERY_PERCENT, BINARY_SHA256, BUSY_CORES, CORES, ENERGY_PREFERENCE, GOVERNOR, KERNEL,
    LOAD_OTHER_PROCESSES, LOW_POWER_MODE, NOMINAL, OWN_CORES, POWER, TDP_W, THERMAL_PRESSURE,
    THREADS, THROTTLED_SAMPLES, USABLE_CORES,
};
pub use load::{CpuUsage, LEAST_NS};
pub use run::RunConditions;
pub use snapshot::{ConditionValues, Snapshot};
pub use system::System;
