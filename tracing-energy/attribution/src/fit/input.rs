//! Input of a fit: sensors, rails, windows and priors.

use super::timeline::Timeline;

/// One kind of work. Kinds are identified by their index in [`FitSensor::kinds`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindInfo {
    /// The kind whose spans contain most of this kind's self time; `None` for roots.
    pub parent: Option<u32>,
}

/// One window of a rail, on the sensor's clock.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FitWindow {
    /// Start in nanoseconds.
    pub start_ns: i64,
    /// End in nanoseconds.
    pub end_ns: i64,
    /// Measured energy minus that of other processes and of the profiler, in joules.
    pub energy_j: f64,
}

/// The time over which a sample averages.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum FitKernel {
    /// Exactly its window: energy counters.
    #[default]
    Box,
    /// The mean power over the `ns` before the window's end, times the window.
    Trailing {
        /// Length of the mean in nanoseconds.
        ns: i64,
    },
    /// A first-order low-pass filter before the window.
    LowPass {
        /// Time constant in nanoseconds.
        tau_ns: i64,
    },
}

/// Known idle power of a rail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownIdle {
    /// Mean power in watts.
    pub watts: f64,
    /// Standard deviation of that mean in watts.
    pub sd_watts: f64,
}

/// Power of one kind from a calibration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibratedPrior {
    /// Power above idle in watts, when nothing else runs.
    pub watts: f64,
    /// Relative standard deviation of the power (0.12 if unknown).
    pub relative_sd: f64,
}

/// Powers of kinds from earlier runs of the same program: the pool of the last fit of each rail.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PooledPrior {
    /// Its kinds.
    pub kinds: Vec<u32>,
    /// Logarithm of each kind's power in watts.
    pub ln_power: Vec<f64>,
    /// Covariance of `ln_power`, row by row.
    pub covariance: Vec<f64>,
    /// Standard deviation of the change of `ln_power` from run to run (0.03 to 0.08).
    pub drift: f64,
}

/// One rail of a sensor.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RailInput {
    /// Its windows, in any order.
    pub windows: Vec<FitWindow>,
    /// Whether readings were merged into the windows in which the counter changed. Then there
    /// are few windows with many spans each.
    pub is_merged: bool,
    /// Index of its timeline in [`FitSensor::timelines`].
    pub timeline: usize,
    /// The time over which a sample averages.
    pub kernel: FitKernel,
    /// Configured idle power; `None`: estimated from the windows.
    pub idle: Option<KnownIdle>,
    /// Idle power measured before the run. It replaces the estimate where windows without
    /// spans draw much more: they contain work that has no span.
    pub measured_idle: Option<KnownIdle>,
    /// The calibration of each kind, or empty.
    pub priors: Vec<Option<CalibratedPrior>>,
    /// Prior from earlier runs; takes precedence over `priors` for its kinds.
    pub pooled: Option<PooledPrior>,
}

/// Rails whose windows are on the same clock and therefore share one unknown offset.
#[derive(Debug, Clone, Copy)]
pub struct FitSensor<'a> {
    /// Every kind of work.
    pub kinds: &'a [KindInfo],
    /// Timelines, to which rails refer by index.
    pub timelines: &'a [Timeline],
    /// The rails.
    pub rails: &'a [RailInput],
}

/// Estimation method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FitMethod {
    /// Powers come from this run (and earlier ones) only; calibrations are ignored.
    #[default]
    Fitted,
    /// Powers start from a calibration.
    Calibrated,
}

/// Options of a fit. The published accuracy figures were made with the defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitOptions {
    /// Estimation method.
    pub method: FitMethod,
    /// The sensor's clock minus the spans' clock in nanoseconds; `None`: estimated.
    pub fixed_clock_offset_ns: Option<i64>,
    /// Range of the search for the offset: plus or minus this many nanoseconds.
    pub offset_range_ns: i64,
    /// Largest number of windows used in the search for the offset.
    pub offset_windows: usize,
    /// Number of kinds above which those with little time are fitted together per parent.
    pub most_kinds: usize,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            method: FitMethod::Fitted,
            fixed_clock_offset_ns: None,
            offset_range_ns: 40_000_000,
            offset_windows: 2_000,
            most_kinds: 300,
        }
    }
}
