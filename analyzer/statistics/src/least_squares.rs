//! Ordinary least squares by singular values.

use nalgebra::{DMatrix, DVector};

/// Singular values below this share of the largest count as zero.
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
    let svd = x.clone().try_svd(true, true, f64::EPSILON, 1000)?;
    let largest = svd.singular_values.max();
    let is_independent = |s: &f64| *s > RANK_TOLERANCE * largest;
    if x.ncols() == 0 || !svd.singular_values.iter().all(is_independent) {
        return None;
    }
    let coefficients = svd.solve(y, 0.0).ok()?;
    let v_t = svd.v_t.as_ref()?;
    let squared = svd.singular_values.map(|s| 1.0 / (s * s));
    let inverse_gram = v_t.transpose() * DMatrix::from_diagonal(&squared) * v_t;
    let squares = (y - x * &coefficients).norm_squared();
    let is_finite = squares.is_finite() && coefficients.iter().all(|one| one.is_finite());
    is_finite.then_some(LeastSquares {
        coefficients,
        inverse_gram,
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
