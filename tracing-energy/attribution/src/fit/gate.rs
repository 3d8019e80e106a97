//! Decides whether to trust a fit: it must predict held-out samples better than levels alone.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::gram::Gram;
use super::prior::ScaledPrior;
use super::solve::{LinearSystem, SolveSetting};

/// Largest number of blocks for cross-validation.
const BLOCKS: usize = 20;

/// The weight grows from 0 to 1 between these values of the gain per block in standard errors,
const T: (f64, f64) = (1.0, 3.0);
/// of the mean logarithmic gain (below which the risk is too high),
const EFFECT: (f64, f64) = (0.02, 0.05);
/// of both if a calibration or earlier runs are the fall-back,
const KNOWING_T: (f64, f64) = (0.5, 2.0);
const KNOWING_EFFECT: (f64, f64) = (0.0, 0.03);
/// and of the share of squared error that is saved, which is sufficient by itself.
const GAIN: (f64, f64) = (0.3, 0.5);
const TINY: f64 = 1e-300;

/// Result of cross-validation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verdict {
    /// Weight of the fit.
    pub(super) weight: f64,
    /// Gain per block in standard errors.
    pub(super) t: f64,
    /// Gain as a share of the fall-back's squared error.
    pub(super) gain: f64,
}

/// Returns the edges of the blocks of `rows` samples.
pub(super) fn bounds(rows: usize) -> Vec<usize> {
    let blocks = BLOCKS.min((rows / 3).max(3));
    (0..=blocks).map(|b| b * rows / blocks).collect()
}

/// Compares the fit `u` with the best of `null`, block by block.
pub(super) fn judge(
    blocks: &[Gram],
    setting: SolveSetting<'_>,
    prior: &ScaledPrior,
    null: &ScaledPrior,
    u: &DVector<f64>,
    sigma: f64,
) -> Option<Verdict> {
    let mut whole = blocks.first()?.clone();
    for block in &blocks[1..] {
        whole.products += &block.products;
        whole.rows += block.rows;
    }
    let flat = level(&whole, setting, null, sigma)?;
    let fit = losses(&whole, blocks, setting, prior, u, sigma)?;
    let level = losses(&whole, blocks, setting, null, &flat, sigma)?;
    let n = fit.len() as f64;
    // Logarithms, so that one bad block does not outvote all others.
    let better: Vec<f64> = level
        .iter()
        .zip(&fit)
        .map(|(a, b)| (a.max(TINY) / b.max(TINY)).ln())
        .collect();
    let mean = better.iter().sum::<f64>() / n;
    let variance = better.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let t = mean / ((variance / n).sqrt() + 1e-12);
    let before: f64 = level.iter().sum();
    let gain = (before - fit.iter().sum::<f64>()) / before.max(TINY);
    let ramp = |x: f64, from: f64, to: f64| ((x - from) / (to - from)).clamp(0.0, 1.0);
    // A fit that starts from known powers carries less risk.
    let has_priors = setting.means.amax() > 0.0;
    let ((t0, t1), (e0, e1)) = if has_priors {
        (KNOWING_T, KNOWING_EFFECT)
    } else {
        (T, EFFECT)
    };
    let sure = ramp(t, t0, t1) * ramp(mean, e0, e1);
    let enough = if has_priors {
        1.0
    } else {
        ramp(whole.rows as f64 / u.len() as f64, 1.0, 2.0)
    };
    let weight = sure.max(ramp(gain, GAIN.0, GAIN.1)) * enough;
    weight.is_finite().then_some(Verdict { weight, t, gain })
}

/// Returns the optimum of the fall-back model.
fn level(
    whole: &Gram,
    setting: SolveSetting<'_>,
    null: &ScaledPrior,
    sigma: f64,
) -> Option<DVector<f64>> {
    let mut u = setting.means.clone();
    for _ in 0..3 {
        let (_, z, _) = LinearSystem::new(whole, &u, setting).at(null, sigma)?;
        for j in 0..u.len() {
            u[j] += (setting.means[j] + z[j] - u[j]).clamp(-0.7, 0.7);
        }
    }
    Some(u)
}

/// Returns the squared error of each block, predicted from all others.
fn losses(
    whole: &Gram,
    blocks: &[Gram],
    setting: SolveSetting<'_>,
    prior: &ScaledPrior,
    u: &DVector<f64>,
    sigma: f64,
) -> Option<Vec<f64>> {
    let all = LinearSystem::new(whole, u, setting);
    let s2 = sigma * sigma;
    let one = |block: &Gram| {
        let own = LinearSystem::new(block, u, setting);
        let matrix: DMatrix<f64> = (&all.products - &own.products) / s2 + &prior.precision;
        let mut z = (&all.right - &own.right) / s2;
        Cholesky::new(matrix)?.solve_mut(&mut z);
        let error = own.square - 2.0 * own.right.dot(&z) + z.dot(&(&own.products * &z));
        Some(error.max(0.0) / s2)
    };
    blocks.iter().map(one).collect()
}
