//! Student's t distribution, by the regularised incomplete beta function: with
//! `x = df / (df + t^2)` the two tails beyond `t` hold `I_x(df / 2, 1 / 2)`.

use statrs::function::beta::{beta_reg, ln_beta};

/// More degrees of freedom than this change nothing in seven digits.
const MANY: f64 = 1e8;
/// Steps of Newton's method; each at least multiplies a heavy tail by `1 + 1 / df`.
const STEPS: usize = 500;

/// How likely a value at least as far from zero as `t` is.
pub(super) fn two_tails(t: f64, df: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    let df = df.min(MANY);
    beta_reg(df / 2.0, 0.5, df / (df + t * t))
}

/// The value beyond which, on both sides together, the part `tails` lies.
///
/// What lies beyond falls ever more slowly, so that Newton's steps from zero approach
/// from below and never pass the solution.
pub(super) fn quantile_of_two_tails(tails: f64, df: f64) -> f64 {
    let df = df.min(MANY);
    let mut t = 0.0;
    for _ in 0..STEPS {
        let step = (two_tails(t, df) - tails) / (2.0 * density(t, df));
        if !(step > 1e-13 * t && step.is_finite()) {
            break;
        }
        t += step;
    }
    t
}

fn density(t: f64, df: f64) -> f64 {
    let ln = -(df + 1.0) / 2.0 * (t * t / df).ln_1p() - df.ln() / 2.0 - ln_beta(df / 2.0, 0.5);
    ln.exp()
}
