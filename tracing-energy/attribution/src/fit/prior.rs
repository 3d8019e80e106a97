//! Prior distributions of the kinds' log powers.

use nalgebra::{Cholesky, DMatrix, DVector, Dyn};

/// Spread of the level that all kinds share.
pub(super) const COMMON: f64 = 0.4;
/// Spread of the level that kinds of one parent share. Without it, a difference between two
/// phases of a program is assigned to the kinds with the most time.
pub(super) const PER_PARENT: f64 = 0.2;
/// Spread of the level that all calibrated kinds share: clocks differ from run to run.
pub(super) const CALIBRATED_SHIFT: f64 = 0.3;
/// Spread of the level that kinds known from earlier runs share.
pub(super) const POOLED_SHIFT: f64 = 0.2;
/// Spread of uncalibrated kinds if others are calibrated.
const UNCALIBRATED: f64 = 0.4;

/// Prior knowledge of a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Known {
    /// Logarithm of the power in watts.
    pub(super) ln_power: f64,
    /// Variance of `ln_power`.
    pub(super) variance: f64,
}

/// Priors of all columns, up to a scale that the samples determine.
#[derive(Debug, Clone)]
pub(super) struct PriorSet<'a> {
    pub(super) parent: &'a [u32],
    /// Spread of parents' levels; 0 if parents' spans overlap in time.
    pub(super) per_parent: f64,
    /// Prior knowledge by column.
    pub(super) known: Vec<Option<Known>>,
    /// Covariance from earlier runs (all columns; zero for unknown ones).
    pub(super) pooled: Option<DMatrix<f64>>,
    /// Standard deviation of idle power in watts.
    pub(super) idle_sd: f64,
}

/// A prior with a fixed scale.
#[derive(Debug, Clone)]
pub(super) struct ScaledPrior {
    /// Inverse of the covariance of log powers and idle.
    pub(super) precision: DMatrix<f64>,
    pub(super) ln_determinant: f64,
    /// Logarithm of its weight in the grid.
    pub(super) ln_weight: f64,
    /// Spread of kinds (uncalibrated), or the scale of calibration errors.
    pub(super) tau: f64,
}

impl PriorSet<'_> {
    pub(super) fn any_known(&self) -> bool {
        self.known.iter().any(Option::is_some)
    }

    /// Returns the means of the log powers, relative to `ln_level`.
    pub(super) fn means(&self, ln_level: f64) -> DVector<f64> {
        DVector::from_iterator(
            self.known.len(),
            self.known
                .iter()
                .map(|one| one.map_or(0.0, |k| k.ln_power - ln_level)),
        )
    }

    /// Returns the priors from which the samples select.
    pub(super) fn grid(&self) -> Vec<ScaledPrior> {
        let ratio = |x: f64, mid: f64| (x / mid).ln() / 0.5;
        if self.pooled.is_some() {
            return self.prior(UNCALIBRATED, 1.0, 0.0).into_iter().collect();
        }
        let points: &[f64] = if self.any_known() {
            &[1.0, 1.33, 2.0, 2.9]
        } else {
            &[0.15, 0.25, 0.4, 0.6, 0.9]
        };
        let priors = points.iter().filter_map(|&point| {
            if self.any_known() {
                self.prior(UNCALIBRATED, point, -0.5 * ratio(point, 1.0).powi(2))
            } else {
                self.prior(point, 1.0, -0.5 * ratio(point, 0.3).powi(2))
            }
        });
        priors.collect()
    }

    /// Returns the prior without differences between kinds except levels, with which the fit is
    /// compared.
    pub(super) fn null(&self) -> Option<ScaledPrior> {
        self.prior(1e-3, 0.0, 0.0)
    }

    fn prior(&self, tau: f64, scale: f64, ln_weight: f64) -> Option<ScaledPrior> {
        let n = self.parent.len();
        let mut covariance = DMatrix::zeros(n + 1, n + 1);
        let shift = if self.pooled.is_some() {
            POOLED_SHIFT
        } else {
            CALIBRATED_SHIFT
        }
        .powi(2);
        for j in 0..n {
            for k in 0..n {
                covariance[(j, k)] = match (&self.known[j], &self.known[k]) {
                    (None, None) => {
                        let same = if self.parent[j] == self.parent[k] {
                            self.per_parent.powi(2)
                        } else {
                            0.0
                        };
                        COMMON.powi(2) + same
                    }
                    (Some(_), Some(_)) => {
                        let pooled = self.pooled.as_ref().map_or(0.0, |p| p[(j, k)]);
                        shift + pooled * scale * scale
                    }
                    _ => 0.0,
                };
            }
            covariance[(j, j)] += match (&self.known[j], &self.pooled) {
                (None, _) => tau * tau,
                (Some(known), None) => (known.variance * scale * scale).max(1e-6),
                (Some(_), Some(_)) => 1e-6,
            };
        }
        covariance[(n, n)] = self.idle_sd.powi(2);
        let factor: Cholesky<f64, Dyn> = Cholesky::new(covariance)?;
        let ln_determinant = 2.0
            * factor
                .l_dirty()
                .diagonal()
                .iter()
                .map(|d| d.ln())
                .sum::<f64>();
        Some(ScaledPrior {
            precision: factor.inverse(),
            ln_determinant,
            ln_weight,
            tau: if self.any_known() { scale } else { tau },
        })
    }

    /// Prior variance of a column's log power.
    pub(super) fn variance(&self, column: usize, tau: f64) -> f64 {
        match (&self.known[column], &self.pooled) {
            (Some(_), Some(pooled)) => pooled[(column, column)] + POOLED_SHIFT.powi(2),
            (Some(known), None) => known.variance + CALIBRATED_SHIFT.powi(2),
            _ => {
                let tau = if self.any_known() { UNCALIBRATED } else { tau };
                tau * tau + COMMON.powi(2) + self.per_parent.powi(2)
            }
        }
    }
}
