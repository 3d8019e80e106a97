//! Result of a fit: energies and powers of kinds with intervals, and warnings.

use std::fmt;

use super::input::PooledPrior;

/// The fit of all rails of one sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorFit {
    /// The sensor's clock minus the spans' clock in nanoseconds.
    pub clock_offset_ns: f64,
    /// Standard deviation of `clock_offset_ns`.
    pub clock_offset_sd_ns: f64,
    /// Fit of each rail in the order of the input, or the reason for its absence.
    pub rails: Vec<Result<RailOutcome, Refusal>>,
}

/// Reason why a rail has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// No window with a positive length and a finite energy.
    NoWindows,
    /// No span ran on this rail's timeline.
    NoSpans,
    /// [`super::RailInput::timeline`] is not a valid index.
    NoSuchTimeline,
    /// A timeline, a parent or a prior refers to an unlisted kind.
    UnknownKind,
    /// The lists of a prior have different lengths or invalid numbers.
    BadPrior,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoWindows => {
                "the rail has no usable sample; let the run last several sampling intervals"
            }
            Self::NoSpans => {
                "no span ran while this rail was sampled; check which spans are marked for its device"
            }
            Self::NoSuchTimeline => "the rail refers to a timeline that does not exist",
            Self::UnknownKind => "a timeline or a prior refers to an unlisted kind; list every kind first",
            Self::BadPrior => "the prior of the rail is invalid; calibrate again, or fit without it",
        })
    }
}

/// Source of the energy of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FitBasis {
    /// The samples separate this kind from the others.
    Measured,
    /// The samples give the energy of the group; the split within it is an assumption.
    Grouped,
    /// Mostly from a calibration.
    Calibrated,
    /// Mostly from earlier runs.
    Pooled,
    /// In proportion to time.
    Assumed,
}

/// One rail's fit.
#[derive(Debug, Clone, PartialEq)]
pub struct RailOutcome {
    /// One entry for each window of the input, in its order.
    pub windows: Vec<WindowFit>,
    /// One entry for each kind of the sensor.
    pub kinds: Vec<KindFit>,
    /// Groups of kinds, including groups of a single kind.
    pub groups: Vec<GroupFit>,
    /// Exponent of concurrency: n spans at once use `n^alpha` times one span's power.
    pub alpha: f64,
    /// Weight of the fit; the remainder is proportional (or calibrated proportional).
    pub weight: f64,
    /// Gain in prediction over the fall-back, in standard errors.
    pub t: Option<f64>,
    /// Gain in prediction over the fall-back, as a share of its squared error.
    pub gain: Option<f64>,
    /// Spread of the kinds' log powers in the prior that was chosen.
    pub tau: f64,
    /// Size of the noise relative to the expected one.
    pub sigma: f64,
    /// Remaining degrees of freedom.
    pub df: f64,
    /// Share of the variance of power that the model explains.
    pub r2: Option<f64>,
    /// Ratio of the best to the worst determined combination of kinds (standard deviations).
    pub condition: f64,
    /// Idle power in watts.
    pub idle_w: f64,
    /// Prior for the next run of the same program: the fit before weighting.
    pub pool: Option<PooledPrior>,
    /// Warnings, with what to do about them.
    pub warnings: Vec<FitWarning>,
}

/// One window's share of the fit. The energy of kind k in it is
/// `x_k * (fit_factor * kinds[k].fit_w + flat_factor * kinds[k].flat_w)`, where
/// `x_k` is its weighted time there: see [`RailOutcome::price_w`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WindowFit {
    /// Scales the fitted powers.
    pub fit_factor: f64,
    /// Scales the powers of the fall-back.
    pub flat_factor: f64,
    /// Idle energy in joules.
    pub idle_j: f64,
    /// Energy outside idle and spans, in joules; may be negative.
    pub other_accounts_j: f64,
    /// Energy of spans in joules.
    pub spans_j: f64,
    /// False for duplicates and for windows without length or energy: all of it is zero.
    pub used: bool,
}

/// One kind's energy on one rail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KindFit {
    /// Energy above idle in joules, `extrapolated_j` included.
    pub energy_j: f64,
    /// Lower end of the 90 % interval of `energy_j`.
    pub lo_j: f64,
    /// Upper end of the 90 % interval of `energy_j`.
    pub hi_j: f64,
    /// The part of `energy_j` outside all windows, which is in no window's balance.
    pub extrapolated_j: f64,
    /// Power in watts of one span that runs alone; `None` if the kind never ran.
    pub power_w: Option<f64>,
    /// The fitted power in watts that window factors scale.
    pub fit_w: f64,
    /// The fall-back's power in watts (1 where it is proportional).
    pub flat_w: f64,
    /// Share of the prior's variance that the samples removed, from 0 (none) to 1 (all).
    pub resolution: f64,
    /// Index in [`RailOutcome::groups`]; `None` if the kind never ran.
    pub group: Option<u32>,
    /// Source of the energy.
    pub basis: FitBasis,
}

/// Kinds for which the samples determine the total, but not the split.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupFit {
    /// Its kinds.
    pub kinds: Vec<u32>,
    /// Energy in joules.
    pub energy_j: f64,
    /// Lower end of the 90 % interval.
    pub lo_j: f64,
    /// Upper end of the 90 % interval.
    pub hi_j: f64,
}

