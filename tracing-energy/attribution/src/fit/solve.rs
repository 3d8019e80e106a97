//! The most likely log powers, given whitened products and a prior.

use nalgebra::{Cholesky, DMatrix, DVector};

use super::gram::Gram;
use super::noise::IdleNoise;
use super::prior::ScaledPrior;

/// Largest change of a log power in one step.
const LONGEST_STEP: f64 = 0.7;
/// Step length below which a fit has converged.
const SETTLED: f64 = 0.01;
/// Points whose log evidence is lower than the best by this are ignored.
const NEGLIGIBLE: f64 = 5.0;
/// Largest number of averaged points.
const MOST_POINTS: usize = 12;

/// Returns the grid of noise sizes relative to the variances.
pub(super) fn sigmas() -> [f64; 9] {
    std::array::from_fn(|i| 0.8 * (20.0_f64 / 0.8).powf(i as f64 / 12.0))
}

/// Inputs of a fit that do not depend on log powers.
#[derive(Debug, Clone, Copy)]
pub(super) struct SolveSetting<'a> {
    pub(super) priors: &'a [ScaledPrior],
    pub(super) means: &'a DVector<f64>,
    pub(super) idle: IdleNoise,
    /// Reference power of `u` in watts.
    pub(super) level_w: f64,
    pub(super) steps: usize,
}

/// A fit.
#[derive(Debug, Clone)]
pub(super) struct Solution {
    /// Log powers relative to the level.
    pub(super) u: DVector<f64>,
    pub(super) idle_w: f64,
    /// Covariance of `u` and idle.
    pub(super) covariance: DMatrix<f64>,
    pub(super) df: f64,
    /// Index of the most likely products.
    pub(super) whitened: usize,
    pub(super) prior: usize,
    pub(super) tau: f64,
    pub(super) sigma: f64,
    pub(super) evidence: f64,
}

/// The linear problem at one set of log powers.
pub(super) struct LinearSystem {
    pub(super) products: DMatrix<f64>,
    pub(super) right: DVector<f64>,
    pub(super) square: f64,
    rows: f64,
    ln_variances: f64,
}

impl LinearSystem {
    pub(super) fn new(gram: &Gram, u: &DVector<f64>, setting: SolveSetting<'_>) -> Self {
        let n = u.len();
        let power = |j: usize| setting.level_w * u[j].exp();
        let mut target = DVector::zeros(n + 2);
        for j in 0..n {
            target[j] = power(j) * (u[j] - setting.means[j] - 1.0);
        }
        target[n] = -setting.idle.watts;
        target[n + 1] = 1.0;
        let scale = DVector::from_fn(n + 1, |j, _| if j < n { power(j) } else { 1.0 });
        let projected = &gram.products * &target;
        let square = target.dot(&projected).max(0.0);
        let right = DVector::from_fn(n + 1, |j, _| projected[j] * scale[j]);
        let products = DMatrix::from_fn(n + 1, n + 1, |j, k| {
            gram.products[(j, k)] * scale[j] * scale[k]
        });
        Self {
            products,
            right,
            square,
            rows: gram.rows as f64,
            ln_variances: gram.ln_variances,
        }
    }

    /// Returns log evidence, solution and factor at one prior and noise size.
    pub(super) fn at(
        &self,
        prior: &ScaledPrior,
        sigma: f64,
    ) -> Option<(f64, DVector<f64>, Cholesky<f64, nalgebra::Dyn>)> {
        let s2 = sigma * sigma;
        let mut matrix = &self.products / s2;
        matrix += &prior.precision;
        let factor = Cholesky::new(matrix)?;
        let mut z = self.right.clone() / s2;
        factor.solve_mut(&mut z);
        let explained = self.right.dot(&z);
        let ln_det = 2.0
            * factor
                .l_dirty()
                .diagonal()
                .iter()
                .map(|d| d.ln())
                .sum::<f64>();
        let fit = (self.square - explained).max(0.0) / s2;
        let noise = self.rows * s2.ln() + self.ln_variances;
        let evidence = -0.5 * (noise + prior.ln_determinant + ln_det + fit) + prior.ln_weight
            - 0.5 * (sigma.ln() / 0.6).powi(2);
        evidence.is_finite().then_some((evidence, z, factor))
    }
}

