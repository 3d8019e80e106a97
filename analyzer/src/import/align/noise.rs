//! What spans leave unexplained on a rail, as noise: how large it is and how long it
//! remembers.

use super::busy::Busy;
use super::model::Rail;

/// The model is never quite true.
const TEMPER: f64 = 2.0;
/// Noise is at least this share of the variance.
const LEAST_NOISE: f64 = 1e-4;
const MOST_MEMORY: f64 = 0.95;

/// Noise of a rail at the best offset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noise {
    /// Samples beside the program.
    pub(super) beside: usize,
    variance: f64,
    /// How much less than independent samples they count.
    counts: f64,
    /// Share of the variance near the program that is explained.
    pub(super) explained: f64,
}

impl Noise {
    /// Of a rail at an offset; `program` is the time of spans.
    pub(super) fn of(rail: &Rail, busy: &Busy, offset_ns: f64, program: (i64, i64)) -> Self {
        let powers = rail.explain(busy, offset_ns).powers;
        let residuals = rail.residuals(busy, offset_ns, &powers);
        let squares = |of: &dyn Fn(&(f64, bool)) -> bool| {
            let chosen: Vec<f64> = residuals
                .iter()
                .filter(|r| of(r))
                .map(|r| r.0 * r.0)
                .collect();
            let count = chosen.len();
            (chosen.iter().sum::<f64>() / count.max(1) as f64, count)
        };
        let (all, count) = squares(&|_| true);
        let (inside, beside) = squares(&|residual| residual.1);
        let least = LEAST_NOISE * rail.total / count.max(1) as f64;
        let pairs = residuals.windows(2).map(|pair| pair[0].0 * pair[1].0);
        let memory = pairs.sum::<f64>() / (all * count as f64).max(f64::MIN_POSITIVE);
        let memory = memory.clamp(0.0, MOST_MEMORY);
        Self {
            beside,
            variance: all.max(inside).max(least),
            counts: (1.0 - memory) / (1.0 + memory),
            explained: explained_near(rail, offset_ns, program, &residuals),
        }
    }

    /// How much less likely it is that `more` is left.
    pub(super) fn against(&self, more: f64) -> f64 {
        let m = self.beside as f64;
        if m == 0.0 {
            return 0.0;
        }
        0.5 * m * (more.max(0.0) / (m * self.variance)).ln_1p() * self.counts / TEMPER
    }
}

/// Share of the variance around the program that is explained: what a long recording
/// holds besides it is another matter.
fn explained_near(
    rail: &Rail,
    offset_ns: f64,
    program: (i64, i64),
    residuals: &[(f64, bool)],
) -> f64 {
    let (begin, end) = (program.0 as f64, program.1 as f64);
    let margin = (end - begin) / 4.0 + 1e9;
    let near = |time_ns: f64| {
        let time_ns = time_ns - offset_ns;
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
    let left: f64 = near.iter().map(|(_, residual)| residual.0.powi(2)).sum();
    let flat = varies <= 1e-12 * mean_w.powi(2) * seconds;
    if flat {
        0.0
    } else {
        (1.0 - left / varies).max(0.0)
    }
}