/// A warning about a result.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum FitWarning {
    /// Shares are (mostly) proportional, because the samples do not separate kinds.
    KindsNotSeparated {
        /// Number of samples.
        samples: usize,
        /// Number of kinds.
        kinds: usize,
    },
    /// Too few samples for any fit.
    FewSamples {
        /// Number of samples.
        samples: usize,
        /// Number of kinds.
        kinds: usize,
    },
    /// Idle power is a guess: no sample was free of spans, and no idle power was given.
    IdleNotMeasured,
    /// Samples are means over more than their own interval.
    OverlappingMeans {
        /// Length of the mean in nanoseconds.
        ns: i64,
        /// Median sampling interval in nanoseconds.
        interval_ns: i64,
    },
    /// Windows overlap each other in time.
    OverlappingWindows {
        /// Number of such windows.
        windows: usize,
    },
    /// Duplicate windows and windows without length or energy were left out.
    WindowsLeftOut {
        /// Number of such windows.
        windows: usize,
    },
    /// Alpha ended at the edge of its range: the model fits badly.
    AlphaAtEdge {
        /// Value at which it ended.
        alpha: f64,
    },
    /// The offset ended at the edge of its range.
    OffsetAtEdge {
        /// Value at which it ended, in nanoseconds.
        clock_offset_ns: i64,
    },
    /// The offset differs between parts of the run.
    OffsetChanges {
        /// The smallest, in nanoseconds.
        from_ns: i64,
        /// The largest, in nanoseconds.
        to_ns: i64,
    },
    /// Part of the spans' time is in no window.
    Extrapolated {
        /// Share of the energy in this part.
        share: f64,
    },
    /// Kinds with little time were fitted together.
    KindsPooled {
        /// Number of these kinds.
        kinds: usize,
    },
    /// The energies of some kinds are known as a sum only.
    KindsGrouped {
        /// Number of kinds in groups of two or more.
        kinds: usize,
        /// The number of such groups.
        groups: usize,
        /// Median sampling interval in nanoseconds.
        interval_ns: i64,
    },
    /// The fit failed numerically; proportional shares are shown.
    NoSolution,
}

impl fmt::Display for FitWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |ns: i64| ns as f64 / 1e6;
        match *self {
            Self::KindsNotSeparated { samples, kinds } => write!(
                f,
                "the {samples} samples do not separate the {kinds} kinds: proportional shares are shown; \
                 sample more often, run longer, pool runs or calibrate"
            ),
            Self::FewSamples { samples, kinds } => write!(
                f,
                "{samples} samples for {kinds} kinds: proportional shares are shown; run longer or sample more often"
            ),
            Self::IdleNotMeasured => {
                f.write_str("idle was not measured: record 0.5 s before the first span")
            }
            Self::OverlappingMeans { ns, interval_ns } => write!(
                f,
                "each sample is a mean over {:.0} ms, but there is one every {:.0} ms: proportional shares are shown; \
                 use an energy counter, or sample every {:.0} ms",
                ms(ns),
                ms(interval_ns),
                ms(ns)
            ),
            Self::OverlappingWindows { windows } => write!(
                f,
                "{windows} samples overlap others in time: check that only one source reads the rail"
            ),
            Self::WindowsLeftOut { windows } => {
                write!(
                    f,
                    "{windows} samples were duplicate, empty or not a number, and were left out"
                )
            }
            Self::AlphaAtEdge { alpha } => write!(
                f,
                "energy seems to grow with concurrency to the power of {alpha:.2}, the edge of the searched range: \
                 energies of concurrent kinds may be confused"
            ),
            Self::OffsetAtEdge { clock_offset_ns } => write!(
                f,
                "the sensor's clock seems to be off by {:.1} ms, the edge of the searched range: \
                 set the offset, or use a source with start and end times",
                ms(clock_offset_ns)
            ),
            Self::OffsetChanges { from_ns, to_ns } => write!(
                f,
                "the sensor's clock is off by {:.1} ms in one part of the run and by {:.1} ms in another: \
                 a clock was set or changed its rate; intervals are wider for it, and energies near that time \
                 may belong to other spans: record with one monotonic clock",
                ms(from_ns),
                ms(to_ns)
            ),
            Self::Extrapolated { share } => write!(
                f,
                "{:.0} % of the energy is extrapolated to time without samples",
                share * 100.0
            ),
            Self::KindsPooled { kinds } => write!(
                f,
                "{kinds} kinds with little time were fitted together with their siblings"
            ),
            Self::KindsGrouped {
                kinds,
                groups,
                interval_ns,
            } => write!(
                f,
                "{kinds} kinds are known in {groups} groups only, because they ran in nearly the same proportion in every \
                 {:.0} ms sample: the split within a group is assumed; sample more often, run longer or calibrate",
                ms(interval_ns)
            ),
            Self::NoSolution => {
                f.write_str("the samples could not be fitted: proportional shares are shown")
            }
        }
    }
}

impl RailOutcome {
    /// Returns the energy per second of weighted time (in watts) of `kind` in the window with
    /// this index; 0 for a window or a kind that does not exist.
    ///
    /// The weighted time of a piece is its length times its weight times
    /// `concurrency^(alpha - 1)`. The energies in a window, `idle_j` and `other_accounts_j` sum
    /// to the measured energy.
    pub fn price_w(&self, window: usize, kind: u32) -> f64 {
        match (self.windows.get(window), self.kinds.get(kind as usize)) {
            (Some(w), Some(k)) => w.fit_factor * k.fit_w + w.flat_factor * k.flat_w,
            _ => 0.0,
        }
    }
}
