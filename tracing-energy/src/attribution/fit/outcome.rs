//! What a fit says: energies and powers of kinds, how sure they are, and what to doubt.

use std::fmt;

use super::input::PooledPrior;

/// The fit of all rails of one sensor.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorFit {
    /// The sensor's clock minus the spans' clock in nanoseconds.
    pub offset_ns: f64,
    /// Standard deviation of `offset_ns`.
    pub offset_sd_ns: f64,
    /// Each rail in the order of the input, or why it has no fit.
    pub rails: Vec<Result<RailFit, Refusal>>,
}

/// Why a rail has no result at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// No window with a positive length and a finite energy.
    NoWindows,
    /// No span ran on this rail's timeline.
    NoSpans,
    /// [`super::RailInput::timeline`] names none.
    NoSuchTimeline,
    /// A timeline, a parent or a prior names a kind that is not listed.
    UnknownKind,
    /// The lists of a prior have different lengths, or hold numbers that make no sense.
    BadPrior,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoWindows => {
                "the rail has no usable sample; let the run last several sampling intervals"
            }
            Self::NoSpans => {
                "no span ran while this rail was sampled; check which spans are marked for it"
            }
            Self::NoSuchTimeline => "the rail names a timeline that does not exist",
            Self::UnknownKind => "a kind is named that is not listed; list every kind first",
            Self::BadPrior => "the prior of a rail is damaged; calibrate again, or fit without it",
        })
    }
}

/// How the energy of a kind was come by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Basis {
    /// The samples tell this kind from the others.
    Measured,
    /// The samples tell the group; the split within it is an assumption.
    Grouped,
    /// Mostly a calibration.
    Calibrated,
    /// Mostly earlier runs.
    Pooled,
    /// In proportion to time.
    Assumed,
}

/// One rail's fit.
#[derive(Debug, Clone, PartialEq)]
pub struct RailFit {
    /// One entry for each window of the input, in its order.
    pub windows: Vec<WindowFit>,
    /// One entry for each kind of the sensor.
    pub kinds: Vec<KindFit>,
    /// Kinds that were reported together, and kinds that stand alone.
    pub groups: Vec<GroupFit>,
    /// How energy grows with concurrency: n spans at once use `n^alpha` times one span's power.
    pub alpha: f64,
    /// Weight of the fit; the rest is proportional (or calibrated proportional).
    pub weight: f64,
    /// How much better the fit predicts than its fall-back, in standard errors.
    pub t: Option<f64>,
    /// How much better the fit predicts than its fall-back, as a share.
    pub gain: Option<f64>,
    /// Spread of the kinds' log powers in the prior that was chosen.
    pub tau: f64,
    /// Size of the noise relative to what was expected.
    pub sigma: f64,
    /// Degrees of freedom that were left.
    pub df: f64,
    /// Share of the variance of power that the model explains.
    pub r2: Option<f64>,
    /// Ratio of the best to the worst determined combination of kinds (standard deviations).
    pub condition: f64,
    /// Idle power in watts.
    pub idle_w: f64,
    /// What to store for the next run of the same program: the fit before any weight.
    pub pool: Option<PooledPrior>,
    /// Doubts, with what to do about them.
    pub warnings: Vec<Warning>,
}

/// One window's share of the fit. The energy of kind k in it is
/// `x_k * (fit_factor * kinds[k].fit_w + flat_factor * kinds[k].flat_w)`, where
/// `x_k` is its weighted time there: see [`RailFit::price_w`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WindowFit {
    /// Scales the fitted powers.
    pub fit_factor: f64,
    /// Scales the powers of the fall-back.
    pub flat_factor: f64,
    /// Idle energy in joules.
    pub idle_j: f64,
    /// What neither idle nor spans account for, in joules; may be negative.
    pub unattributed_j: f64,
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
    /// The part of `energy_j` outside all windows; it belongs to no window's identity.
    pub extrapolated_j: f64,
    /// Power in watts of one span that runs alone; `None` if the kind never ran.
    pub power_w: Option<f64>,
    /// The fitted power in watts that window factors scale.
    pub fit_w: f64,
    /// The fall-back's power in watts (1 where it is proportional).
    pub flat_w: f64,
    /// Share of the prior's variance that the samples removed: 0 nothing learnt, 1 all.
    pub resolution: f64,
    /// Place in [`RailFit::groups`]; `None` if the kind never ran.
    pub group: Option<u32>,
    /// How the energy was come by.
    pub basis: Basis,
}

