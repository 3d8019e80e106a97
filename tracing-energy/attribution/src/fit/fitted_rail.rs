//! Fit of one rail, from which its energies are computed.

use nalgebra::{DMatrix, DVector};

use super::gate::Verdict;
use super::rail::{Fitted, RailView};

/// The exponents of concurrency to try.
pub(super) const ALPHAS: [f64; 7] = [0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0];

/// Fit of a rail before energies are computed.
pub(super) struct FittedRail {
    pub(super) alpha: f64,
    pub(super) view: RailView,
    pub(super) fitted: Option<Fitted>,
    pub(super) verdict: Option<Verdict>,
    /// Change of log powers per standard deviation of the offset.
    pub(super) slope: Option<DVector<f64>>,
}

/// Adds the contribution of `slope` to the covariance of log powers.
pub(super) fn with_slope(covariance: &DMatrix<f64>, slope: Option<&DVector<f64>>) -> DMatrix<f64> {
    let n = covariance.nrows() - 1;
    let own = covariance.view((0, 0), (n, n)).into_owned();
    match slope {
        Some(slope) => own + slope * slope.transpose(),
        None => own,
    }
}
