//! Names of conditions, and limits of their values.

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

/// Thermal design power of all processor packages, in watts.
pub const TDP_W: &str = "tdp_w";

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
