//! Ordinary least squares by Householder's reflections.

use nalgebra::{DMatrix, DVector};

/// Diagonal elements of the triangle below this share of their column's length count as zero.
const RANK_TOLERANCE: f64 = 1e-10;

/// A fit of a linear model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LeastSquares {
    pub(crate) coefficients: DVector<f64>,
    /// Inverse of `X'X`: times the residual variance it is the covariance of the coefficients.
    pub(crate) inverse_gram: DMatrix<f64>,
    /// Sum of squared residuals.
    pub(crate) squares: f64,
    /// Residual degrees of freedom.
    pub(crate) df: usize,
}

/// Fits `y = X b`; returns `None` if the columns of `X` are dependent or a number is not finite.
pub(crate) fn least_squares(x: &DMatrix<f64>, y: &DVector<f64>) -> Option<LeastSquares> {
    let df = x.nrows().checked_sub(x.ncols())?;
    let qr = x.clone().qr();
    let triangle = qr.r();
    let is_independent = |at: usize| {
        let length = x.column(at).norm();
        length > 0.0 && triangle[(at, at)].abs() > RANK_TOLERANCE * length
    };
    if x.ncols() == 0 || !(0..x.ncols()).all(is_independent) {
        return None;
    }
    let inverse = triangle.try_inverse()?;
    let coefficients = &inverse * qr.q().tr_mul(y);
    let squares = (y - x * &coefficients).norm_squared();
    let is_finite = squares.is_finite() && coefficients.iter().all(|one| one.is_finite());
    is_finite.then(|| LeastSquares {
        inverse_gram: &inverse * inverse.transpose(),
        coefficients,
        squares,
        df,
    })
}

impl LeastSquares {
    /// Returns the residual variance; `None` without degrees of freedom.
    pub(crate) fn variance(&self) -> Option<f64> {
        (self.df > 0).then(|| self.squares / self.df as f64)
    }
}
