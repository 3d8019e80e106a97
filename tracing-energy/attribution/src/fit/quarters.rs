//! Checks whether the sensor's clock has the same offset in all quarters of a run.
//!
//! A clock that is set during a run, or a machine that sleeps, shifts a part of the samples.
//! The powers from the whole run predict each quarter's energy at many offsets. The prediction
//! is scaled, because powers that were fitted across such a step differ too little:
//!
//! ```text
//! energy = a * length + b * predicted(offset) + noise     a, b of this quarter
//! ```
//!
//! Distant offsets are tried only for quarters with poor predictions at near ones.

use super::design::Moving;
use super::offset::SensorOffset;
use super::rail::{Fitted, Rail, powers};
use super::timeline::weights;
use crate::stats::two_columns;

const QUARTERS: usize = 4;
/// Largest and least number of samples of a rail in a quarter.
const MOST_SAMPLES: usize = 300;
const LEAST_SAMPLES: usize = 12;
/// Range of near offsets, and of distant ones, around the one of the whole run.
const NEAR_NS: f64 = 40e6;
const FAR_NS: f64 = 1.5e9;
/// Number of near offsets on each side.
const NEAR_STEPS: i32 = 20;
/// Distant offsets are tried for a quarter that is explained by less than this share of the
/// best one.
const POOR: f64 = 0.7;
/// A quarter that is explained less than this is ignored.
const LEAST_EXPLAINED: f64 = 0.3;
/// Weight of a sample, below 1 because residuals are correlated and the model is inexact.
const COUNTS: f64 = 0.25;
/// Offsets are different if they differ by more than this number of standard deviations,
const DEVIATIONS: f64 = 3.0;
/// and than this share of a sample.
const SHARE: f64 = 0.2;
/// Least standard deviation of an offset, as a share of a sample.
const LEAST_SD: f64 = 0.01;

/// Returns the smallest and the largest offset of quarters, in nanoseconds, if they differ
/// significantly.
pub(super) fn changed<'a>(
    rails: &[&'a Rail<'a>],
    fitted: &[Option<(&Fitted, f64)>],
    offset: SensorOffset,
) -> Option<(f64, f64)> {
    let interval_ns = rails.first()?.windows.interval_ns() as f64;
    let known = rails.iter().zip(fitted).filter_map(|(rail, fit)| {
        let (fit, alpha) = (*fit)?;
        let powers = powers(rail.view(offset.ns, alpha).level_w, &fit.solution.u);
        Some((*rail, powers.as_slice().to_vec(), alpha))
    });
    let known: Vec<KnownRail<'a>> = known.collect();
    let quarters = (0..QUARTERS).map(|part| Quarter::new(&known, offset, part));
    let mut quarters: Vec<Quarter<'_>> = quarters.collect();
    for quarter in &mut quarters {
        quarter.scan(offset.ns, NEAR_NS, NEAR_NS / f64::from(NEAR_STEPS));
    }
    let explained = |quarter: &Quarter<'_>| quarter.best().map_or(0.0, |point| point.explained);
    let most = quarters.iter().map(explained).fold(0.0, f64::max);
    let mut found: Vec<(f64, f64)> = Vec::new();
    for quarter in &mut quarters {
        if explained(quarter) < POOR * most {
            let step_ns = interval_ns / 4.0;
            quarter.scan(offset.ns, FAR_NS, step_ns);
            if let Some(best) = quarter.best() {
                quarter.scan(best.clock_offset_ns, step_ns, step_ns / 8.0);
            }
        }
        found.extend(quarter.moments(LEAST_SD * interval_ns));
    }
    let by_offset = |a: &&(f64, f64), b: &&(f64, f64)| a.0.total_cmp(&b.0);
    let (low, high) = (
        found.iter().min_by(by_offset)?,
        found.iter().max_by(by_offset)?,
    );
    let apart = high.0 - low.0;
    let differ = apart > DEVIATIONS * low.1.hypot(high.1) && apart > SHARE * interval_ns;
    differ.then_some((low.0, high.0))
}

/// A rail, the power of each column and alpha.
type KnownRail<'a> = (&'a Rail<'a>, Vec<f64>, f64);

/// Result of a quarter at one offset.
#[derive(Debug, Clone, Copy)]
struct OffsetPoint {
    clock_offset_ns: f64,
    /// Logarithm of its likelihood.
    support: f64,
    /// Explained share of the variance of power, of the rail with the largest one.
    explained: f64,
}

/// One quarter of the run.
struct Quarter<'a> {
    rails: Vec<Predicted<'a>>,
    points: Vec<OffsetPoint>,
}