/// Kinds whose total the samples tell, but not the split.
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

/// A doubt about a result.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// Shares are (mostly) proportional: the samples do not tell kinds apart.
    NotTold {
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
    /// No sample was free of spans, and none was given: idle is a guess.
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
        /// How many do.
        windows: usize,
    },
    /// Windows that occurred twice, or without length or energy, were left out.
    WindowsLeftOut {
        /// How many were.
        windows: usize,
    },
    /// Alpha ended at the edge of its range: the model fits badly.
    AlphaAtEdge {
        /// Where it ended.
        alpha: f64,
    },
    /// The offset ended at the edge of its range.
    OffsetAtEdge {
        /// Where it ended in nanoseconds.
        offset_ns: i64,
    },
    /// The offset is another one in another part of the run.
    OffsetChanges {
        /// The smallest, in nanoseconds.
        from_ns: i64,
        /// The largest, in nanoseconds.
        to_ns: i64,
    },
    /// Part of the spans' time is in no window.
    Extrapolated {
        /// The share of the energy that this part has.
        share: f64,
    },
    /// Kinds with little time were fitted together.
    KindsPooled {
        /// How many.
        kinds: usize,
    },
    /// Some kinds are only known together.
    KindsGrouped {
        /// How many kinds are in groups of two or more.
        kinds: usize,
        /// The number of such groups.
        groups: usize,
        /// Median sampling interval in nanoseconds.
        interval_ns: i64,
    },
    /// The arithmetic failed; proportional shares are shown.
    NoSolution,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |ns: i64| ns as f64 / 1e6;
        match *self {
            Self::NotTold { samples, kinds } => write!(
                f,
                "the {samples} samples do not tell the {kinds} kinds apart: proportional shares are shown; \
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
                "{windows} samples overlap others in time: check that the rail is read by one source"
            ),
            Self::WindowsLeftOut { windows } => {
                write!(
                    f,
                    "{windows} samples were double, empty or not a number, and left out"
                )
            }
            Self::AlphaAtEdge { alpha } => write!(
                f,
                "energy seems to grow with concurrency to the power of {alpha:.2}, the edge of what is looked at: \
                 kinds that run at once may be mixed up"
            ),
            Self::OffsetAtEdge { offset_ns } => write!(
                f,
                "the sensor's clock seems to be off by {:.1} ms, the edge of what is looked at: \
                 give the offset, or use a source with start and end times",
                ms(offset_ns)
            ),
            Self::OffsetChanges { from_ns, to_ns } => write!(
                f,
                "the sensor's clock is off by {:.1} ms in one part of the run and by {:.1} ms in another: \
                 a clock was set, or ran at another speed; intervals are wider for it, and energies near \
                 that time are of other spans: record with one monotonic clock",
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
                "{kinds} kinds are known in {groups} groups only, for they ran in nearly the same proportion in every \
                 {:.0} ms sample: the split within a group is assumed; sample more often, run longer or calibrate",
                ms(interval_ns)
            ),
            Self::NoSolution => {
                f.write_str("the samples could not be fitted: proportional shares are shown")
            }
        }
    }
}

impl RailFit {
    /// Watts per second of weighted time of `kind` in the window with this index;
    /// 0 for a window or a kind that does not exist.
    ///
    /// The weighted time of a piece is its length times its weight times
    /// `concurrency^(alpha - 1)`. Energies in a window add up with `idle_j` and
    /// `unattributed_j` to what was measured.
    pub fn price_w(&self, window: usize, kind: u32) -> f64 {
        match (self.windows.get(window), self.kinds.get(kind as usize)) {
            (Some(w), Some(k)) => w.fit_factor * k.fit_w + w.flat_factor * k.flat_w,
            _ => 0.0,
        }
    }
}
