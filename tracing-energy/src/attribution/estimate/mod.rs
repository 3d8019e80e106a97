//! From a watched run to prices: gathers what the fit wants, and turns what it
//! says into accounts of samples.
//!
//! ```text
//! samples - others - profiler --+
//! pieces of time, by kind ------+-> fit -> energy of each kind in each sample
//! idle power, known powers -----+              |
//!                                              v
//!                   prices: idle + kinds + outside + others + profiler + residual
//!                           + unknown
//! ```
//!
//! Rails of one source share a clock, and so one offset. Modelled rails are a
//! function of CPU time: fitting would only find that function again, so they stay
//! proportional, and so does every rail for which the fit has no answer.

mod gather;
mod say;

use crate::power::Kernel;
use crate::power::batches::Batched;
use crate::priors::Prior;
use crate::rows::{BaselineRow, KindFitRow, RailRow, SampleRow};

pub(crate) use gather::scope;

use super::fit::{self, Method, SensorFit, Timeline};
use super::kinds::Kinds;
use super::observe::{Foreign, Scope};
use super::prices::Prices;

/// Version of the estimating methods.
pub(crate) const VERSION: u32 = 2;

/// Share of the variance of power that spans must explain on some rail, for samples to
/// tell how far the clocks are apart.
const RESOLVED_FROM: f64 = 0.2;

/// What was seen of a run.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) rails: Vec<RailRow>,
    /// Merged where readings came in batches.
    pub(crate) samples: Vec<SampleRow>,
    pub(crate) batched: Vec<Batched>,
    pub(crate) baselines: Vec<BaselineRow>,
    pub(crate) foreign: Vec<Foreign>,
    pub(crate) kinds: Kinds,
    /// Whose work was watched.
    pub(crate) scopes: Vec<Scope>,
    /// For each scope, who worked when. Kind `k` stands as `k - 1`; the process
    /// outside its spans comes last.
    pub(crate) timelines: Vec<Timeline>,
    /// Whether CPU times are known.
    pub(crate) cpu_times: bool,
}

/// How to estimate.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Wishes {
    pub(crate) method: Method,
    /// Rails by name; empty is all.
    pub(crate) rails: Vec<String>,
    /// By name of rail.
    pub(crate) kernels: Vec<(String, Kernel)>,
    pub(crate) offset_ns: Option<i64>,
    pub(crate) known: Vec<Prior>,
    /// What earlier runs found, by name of rail.
    pub(crate) pooled: Vec<(String, KindFitRow)>,
    /// To be remembered, in words.
    pub(crate) note: Option<String>,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Estimate {
    pub(crate) prices: Prices,
    pub(crate) fits: Vec<KindFitRow>,
}

/// Estimates the power of kinds on every rail that can be estimated.
pub(crate) fn estimate(watched: &Watched, wishes: &Wishes) -> Estimate {
    let mut found = say::Found::new(watched, wishes);
    for source in gather::sources(watched, wishes) {
        let sensor = gather::Sensor::new(watched, wishes, &source);
        let options = fit::FitOptions {
            method: wishes.method,
            fixed_offset_ns: wishes.offset_ns,
            ..fit::FitOptions::default()
        };
        let mut fitted = sensor.fit(&options);
        if wishes.offset_ns.is_none() && is_unresolved(&fitted) {
            let at_zero = fit::FitOptions {
                fixed_offset_ns: Some(0),
                ..options
            };
            fitted = sensor.fit(&at_zero);
        }
        found.add(&sensor, fitted);
    }
    found.done()
}

/// Whether the samples hardly tell how far the clocks are apart: then they are taken
/// to be together, as for `proportional`, lest the run's edges lose their samples.
fn is_unresolved(fitted: &SensorFit) -> bool {
    let mut rails = fitted.rails.iter().flatten();
    rails.all(|rail| rail.r2.is_none_or(|r2| r2 < RESOLVED_FROM))
}