struct GridPoint {
    evidence: f64,
    whitened: usize,
    prior: usize,
    sigma: f64,
}

/// Fits, starting from `start`. `None` if the computation fails.
pub(super) fn solve(
    whitened: &[Gram],
    setting: SolveSetting<'_>,
    start: &DVector<f64>,
) -> Option<Solution> {
    let n = start.len();
    let mut u = start.clone();
    let mut alive: Vec<usize> = (0..whitened.len()).collect();
    let mut step = 0;
    loop {
        let linear: Vec<LinearSystem> = whitened
            .iter()
            .map(|w| LinearSystem::new(w, &u, setting))
            .collect();
        let (points, evidence) = points(&linear, &alive, setting)?;
        let mut z = DVector::zeros(n + 1);
        for (weight, point) in &points {
            let (_, at, _) =
                linear[point.whitened].at(&setting.priors[point.prior], point.sigma)?;
            z.axpy(*weight, &at, 1.0);
        }
        let mut longest = 0.0_f64;
        for j in 0..n {
            let change = (setting.means[j] + z[j] - u[j]).clamp(-LONGEST_STEP, LONGEST_STEP);
            u[j] += change;
            longest = longest.max(change.abs());
        }
        step += 1;
        if longest < SETTLED || step >= setting.steps {
            return finish(&linear, setting, &points, evidence, u, z);
        }
        alive.retain(|w| points.iter().any(|(_, p)| p.whitened == *w));
    }
}

/// Returns the relevant points of the grid with their weights, and the log evidence of all.
fn points(
    linear: &[LinearSystem],
    alive: &[usize],
    setting: SolveSetting<'_>,
) -> Option<(Vec<(f64, GridPoint)>, f64)> {
    let mut all = Vec::new();
    for &whitened in alive {
        for (at, prior) in setting.priors.iter().enumerate() {
            for sigma in sigmas() {
                let Some((evidence, _, _)) = linear[whitened].at(prior, sigma) else {
                    continue;
                };
                all.push(GridPoint {
                    evidence,
                    whitened,
                    prior: at,
                    sigma,
                });
            }
        }
    }
    all.sort_by(|a, b| b.evidence.total_cmp(&a.evidence));
    let best = all.first()?.evidence;
    let sum: f64 = all.iter().map(|p| (p.evidence - best).exp()).sum();
    all.retain(|p| p.evidence > best - NEGLIGIBLE);
    all.truncate(MOST_POINTS);
    let kept: f64 = all.iter().map(|p| (p.evidence - best).exp()).sum();
    let weighed = all
        .into_iter()
        .map(|p| ((p.evidence - best).exp() / kept, p))
        .collect();
    Some((weighed, best + sum.ln()))
}

fn finish(
    linear: &[LinearSystem],
    setting: SolveSetting<'_>,
    points: &[(f64, GridPoint)],
    evidence: f64,
    u: DVector<f64>,
    z: DVector<f64>,
) -> Option<Solution> {
    let n = u.len();
    let mut covariance = DMatrix::zeros(n + 1, n + 1);
    let (mut df, mut tau) = (0.0, 0.0);
    for (weight, point) in points {
        let prior = &setting.priors[point.prior];
        let lin = &linear[point.whitened];
        let (_, at, factor) = lin.at(prior, point.sigma)?;
        let inverse = factor.inverse();
        let off = &at - &z;
        let used = (n + 1) as f64 - inverse.component_mul(&prior.precision).sum();
        covariance += (&inverse + &off * off.transpose()) * *weight;
        df += weight * (lin.rows - used);
        tau += weight * prior.tau;
    }
    let best = &points.first()?.1;
    Some(Solution {
        idle_w: (setting.idle.watts + z[n]).max(0.0),
        u,
        covariance,
        df: df.max(4.0),
        whitened: best.whitened,
        prior: best.prior,
        tau,
        sigma: best.sigma,
        evidence,
    })
}