/// Samples of a rail in a quarter with their prediction.
struct Predicted<'a> {
    moving: Moving<'a>,
    powers: Vec<f64>,
    seconds: Vec<f64>,
    energy_j: Vec<f64>,
}

impl<'a> Quarter<'a> {
    fn new(known: &[KnownRail<'a>], offset: SensorOffset, part: usize) -> Self {
        let rails = known
            .iter()
            .filter_map(|one| Predicted::new(one, offset, part));
        Self {
            rails: rails.collect(),
            points: Vec::new(),
        }
    }

    /// Tries offsets up to `reach_ns` on both sides of `centre_ns`.
    fn scan(&mut self, centre_ns: f64, reach_ns: f64, step_ns: f64) {
        let steps = (reach_ns / step_ns) as i32;
        for step in -steps..=steps {
            let clock_offset_ns = centre_ns + step_ns * f64::from(step);
            let explained = self
                .rails
                .iter_mut()
                .map(|rail| (rail.explained(clock_offset_ns), rail.len()));
            let explained: Vec<(f64, usize)> = explained.collect();
            let support = explained.iter().map(|(share, samples)| {
                -0.5 * COUNTS * *samples as f64 * (1.0 - share).max(1e-6).ln()
            });
            self.points.push(OffsetPoint {
                clock_offset_ns,
                support: support.sum(),
                explained: explained.iter().map(|one| one.0).fold(0.0, f64::max),
            });
        }
    }

    fn best(&self) -> Option<OffsetPoint> {
        let points = self.points.iter().copied();
        points.max_by(|a, b| a.support.total_cmp(&b.support))
    }

    /// Mean and standard deviation of the offset, if the samples determine one.
    fn moments(&self, least_sd_ns: f64) -> Option<(f64, f64)> {
        let best = self
            .best()
            .filter(|best| best.explained >= LEAST_EXPLAINED)?;
        let weight = |point: &OffsetPoint| (point.support - best.support).exp();
        let all: f64 = self.points.iter().map(weight).sum();
        let squares = self.points.iter();
        let squares = squares
            .map(|point| weight(point) * (point.clock_offset_ns - best.clock_offset_ns).powi(2));
        let sd_ns = (squares.sum::<f64>() / all).sqrt();
        Some((best.clock_offset_ns, sd_ns.max(least_sd_ns)))
    }
}

impl<'a> Predicted<'a> {
    fn new(
        (rail, powers, alpha): &KnownRail<'a>,
        offset: SensorOffset,
        part: usize,
    ) -> Option<Self> {
        let windows = &rail.windows;
        let (from, to) = (
            windows.len() * part / QUARTERS,
            windows.len() * (part + 1) / QUARTERS,
        );
        let left_out = (to - from).saturating_sub(MOST_SAMPLES);
        let picked: Vec<usize> = (from + left_out / 2..to - left_out.div_ceil(2)).collect();
        if picked.len() < LEAST_SAMPLES {
            return None;
        }
        let pick = |of: &[f64]| picked.iter().map(|&at| of[at]).collect();
        Some(Self {
            moving: Moving::new(rail.source(), windows, &picked, offset.ns, weights(*alpha)),
            powers: powers.clone(),
            seconds: pick(&windows.seconds),
            energy_j: pick(&windows.energy_j),
        })
    }

    fn len(&self) -> usize {
        self.seconds.len()
    }

    /// Returns the share of the variance that is explained at an offset.
    fn explained(&mut self, clock_offset_ns: f64) -> f64 {
        self.moving.shift_to(clock_offset_ns);
        let predicted = |at: usize| -> f64 {
            let row = self.moving.row(at).iter().zip(&self.powers);
            row.map(|(seconds, watts)| seconds * watts).sum()
        };
        let rows: Vec<(f64, f64, f64)> = (0..self.len())
            .map(|at| (self.seconds[at], predicted(at), self.energy_j[at]))
            .collect();
        let (idle_w, scale) = two_columns(rows.iter().copied());
        let mean_w = self.energy_j.iter().sum::<f64>() / self.seconds.iter().sum::<f64>();
        let squares = |model: &dyn Fn(&(f64, f64, f64)) -> f64| -> f64 {
            rows.iter().map(|row| (row.2 - model(row)).powi(2)).sum()
        };
        let all = squares(&|row| mean_w * row.0);
        // Work with less than idle power explains nothing.
        let unexplained = squares(&|row| idle_w * row.0 + scale * row.1);
        match scale > 0.0 && all > 0.0 {
            true => (1.0 - unexplained / all).clamp(0.0, 1.0),
            false => 0.0,
        }
    }
}
