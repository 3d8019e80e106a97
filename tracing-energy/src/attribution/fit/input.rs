//! What a fit is made from: sensors, rails, windows and what is known beforehand.

use super::timeline::Timeline;

/// One kind of work. Kinds are numbered by their place in [`Sensor::kinds`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KindInfo {
    /// The kind whose spans most of this kind's self time stands in; `None` for roots.
    pub parent: Option<u32>,
}

/// One window of a rail, on the sensor's clock.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FitWindow {
    /// Begin in nanoseconds.
    pub start_ns: i64,
    /// End in nanoseconds.
    pub end_ns: i64,
    /// What was measured, less what other processes and the profiler used, in joules.
    pub energy_j: f64,
}

/// What stretch of time a sample tells of.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Kernel {
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

/// The power of a rail when nothing runs, known from a measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownIdle {
    /// Mean power in watts.
    pub watts: f64,
    /// Standard deviation of that mean in watts.
    pub sd_watts: f64,
}

/// What a calibration says of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibratedPrior {
    /// Power above idle in watts, when nothing else runs.
    pub watts: f64,
    /// How far the power may be from it, as a share (0.12 where unknown).
    pub relative_sd: f64,
}

/// What earlier runs of the same program say of kinds: [`super::RailFit::pool`] of the last one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PooledPrior {
    /// The kinds it knows.
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
    /// Readings were merged to the windows in which the counter moved: there are few windows
    /// of many spans each.
    pub is_merged: bool,
    /// Which of [`Sensor::timelines`] this rail feeds.
    pub timeline: usize,
    /// What a sample tells of.
    pub kernel: Kernel,
    /// Idle power where it was configured; else it is found among the windows.
    pub idle: Option<KnownIdle>,
    /// Idle power as it was measured before the run. Windows without spans that draw much
    /// more are work that has no span.
    pub measured_idle: Option<KnownIdle>,
    /// A calibration for each kind, or empty.
    pub priors: Vec<Option<CalibratedPrior>>,
    /// Earlier runs; takes precedence over `priors` for the kinds it knows.
    pub pooled: Option<PooledPrior>,
}

/// Rails whose windows are on one clock, and thus share one unknown offset.
#[derive(Debug, Clone, Copy)]
pub struct Sensor<'a> {
    /// Every kind of work.
    pub kinds: &'a [KindInfo],
    /// Who worked when; rails refer to them by their place.
    pub timelines: &'a [Timeline],
    /// The rails.
    pub rails: &'a [RailInput],
}

/// Which method to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Method {
    /// Powers come from this run (and earlier ones) alone: calibrations are left aside.
    #[default]
    Fitted,
    /// Powers start from a calibration.
    Calibrated,
}

/// How to fit. The defaults are what the accuracy figures were made with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitOptions {
    /// Which method to use.
    pub method: Method,
    /// The sensor's clock minus the spans' clock in nanoseconds, where it is known.
    pub fixed_offset_ns: Option<i64>,
    /// The offset is looked for within plus or minus this many nanoseconds.
    pub offset_range_ns: i64,
    /// The offset is looked for in at most this many windows.
    pub offset_windows: usize,
    /// Above this many kinds, those with little time are fitted together per parent.
    pub most_kinds: usize,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            method: Method::Fitted,
            fixed_offset_ns: None,
            offset_range_ns: 40_000_000,
            offset_windows: 2_000,
            most_kinds: 300,
        }
    }
}
