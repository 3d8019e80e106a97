//! Noise of a rail's residual: its variance and autocorrelation.

use super::busy::KindBusyTime;
use super::model::AlignmentRail;

/// Divisor of the evidence, because the model is only approximately true.
const TEMPERING: f64 = 2.0;
/// Minimum share of the variance that is noise.
const MIN_NOISE: f64 = 1e-4;
const MAX_AUTOCORRELATION: f64 = 0.95;

/// Noise of a rail at an offset.
#[derive(Debug, Clone, Copy)]
pub(super) struct ResidualNoise {
    /// Number of samples that overlap the program.
    pub(super) overlapping: usize,
    variance: f64,
    /// Effective share of independent samples, for the autocorrelation.
    effective_share: f64,
    /// Explained share of the variance near the program.
    pub(super) explained: f64,
}

impl ResidualNoise {
    /// Estimates the noise of a rail at an offset; `program` is the time of spans.
    pub(super) fn estimate(
        rail: &AlignmentRail,
        busy: &KindBusyTime,
        clock_offset_ns: f64,
        program: (i64, i64),
    ) -> Self {
        let powers = rail.explain(busy, clock_offset_ns).powers;
        let residuals = rail.residuals(busy, clock_offset_ns, &powers);
        let squares = |is_chosen: &dyn Fn(&(f64, bool)) -> bool| {
            let chosen: Vec<f64> = residuals
                .iter()
                .filter(|r| is_chosen(r))
                .map(|r| r.0 * r.0)
                .collect();
            let count = chosen.len();
            (chosen.iter().sum::<f64>() / count.max(1) as f64, count)
        };
        let (all, count) = squares(&|_| true);
        let (inside, overlapping) = squares(&|residual| residual.1);
        let least = MIN_NOISE * rail.total / count.max(1) as f64;
        let pairs = residuals.windows(2).map(|pair| pair[0].0 * pair[1].0);
        let autocorrelation = pairs.sum::<f64>() / (all * count as f64).max(f64::MIN_POSITIVE);
        let autocorrelation = autocorrelation.clamp(0.0, MAX_AUTOCORRELATION);
        Self {
            overlapping,
            variance: all.max(inside).max(least),
            effective_share: (1.0 - autocorrelation) / (1.0 + autocorrelation),
            explained: explained_near(rail, clock_offset_ns, program, &residuals),
        }
    }

    /// Returns the log likelihood lost if the residual sum of squares is larger by `more`.
    pub(super) fn penalty(&self, more: f64) -> f64 {
        let m = self.overlapping as f64;
        if m == 0.0 {
            return 0.0;
        }
        0.5 * m * (more.max(0.0) / (m * self.variance)).ln_1p() * self.effective_share / TEMPERING
    }
}

/// Returns the explained share of the variance around the program. Other parts of a long
/// recording are irrelevant.
fn explained_near(
    rail: &AlignmentRail,
    clock_offset_ns: f64,
    program: (i64, i64),
    residuals: &[(f64, bool)],
) -> f64 {
    let (begin, end) = (program.0 as f64, program.1 as f64);
    let margin = (end - begin) / 4.0 + 1e9;
    let near = |time_ns: f64| {
        let time_ns = time_ns - clock_offset_ns;
        time_ns > begin - margin && time_ns < end + margin
    };
    let windows = rail.windows().iter().zip(residuals);
    let near: Vec<_> = windows
        .filter(|(window, _)| near(window.start_ns) && near(window.end_ns))
        .collect();
    let seconds: f64 = near.iter().map(|(window, _)| window.seconds()).sum();
    let energy_j: f64 = near.iter().map(|(window, _)| window.energy_j).sum();
    let mean_w = energy_j / seconds.max(f64::MIN_POSITIVE);
    let varies: f64 = near
        .iter()
        .map(|(window, _)| (window.energy_j / window.seconds() - mean_w).powi(2) * window.seconds())
        .sum();
    let residual: f64 = near.iter().map(|(_, residual)| residual.0.powi(2)).sum();
    let flat = varies <= 1e-12 * mean_w.powi(2) * seconds;
    if flat {
        0.0
    } else {
        (1.0 - residual / varies).max(0.0)
    }
}
