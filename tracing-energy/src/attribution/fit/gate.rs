//! Whether the fit may be trusted: does it predict samples that it has not seen
//! better than levels alone do?

use nalgebra::{Cholesky, DMatrix, DVector};

use super::gram::Gram;
use super::prior::Prior;
use super::solve::{Linear, Setting};

/// Most blocks of samples that are predicted in turn.
const BLOCKS: usize = 20;

/// What predicting came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verdict {
    /// Weight of the fit.
    pub(super) weight: f64,
    /// Gain per block in standard errors.
    pub(super) t: f64,
    /// Gain as a share of the fall-back's squared error.
    pub(super) gain: f64,
}

/// The edges of the blocks of `rows` samples.
pub(super) fn bounds(rows: usize) -> Vec<usize> {
    let blocks = BLOCKS.min((rows / 3).max(3));
    (0..=blocks).map(|b| b * rows / blocks).collect()
}

/// Compares the fit `u` with the best of `null`, block by block.
pub(super) fn judge(
    blocks: &[Gram],
    setting: Setting<'_>,
    prior: &Prior,
    null: &Prior,
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
    let better: Vec<f64> = level.iter().zip(&fit).map(|(a, b)| a - b).collect();
    let sum: f64 = better.iter().sum();
    let mean = sum / n;
    let variance = better.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    let t = mean / ((variance / n).sqrt() + 1e-12);
    let gain = sum / level.iter().sum::<f64>().max(1e-300);
    let weight = ((t - 1.0) / 2.0)
        .clamp(0.0, 1.0)
        .max(((gain - 0.3) / 0.2).clamp(0.0, 1.0));
    weight.is_finite().then_some(Verdict { weight, t, gain })
}

/// The fall-back model's own optimum.
fn level(whole: &Gram, setting: Setting<'_>, null: &Prior, sigma: f64) -> Option<DVector<f64>> {
    let mut u = setting.means.clone();
    for _ in 0..3 {
        let (_, z, _) = Linear::new(whole, &u, setting).at(null, sigma)?;
        for j in 0..u.len() {
            u[j] += (setting.means[j] + z[j] - u[j]).clamp(-0.7, 0.7);
        }
    }
    Some(u)
}

/// The squared error of each block, predicted from all others.
fn losses(
    whole: &Gram,
    blocks: &[Gram],
    setting: Setting<'_>,
    prior: &Prior,
    u: &DVector<f64>,
    sigma: f64,
) -> Option<Vec<f64>> {
    let all = Linear::new(whole, u, setting);
    let s2 = sigma * sigma;
    let one = |block: &Gram| {
        let own = Linear::new(block, u, setting);
        let matrix: DMatrix<f64> = (&all.products - &own.products) / s2 + &prior.precision;
        let mut z = (&all.right - &own.right) / s2;
        Cholesky::new(matrix)?.solve_mut(&mut z);
        let error = own.square - 2.0 * own.right.dot(&z) + z.dot(&(&own.products * &z));
        Some(error.max(0.0) / s2)
    };
    blocks.iter().map(one).collect()
}
