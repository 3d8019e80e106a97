//! Knee of a curve: the point from which on more of x costs much more y, or gains little.
//!
//! ```text
//! ln y
//!   |                 o   the chord joins the first and the last point
//!   |            . '      the knee is the point farthest below it
//!   |       . '    o
//!   |  o '  o   (o) knee
//!   +------------------ ln x
//! ```
//!
//! Distances to a chord are proportional to the vertical ones, so the knee does not depend on the
//! units of x and y. On a straight line noise alone puts some point below the chord: a knee is
//! distinct if it is below the chord in nearly all resamples, with an error rate of 5 % shared by
//! all inner points.

use serde::Serialize;

use crate::estimate::IntervalEstimate;
use crate::moments::quantile;
use crate::not_estimable::NotEstimable;
use crate::resampling::{PairedMeans, RunPair};

/// Fewest points with a knee.
pub const MIN_POINTS: usize = 5;
/// Error rate of a distinct knee, over all inner points together.
const ERROR_RATE: f64 = 0.05;
/// Smallest difference of the logarithms of x that counts as a variation.
const MIN_SPREAD_LN: f64 = 1e-9;

/// The knee of a curve.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Knee {
    /// Index of the point in the input.
    pub at: usize,
    /// Its x, with the interval from the resamples; unbounded if too few runs were repeated.
    pub x: IntervalEstimate,
    /// Geometric mean of its y.
    pub y: f64,
    /// Factor by which y is below the chord: 0.5 is half.
    pub below_chord: f64,
    /// Share of resamples in which each point is the knee, in the order of the input; `None` if
    /// too few runs were repeated to know the noise.
    pub shares: Option<Vec<f64>>,
    /// Whether the knee is below the chord with certainty; `None` if the noise is unknown.
    pub is_distinct: Option<bool>,
}

/// Finds the knee of the curve through configurations, each with the pairs (x, y) of its runs.
/// Returns `None` if no point is below the chord.
///
/// # Errors
///
/// Fewer than five configurations, equal x, or a value that is not positive.
pub fn knee(configurations: &[Vec<RunPair>]) -> Result<Option<Knee>, NotEstimable> {
    NotEstimable::at_least(MIN_POINTS, configurations.len(), "configurations")?;
    let paired = PairedMeans::of(configurations)?;
    let lowest = paired
        .means
        .iter()
        .map(|mean| mean[0])
        .fold(f64::MAX, f64::min);
    let highest = paired
        .means
        .iter()
        .map(|mean| mean[0])
        .fold(f64::MIN, f64::max);
    if highest - lowest < MIN_SPREAD_LN {
        return Err(NotEstimable::NoVariance { of: "x".to_owned() });
    }
    let Some((at, distance)) = farthest(&paired.means) else {
        return Ok(None);
    };
    let mut knee = Knee {
        at,
        x: IntervalEstimate {
            value: paired.means[at][0].exp(),
            lo: None,
            hi: None,
            confidence: 1.0 - ERROR_RATE,
        },
        y: paired.means[at][1].exp(),
        below_chord: (-distance).exp(),
        shares: None,
        is_distinct: None,
    };
    if let Some(resamples) = paired.resamples() {
        knee.add_spread(&paired.means, &resamples);
    }
    Ok(Some(knee))
}

impl Knee {
    fn add_spread(&mut self, means: &[[f64; 2]], resamples: &[Vec<[f64; 2]>]) {
        let mut counts = vec![0.0; means.len()];
        let (mut places, mut below) = (Vec::new(), 0.0);
        for resample in resamples {
            if let Some((at, _)) = farthest(resample) {
                counts[at] += 1.0;
                places.push(means[at][0].exp());
            }
            below += f64::from(u8::from(distances(resample)[self.at] > 0.0));
        }
        let replicates = resamples.len() as f64;
        let inner = (means.len() - 2) as f64;
        self.x.lo = quantile(&places, ERROR_RATE / 2.0);
        self.x.hi = quantile(&places, 1.0 - ERROR_RATE / 2.0);
        self.shares = Some(counts.iter().map(|count| count / replicates).collect());
        self.is_distinct = Some(below / replicates >= 1.0 - ERROR_RATE / inner);
    }
}

/// Returns the point farthest below the chord and its distance.
fn farthest(means: &[[f64; 2]]) -> Option<(usize, f64)> {
    let candidates = distances(means).into_iter().enumerate();
    let farthest = candidates.max_by(|a, b| a.1.total_cmp(&b.1))?;
    (farthest.1 > 0.0).then_some(farthest)
}

/// Returns the vertical distance of each point below the chord.
fn distances(means: &[[f64; 2]]) -> Vec<f64> {
    let by_x = |a: &&[f64; 2], b: &&[f64; 2]| a[0].total_cmp(&b[0]);
    let ends = (means.iter().min_by(by_x), means.iter().max_by(by_x));
    let (Some(first), Some(last)) = ends else {
        return Vec::new();
    };
    let slope = (last[1] - first[1]) / (last[0] - first[0]);
    let chord = |x: f64| first[1] + slope * (x - first[0]);
    let below = |mean: &[f64; 2]| match mean == first || mean == last {
        true => 0.0,
        false => chord(mean[0]) - mean[1],
    };
    means.iter().map(below).collect()
}
